import pytest
import torch

from scene3d.errors import InputError
from scene3d.types import Phrase
from scene3d_viewer.conversation import Conversation, coloured_html
from scene3d_viewer.picking import Picker
from scene3d_viewer.session import Exchange
from tests.viewer.room import LAMP, SHELF, TABLE, ScriptedSession, make_plan, make_scene


def make_conversation() -> tuple[Conversation, ScriptedSession]:
    session = ScriptedSession()
    return Conversation(session, make_plan=lambda _: make_plan()), session


def test_an_answer_streams_then_lights_its_objects() -> None:
    talk, _ = make_conversation()
    pieces = list(talk.ask("Where is the lamp?"))
    assert "".join(p for p in pieces if isinstance(p, str)) == "The lamp stands on the table."
    assert [p.objects[0].id for p in pieces if isinstance(p, Phrase)] == [LAMP, TABLE]
    assert isinstance(pieces[-1], Exchange)
    assert talk.exchanges == [pieces[-1]]
    assert talk.lit == (LAMP, TABLE)


def test_selected_objects_become_refs_of_the_next_question_only() -> None:
    talk, session = make_conversation()
    talk.select([SHELF, TABLE])
    list(talk.ask("What is on <ref>?"))
    list(talk.ask("Is there a piano?"))
    assert session.asked == [("What is on <ref>? <ref>", (SHELF, TABLE)), ("Is there a piano?", ())]
    assert talk.selected == ()


def test_what_is_selected_while_an_answer_comes_stays_for_the_next_question() -> None:
    talk, _ = make_conversation()
    talk.select([SHELF])
    answer = talk.ask("Describe <ref>.")
    next(answer)
    talk.select([TABLE])
    list(answer)
    assert talk.selected == (TABLE,)


def test_an_object_on_another_is_drawn_in_its_own_colour() -> None:
    layers = Conversation(ScriptedSession()).layers
    regions, row = layers.surface.regions, {o.id: o.row for o in layers.objects}
    both, alone = regions.parts([row[TABLE], row[LAMP]]), regions.parts([row[TABLE]])
    assert not (both[row[TABLE]] & both[row[LAMP]]).any()
    assert bool(both[row[LAMP]].any())
    assert torch.equal(both[row[TABLE]] | both[row[LAMP]], alone[row[TABLE]])


def test_clicks_select_and_take_back_and_a_double_click_asks_for_a_caption() -> None:
    talk, _ = make_conversation()
    shelf = talk.layers.by_id(SHELF)
    assert not talk.click(shelf, now_s=1.0)
    assert talk.selected == (SHELF,)
    assert talk.click(shelf, now_s=1.2)
    assert talk.selected == (SHELF,)
    assert not talk.click(shelf, now_s=9.0)
    assert talk.selected == ()
    talk.light([TABLE])
    talk.click(None)
    assert talk.shown() == ()
    exchange = talk.describe(SHELF)
    assert exchange.answer.text == "A grey shelf of a toy."
    assert talk.lit == (SHELF,)


def test_chips_light_up_and_put_out() -> None:
    talk, _ = make_conversation()
    talk.light([TABLE, 77])
    assert talk.lit == (TABLE,)
    talk.pin(SHELF, True)
    assert talk.shown() == (TABLE, SHELF)
    talk.pin(TABLE, False)
    talk.light([SHELF])
    assert talk.lit == ()


def test_a_plan_is_stepped_through() -> None:
    talk, _ = make_conversation()
    assert talk.ask_plan("brighter").valid
    seen = [(talk.step, talk.lit)]
    for by in (1, 1, 1, -1, -1, -1):
        talk.go(by)
        seen.append((talk.step, talk.lit))
    steps = [1, 2, 3, 3, 2, 1, None]
    assert [step for step, _ in seen] == steps
    assert seen[1][1] == (LAMP,)
    assert talk.lit == ()
    with pytest.raises(InputError, match="planner"):
        Conversation(ScriptedSession()).ask_plan("brighter")


def test_html_of_an_answer_is_escaped_and_strikes_out_what_is_absent() -> None:
    talk, session = make_conversation()
    answer = session.ask("piano")
    assert coloured_html(talk.layers, answer.text, answer.phrases) == "No <s>piano</s> is here."
    assert "&lt;b&gt;" in coloured_html(talk.layers, "<b>", ())


@pytest.mark.parametrize("mesh", [True, False])
def test_a_ray_meets_the_lamp_before_the_table_and_passes_the_ceiling(mesh: bool) -> None:
    layers = Conversation(ScriptedSession(make_scene(mesh=mesh))).layers
    picker = Picker(layers)
    down = (0.0, 0.0, -1.0)
    lamp = picker.object_of(picker.point_on_ray((1.5, 1.4, 5.0), down, below_m=layers.ceiling_cut_m))
    table = picker.object_of(picker.point_on_ray((1.1, 1.1, 5.0), down, below_m=layers.ceiling_cut_m))
    assert lamp is not None
    assert table is not None
    assert (lamp.id, table.id) == (LAMP, TABLE)
    floor = picker.point_on_ray((0.5, 0.5, 5.0), down, below_m=layers.ceiling_cut_m)
    assert picker.object_of(floor) is None
    assert picker.point_on_ray((9.0, 9.0, 5.0), down, below_m=9.0) is None


def test_objects_mostly_inside_a_selection_are_selected() -> None:
    talk, _ = make_conversation()
    xyz_m = talk.layers.surface.xyz_m
    assert talk.picker.objects_of(xyz_m[:, 0] > 3.0) == (SHELF,)
    assert set(talk.picker.objects_of(torch.ones(len(xyz_m), dtype=torch.bool))) == {TABLE, LAMP, SHELF}
