from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scene3d.config import load_config
from scene3d.model.close_ups import CloseUp
from scene3d.model.detector import Detector
from scene3d.model.encoding import Encoding
from scene3d.model.grounder import Grounder, GrounderConfig
from scene3d.model.paint import paint
from scene3d.model.proposals import ReadingRules
from scene3d.model.recognition import Recognition, RecognitionConfig, close_ups
from scene3d.model.scan import ScanPoints
from scene3d.train.detector import DetectorTraining
from scene3d.train.targets import scan_targets
from scene3d.types import Scene
from tests.train.rooms import toy_sample

SMALL = RecognitionConfig(point_m=0.04, pixels=32, width=0.25, hidden=16)


@pytest.fixture
def recognition() -> Recognition:
    torch.manual_seed(0)
    untrained = Recognition(SMALL, 5)
    for _ in range(3):
        untrained(views())  # figures for the norms
    return untrained.eval()


def views() -> list[CloseUp]:
    sample = toy_sample(0)
    return [view for view, _ in close_ups(sample.scan, scan_targets(sample).mask > 0)]


def scene() -> Scene:
    scan = toy_sample(0).scan
    assert scan.rgb is not None
    return Scene(
        name="toy",
        xyz_m=scan.xyz_m,
        rgb=(scan.rgb * 255).byte(),
        normal=scan.normal,
        superpoint=scan.superpoint,
        file_from_scene=torch.eye(4, dtype=torch.float64),
    )


def encoding(mask: torch.Tensor, superpoint: torch.Tensor) -> Encoding:
    many = len(mask)
    return Encoding(
        superpoint=superpoint,
        mask=mask,
        score=torch.full((many,), 0.5),
        feature=torch.zeros(many, 4),
        class_logit=torch.randn(many, 6, generator=torch.Generator().manual_seed(1)),
        front=torch.zeros(many, 2),
        facing_logit=torch.zeros(many),
        colour_logit=torch.zeros(many, 12),
        material_logit=torch.zeros(many, 10),
    )


@torch.no_grad()
def test_things_do_not_see_each_other(recognition: Recognition) -> None:
    things = views()
    alone = torch.cat([recognition([thing]) for thing in things])
    torch.testing.assert_close(recognition(things), alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(recognition(things[::-1]), alone.flip(0), atol=1e-5, rtol=1e-4)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


@torch.no_grad()
def test_where_a_thing_stands_on_the_floor_does_not_matter(recognition: Recognition) -> None:
    thing = views()[2]
    moved = replace(thing, xyz_m=thing.xyz_m + torch.tensor([8.0, 4.0, 0.0]))
    raised = replace(thing, xyz_m=thing.xyz_m + torch.tensor([0.0, 0.0, 1.0]))
    here, there, higher = recognition([thing, moved, raised])
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-3)
    assert (here - higher).abs().max() > 1e-3


def test_a_close_up_shows_the_thing_and_a_rim() -> None:
    sample = toy_sample(0)
    target = scan_targets(sample)
    for (view, superpoint), row in zip(close_ups(sample.scan, target.mask > 0), target.mask, strict=True):
        assert int(view.inside.sum()) == int(row[sample.scan.superpoint].sum())
        assert torch.equal(view.inside, row[superpoint] > 0)
        own = view.xyz_m[view.inside]
        rim = torch.maximum(own.amin(0) - view.xyz_m.amin(0), view.xyz_m.amax(0) - own.amax(0))
        assert 0.05 < float(rim.max()) <= 0.1001


