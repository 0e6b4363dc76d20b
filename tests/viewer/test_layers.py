import dataclasses

import pytest
import torch

from scene3d.model.palette import colour_of
from scene3d.types import Frame
from scene3d_viewer.labels import place_labels
from scene3d_viewer.layers import box_segments, layers_of, markers_of, scale_bar, tint, truth_tint
from scene3d_viewer.regions import regions_of
from scene3d_viewer.thinned import thinned
from tests.viewer.room import LAMP, SHELF, TABLE, make_plan, make_proposals, make_scene


@pytest.mark.parametrize("masks", [0, 1, 31, 32, 33, 100])
def test_regions_tell_every_mask_exactly(masks: int) -> None:
    torch.manual_seed(masks)
    mask = torch.rand(masks, 300) < 0.4
    mask[:, :100] = mask[:, :1]  # many points alike
    regions = regions_of(mask)
    assert torch.equal(regions.member[regions.of_point].T, mask)
    assert len(set(map(tuple, regions.member.tolist()))) == len(regions.member)
    assert int(regions.point_count().sum()) == 300


def test_lit_objects_have_their_colour_and_the_rest_is_grey() -> None:
    scene = make_scene()
    found = make_proposals(scene)
    layers = layers_of(scene, found)
    rgb = tint(layers, [SHELF]).int()
    inside = found.mask[2]
    expected = colour_of(torch.tensor([SHELF]))[0] * 0.72 + 128 * 0.28
    assert (rgb[inside] - expected).abs().max() < 1.5
    assert (rgb[~inside].amax(1) - rgb[~inside].amin(1)).max() == 0
    assert torch.equal(tint(layers), layers.surface.rgb)


def test_the_smaller_of_two_lit_objects_is_on_top() -> None:
    scene = make_scene()
    found = make_proposals(scene)
    layers = layers_of(scene, found)
    both, alone = tint(layers, [TABLE, LAMP]), tint(layers, [LAMP])
    assert torch.equal(both[found.mask[1]], alone[found.mask[1]])
    assert not torch.equal(both[found.mask[0]], alone[found.mask[0]])


def test_colours_do_not_depend_on_what_else_was_found() -> None:
    scene = make_scene()
    found = make_proposals(scene)
    alone = dataclasses.replace(
        found,
        id=(LAMP,),
        mask=found.mask[1:2],
        score=found.score[1:2],
        embedding=found.embedding[1:2],
        box=found.box[1:2],
        label=("lamp",),
    )
    lamp = layers_of(scene, found).by_id(LAMP)
    again = layers_of(scene, alone).by_id(LAMP)
    assert lamp is not None
    assert again is not None
    assert lamp.colour == again.colour


def test_a_room_is_cut_below_its_ceiling_and_a_table_is_not() -> None:
    scene = make_scene()
    layers = layers_of(scene)
    assert layers.floor_m == pytest.approx(0)
    assert 1.8 < layers.ceiling_cut_m < 2.5
    low = dataclasses.replace(scene, xyz_m=scene.xyz_m * 0.3)
    assert layers_of(low).ceiling_cut_m == layers_of(low).top_m


def test_a_scan_without_colour_or_objects_can_be_drawn() -> None:
    layers = layers_of(dataclasses.replace(make_scene(), rgb=None, faces=None, truth=None))
    assert layers.surface.rgb[:, 0].float().std() > 5  # lighter with height
    assert torch.equal(truth_tint(layers), layers.surface.rgb)


def test_truth_colours_annotated_objects_only() -> None:
    layers = layers_of(make_scene())
    assert layers.truth is not None
    changed = (truth_tint(layers) != layers.surface.rgb).any(1)
    assert torch.equal(changed, layers.truth >= 0)


def test_markers_stand_over_their_objects_and_never_on_each_other() -> None:
    scene = make_scene()
    layers = layers_of(scene, make_proposals(scene))
    markers = markers_of(layers, make_plan())
    assert [m.number for m in markers] == [1, 2, 3]
    assert [m.objects for m in markers] == [(TABLE,), (LAMP,), (TABLE,)]
    place = torch.tensor([m.at_m for m in markers])
    assert torch.pdist(place[:, :2]).min() > 0.15
    assert markers_of(layers, None) == ()


def test_box_edges_are_the_twelve_of_a_box() -> None:
    edges = box_segments((0, 0, 0, 1, 2, 3))
    lengths = (edges[:, 1] - edges[:, 0]).norm(dim=1)
    assert sorted(lengths.tolist()) == [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    assert len({tuple(sorted(map(tuple, edge))) for edge in edges.tolist()}) == 12


@pytest.mark.parametrize(
    ("across", "length", "text"), [(4.4, 1, "1 m"), (100, 20, "20 m"), (0.9, 0.2, "20 cm"), (0.05, 0.01, "1 cm")]
)
def test_scale_bars_are_round(across: float, length: float, text: str) -> None:
    bar = scale_bar(across)
    assert bar.length_m == pytest.approx(length)
    assert bar.text == text


def test_cameras_are_drawn_where_they_stood() -> None:
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, 3] = torch.tensor([1.0, 2.0, 3.0])
    frame = Frame(
        rgb=torch.zeros(2, 2, 3, dtype=torch.uint8),
        depth_m=None,
        intrinsic=torch.eye(3, dtype=torch.float64),
        world_from_camera=pose,
    )
    layers = layers_of(dataclasses.replace(make_scene(), frames=[frame, frame]))
    assert layers.cameras.shape == (16, 2, 3)
    torch.testing.assert_close(layers.cameras[0, 0], torch.tensor([1.0, 2.0, 3.0]))


def test_labels_do_not_overlap_and_stay_inside() -> None:
    places = place_labels([(50, 50)] * 6 + [(-5, 10)], [(40, 12)] * 7, width=200, height=120)
    assert places[-1] is None
    kept = [p for p in places if p]
    assert len(kept) == 6
    for i, a in enumerate(kept):
        assert a[0] >= 0
        assert a[3] <= 120
        assert all(a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3] for b in kept[:i])


@pytest.mark.parametrize("mesh", [True, False])
def test_thinning_keeps_shape_and_objects(mesh: bool) -> None:
    scene = make_scene(mesh=mesh)
    layers = layers_of(scene, make_proposals(scene))
    small, kept = thinned(layers.surface, most=4000)
    assert 1000 < len(small.xyz_m) <= 4000
    assert torch.equal(small.xyz_m, layers.surface.xyz_m[kept])
    assert torch.equal(small.regions.of_point, layers.surface.regions.of_point[kept])
    assert (small.faces is not None) == mesh
    gap = torch.cdist(layers.surface.xyz_m, small.xyz_m).amin(1)
    assert gap.max() < 0.25
    assert thinned(layers.surface, most=10**6)[0] is layers.surface
