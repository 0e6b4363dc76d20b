import copy
import pickle

import pytest
import torch
from torch import nn

from scene3d.errors import ConfigError
from scene3d.model.naming import NAMES, Naming, NamingConfig, told_of
from scene3d.model.question import Question, Said
from scene3d.model.relations import RelationScorer, ScorerConfig
from scene3d.model.text import text_encoder
from tests.model.language_parts import KINDS, some_referents


def scorer() -> RelationScorer:
    torch.manual_seed(2)
    config = ScorerConfig(feature_width=8, kinds=len(KINDS), width=32, heads=2)
    return RelationScorer(config, torch.randn(len(KINDS), 384)).eval()


def test_words_are_as_the_encoder_gives_them_one_by_one():
    sentences = ["A lamp.", "The chair between the bed and the wardrobe"]
    words, (late, present) = text_encoder().words(sentences), text_encoder().tokens(sentences)
    assert torch.equal(words.late, late)
    assert torch.equal(words.present, present)
    assert words.span == text_encoder().spans(sentences)
    assert words.early.shape == late.shape
    assert not torch.allclose(words.early, late)


def taught(named: list[float]) -> Naming:
    """A naming that takes every word for the likeliest of these, whatever it reads."""
    naming = Naming(NamingConfig()).eval()
    with torch.no_grad():
        naming.name.weight.zero_()
        naming.name.bias.copy_(torch.tensor(named))
    return naming


def test_padding_does_not_change_what_is_named():
    torch.manual_seed(1)
    naming = Naming(NamingConfig()).eval()
    questions = [Question(text="the lamp"), Question(text="the chair that stands between the bed and the wardrobe")]
    together = naming.named(questions, text_encoder())
    alone = [naming.named([question], text_encoder())[0] for question in questions]
    assert together == alone
    assert all(len(names) == NAMES for names in together)


def test_a_dialogue_names_nothing():
    naming, question = taught([0.0, 20.0, 0.0, 0.0, 0.0]), Question(text="the lamp on the desk")
    later = Question(text="the lamp on the desk", before=(Said(user="Hello", answer="Hello"),))
    assert naming.named([question, later], text_encoder()) == [["the lamp on the desk", "", "", ""], [""] * NAMES]


def ups(naming: Naming) -> list[nn.Parameter]:
    """The weights that are zero before an adapter has learnt."""
    return [weight for name, weight in naming.named_parameters() if name.endswith(".up.weight")]


def test_an_adapter_that_has_learnt_nothing_changes_nothing_and_the_encoder_never_changes():
    encoder = text_encoder()
    before = encoder.encode(["a lamp"])
    tokens, _ = encoder.tokenized(["a lamp", "the chair by the window"])
    naming = Naming(NamingConfig()).eval()
    with torch.no_grad():
        untaught = naming(tokens, encoder)
        torch.testing.assert_close(untaught, naming.name(encoder.model(**tokens).last_hidden_state))
        for weight in ups(naming):
            weight.normal_()
        assert not torch.allclose(naming(tokens, encoder), untaught, atol=0.1)
    assert torch.equal(encoder.encode(["a lamp"]), before)


def test_the_encoders_weights_are_shared_and_stay_as_they_are_in_training():
    encoder, naming = text_encoder(), Naming(NamingConfig()).train()
    tokens, _ = encoder.tokenized(["a lamp"])
    naming(tokens, encoder).square().sum().backward()
    assert not encoder.model.training
    assert all(weight.grad is None for weight in encoder.model.parameters())
    assert all(weight.grad is not None for weight in ups(naming))
    assert not set(naming.state_dict()) & set(encoder.model.state_dict())


def test_a_copy_reads_with_its_own_adapters():
    tokens, _ = text_encoder().tokenized(["a lamp"])
    naming = Naming(NamingConfig()).eval()
    with torch.no_grad():
        untaught = naming(tokens, text_encoder())
        for twin in (copy.deepcopy(naming), pickle.loads(pickle.dumps(naming))):
            for weight in ups(twin):
                weight.normal_()
            assert not torch.allclose(twin(tokens, text_encoder()), untaught, atol=0.1)
            assert torch.equal(naming(tokens, text_encoder()), untaught)


def test_sizes_of_another_encoder_are_refused():
    with pytest.raises(ConfigError, match="naming"):
        Naming(NamingConfig(layers=2)).named([Question(text="a lamp")], text_encoder())


def test_what_is_told_is_what_each_name_finds_alone():
    seen, of, encoder = some_referents(5), scorer(), text_encoder()
    named = [["lamp", "the desk", "", ""], ["", "", "", ""], ["lamp", "", "the desk", ""]]
    selected = torch.zeros(3, 5, 2)
    told = told_of(named, of, encoder.tokens, seen, selected)
    assert told.sought.tolist() == [True, False, True]
    assert told.by.tolist() == [[True, False, False], [False] * 3, [False, True, False]]
    with torch.no_grad():
        lamp = of(*encoder.tokens(["lamp"]), seen, torch.zeros(1, 5, 2))
    torch.testing.assert_close(told.candidate[0], lamp.candidate[0], atol=1e-4, rtol=1e-4)
    assert torch.equal(told.candidate[0], told.candidate[2])
    assert torch.equal(told.anchor[0, 0], told.anchor[2, 1])
    torch.testing.assert_close(told.anchor[0, 0].exp().sum(), torch.tensor(1.0))


def test_the_scorer_takes_what_it_is_told():
    seen, of = some_referents(5), scorer()
    token, present = text_encoder().tokens(["on the desk there is a lamp", "a lamp"])
    told = told_of([["lamp", "the desk", "", ""], []], of, text_encoder().tokens, seen, torch.zeros(2, 5, 2))
    with torch.no_grad():
        plain, heard = (of(token, present, seen, torch.zeros(2, 5, 2), told=each) for each in (None, told))
    assert torch.equal(heard.candidate[0], told.candidate[0])
    assert torch.equal(heard.anchor[0, 0], told.anchor[0, 0])
    assert torch.equal(heard.anchor[0, 1], plain.anchor[0, 1])
    assert not torch.allclose(heard.target[0], plain.target[0])
    torch.testing.assert_close(heard.target[1], plain.target[1])


def test_a_name_for_what_the_user_selected_goes_by_the_selection():
    seen, of, chosen = some_referents(4), scorer(), []
    of.register_forward_pre_hook(lambda _, given: chosen.append(given[3]))
    selected = torch.zeros(2, 4, 2)
    selected[0, 2, 0] = 1
    told_of([["", "this object", "", ""], ["", "the desk", "", ""]], of, text_encoder().tokens, seen, selected)
    assert chosen[0][:, :, 0].tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]
