from scene3d.synth.language import LanguageSample, Turn
from scene3d.train.exchanges import exchanges_of


def turn(user, answer, links, selected=()):
    return Turn(user=user, selected=selected, answer=answer, links=links, targets=(1,))


def test_every_turn_knows_what_was_said_and_named_before():
    sample = LanguageSample(
        task="dialogue",
        family="other_one",
        template="t",
        turns=(
            turn("Describe <ref>.", "<p>A lamp<ref></p> on the<p> desk<ref></p>.", ((4,), (2, 4)), selected=(4,)),
            turn("Its colour?", "white", ()),
        ),
    )
    first, second = exchanges_of(sample)
    assert first.question.spoken() == "Describe this object."
    assert first.spoken_of == ()
    assert second.spoken_of == (4, 2)
    assert second.question.spoken() == "Describe this object. Its colour?"
    assert [said.answer for said in second.question.before] == ["A lamp on the desk."]
