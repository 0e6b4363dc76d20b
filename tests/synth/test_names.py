from scene3d.labels import class_list
from scene3d.synth.names import _table, names_of


def test_no_heldout_word_is_ever_trained_on() -> None:
    trained = {word for names in _table().values() for word in names.train}
    heldout = {word for names in _table().values() for word in names.heldout}
    assert not trained & heldout


def test_a_label_without_a_row_is_called_by_its_name() -> None:
    assert names_of("unheard-of thing").train == ("unheard-of thing",)
    assert names_of("couch").train[0] == "sofa"


def test_most_of_the_table_is_scannet200() -> None:
    known = set(class_list("scannet200").names)
    assert sum(label in known for label in _table()) >= 0.9 * len(_table())