@torch.no_grad()
def test_both_looks_count(recognition: Recognition) -> None:
    sample = toy_sample(0)
    mask = scan_targets(sample).mask > 0
    first = encoding(mask, sample.scan.superpoint)
    told = by_mask(recognition.told(sample.scan, first), mask)
    second = recognition([view for view, _ in close_ups(sample.scan, mask)]).softmax(1)
    mean = first.class_logit[:, :-1].softmax(1) ** 0.5 * second**0.5
    expected = mean / mean.sum(1, keepdim=True)
    torch.testing.assert_close(told.class_logit[:, :-1].softmax(1), expected, atol=1e-4, rtol=1e-3)
    assert torch.equal(told.class_logit[:, -1], first.class_logit[:, -1])
    torch.testing.assert_close(told.class_logit.softmax(1)[:, -1], first.class_logit.softmax(1)[:, -1])
    rise = told.score.logit() - first.score.logit()
    certain = SMALL.agreement * mean.sum(1).log() + SMALL.certainty * expected.amax(1).log()
    torch.testing.assert_close(rise, certain + SMALL.lift, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_both_looks_count_at_colours_and_materials(recognition: Recognition) -> None:
    sample = toy_sample(0)
    scan, mask = sample.scan, scan_targets(sample).mask > 0
    assert scan.rgb is not None
    generator = torch.Generator().manual_seed(2)
    first = replace(
        encoding(mask, scan.superpoint),
        colour_logit=torch.randn(len(mask), 12, generator=generator),
        material_logit=torch.randn(len(mask), 10, generator=generator),
    )
    told = by_mask(recognition.told(scan, first), mask)
    feature = recognition.features([view for view, _ in close_ups(scan, mask)])
    known = [feature, recognition.head(feature).softmax(1), paint(mask[:, scan.superpoint], scan.rgb)]
    second = recognition.look(torch.cat(known, dim=1)).split([12, 10], dim=1)
    for one, other, both in zip(
        (first.colour_logit, first.material_logit), second, (told.colour_logit, told.material_logit), strict=True
    ):
        mean = one.softmax(1) ** (1 - SMALL.look_weight) * other.softmax(1) ** SMALL.look_weight
        torch.testing.assert_close(both.softmax(1), mean / mean.sum(1, keepdim=True), atol=1e-4, rtol=1e-3)
    grey = by_mask(recognition.told(replace(scan, rgb=None), first), mask)
    torch.testing.assert_close(grey.material_logit.softmax(1), first.material_logit.softmax(1))


@torch.no_grad()
def test_what_both_looks_agree_on_comes_first(recognition: Recognition) -> None:
    sample = toy_sample(0)
    mask = scan_targets(sample).mask > 0
    second = recognition([view for view, _ in close_ups(sample.scan, mask)])
    first = encoding(mask, sample.scan.superpoint)
    agreed = torch.arange(len(mask)) % 2 == 0
    opinion = torch.where(agreed[:, None], 4 * second, -4 * second)
    told = recognition.told(sample.scan, replace(first, class_logit=torch.cat([opinion, opinion[:, :1]], dim=1)))
    assert torch.equal(told.score, told.score.sort(descending=True).values)
    order = [int((mask == row).all(1).nonzero()) for row in told.mask]
    assert sorted(order) == list(range(len(mask)))
    assert agreed[order[: int(agreed.sum())]].all()


def by_mask(told: Encoding, mask: torch.Tensor) -> Encoding:
    """The rows of an encoding in the order of these masks."""
    row = [int((told.mask == one).all(1).nonzero()) for one in mask]
    names = ("mask", "score", "class_logit", "colour_logit", "material_logit")
    return replace(told, **{name: getattr(told, name)[row] for name in names})


def test_what_leaves_no_point_stays_as_it_was(recognition: Recognition) -> None:
    tiny = ScanPoints(
        xyz_m=torch.tensor([[0.01, 0.01, 0.0]]),
        rgb=None,
        normal=torch.zeros(1, 3),
        superpoint=torch.tensor([0]),
        superpoint_count=2,
        floor_z_m=0.0,
    )
    first = encoding(torch.tensor([[False, True], [True, False]]), torch.tensor([0, 0, 1]))
    told = by_mask(recognition.told(tiny, first), first.mask).class_logit
    assert torch.equal(told[0], first.class_logit[0])
    assert not torch.allclose(told[1], first.class_logit[1])
    nothing = encoding(torch.zeros(0, 2, dtype=torch.bool), torch.tensor([0, 0, 1]))
    assert len(recognition.told(tiny, nothing).class_logit) == 0


def test_a_model_carries_its_recognition(recognition: Recognition, tmp_path: Path) -> None:
    detector = replace(load_config(DetectorTraining, "detector/tiny").model, classes=tuple("abcde"))
    torch.manual_seed(0)
    config = GrounderConfig(rules=ReadingRules(foreground=0.0, score=0.0), recognition=SMALL)
    plain = Grounder(Detector.from_config(detector), detector, config=config)
    seeing = Grounder(plain.detector, detector, config=config, recognition=recognition)
    assert seeing.detector_key() == plain.model_key() != seeing.model_key()
    seeing.save_pretrained(tmp_path / "half")
    copy = Grounder.from_pretrained(tmp_path / "half")
    copy.save_pretrained(tmp_path / "again")
    again = Grounder.from_pretrained(tmp_path / "again")
    assert again.model_key() == copy.model_key()
    one, two = (g.encode(scene(), cache=False) for g in (copy, again))
    assert "recognition" in one.times_s
    assert torch.equal(one.encoding.class_logit, two.encoding.class_logit)
    copy.recognition = None
    assert not torch.equal(copy.encode(scene(), cache=False).encoding.class_logit, one.encoding.class_logit)


@torch.no_grad()
def test_classes_that_rooms_show_oftener_are_likelier(recognition: Recognition) -> None:
    before = recognition(views())
    log_share = torch.tensor([0.0, 1.0, 2.0, 3.0, -1.0])
    recognition.expect(log_share)
    shift = recognition(views()) - before
    torch.testing.assert_close(shift, (log_share - 1.0).expand(len(shift), 5), atol=1e-5, rtol=1e-5)
