import dataclasses

import pytest
import torch

from scene3d.errors import InputError
from scene3d.geometry import SCANNET, SuperpointSettings, over_segment, superpoint_oracle
from scene3d.types import Scene, Truth

SIDE = 40
"""Vertices along the edge of each sheet, 2 cm apart."""


def sheet(origin, u, v) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertices and triangles of a square of 78 cm."""
    step = torch.arange(SIDE) * 0.02
    corner = torch.tensor(origin, dtype=torch.float32)
    xyz = corner + step[:, None, None] * torch.tensor(u) + step[None, :, None] * torch.tensor(v)
    row = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = (t.reshape(-1) for t in (row[:-1, :-1], row[1:, :-1], row[1:, 1:], row[:-1, 1:]))
    return xyz.reshape(-1, 3), torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])


@pytest.fixture
def corner() -> Scene:
    """A floor with a red rug on it and a wall that meets it, noise of 2 mm; the truth is the rug and the wall."""
    floor, floor_faces = sheet((0.0, 0, 0), (1.0, 0, 0), (0.0, 1, 0))
    wall, wall_faces = sheet((0.0, 0, 0), (0.0, 1, 0), (0.0, 0, 1))
    seam = torch.arange(SIDE)  # the wall's first column stands on the floor's first row
    wall_row = torch.arange(SIDE * SIDE) + SIDE * SIDE
    wall_row[seam * SIDE] = seam
    xyz = torch.cat([floor, wall])
    faces = torch.cat([floor_faces, wall_row[wall_faces]])
    rug = ((xyz[:, :2] - 0.4).abs() < 0.2).all(dim=1) & (xyz[:, 2] == 0)
    rgb = torch.full((len(xyz), 3), 128, dtype=torch.uint8)
    rgb[rug] = torch.tensor([180, 60, 60], dtype=torch.uint8)
    instance = torch.full((len(xyz),), -1, dtype=torch.int32)
    instance[rug], instance[(xyz[:, 0] == 0) & (xyz[:, 2] > 0)] = 0, 1
    noise = torch.randn(xyz.shape, generator=torch.Generator().manual_seed(0)) * 0.002
    return Scene(
        name="corner",
        xyz_m=xyz + noise,
        rgb=rgb,
        faces=faces,
        file_from_scene=torch.eye(4, dtype=torch.float64),
        truth=Truth(instance=instance, category_id=instance.clamp(min=0), objects=()),
    )


def cut(scene: Scene, **options) -> torch.Tensor:
    superpoint = over_segment(scene, **options).superpoint
    assert superpoint is not None
    return superpoint


def best(scene: Scene, **options) -> dict[int, float]:
    return superpoint_oracle(over_segment(scene, **options)).iou


def test_a_mesh_is_cut_at_the_crease_and_where_the_colour_changes(corner):
    assert min(best(corner).values()) > 0.8
    assert int(cut(corner).max()) < 16


def test_a_cloud_is_cut_likewise(corner):
    assert min(best(dataclasses.replace(corner, faces=None)).values()) > 0.8


def test_normals_alone_find_the_wall_and_not_the_rug(corner):
    found = best(corner, settings=SCANNET)
    assert found[1] > 0.8
    assert found[0] < 0.5
    assert best(dataclasses.replace(corner, rgb=None)) == found


@pytest.mark.parametrize("with_faces", [True, False])
def test_the_order_of_points_does_not_matter(corner, with_faces):
    rgb, faces = corner.rgb, corner.faces
    assert rgb is not None
    assert faces is not None
    order = torch.randperm(len(corner.xyz_m), generator=torch.Generator().manual_seed(3))
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    shuffled = dataclasses.replace(
        corner, xyz_m=corner.xyz_m[order], rgb=rgb[order], faces=place[faces] if with_faces else None
    )
    plain = cut(corner if with_faces else dataclasses.replace(corner, faces=None))
    other = cut(shuffled)[place]
    # Sums run in another order, so an edge may tip over; nearly all pairs of labels must still correspond.
    pairs = torch.stack([plain, other], dim=1).unique(dim=0, return_counts=True)[1]
    assert float(pairs[pairs > 10].sum()) > 0.99 * len(plain)
    assert abs(int(plain.max()) - int(other.max())) <= 2


def test_a_mesh_may_be_turned_and_moved(corner):
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    moved = dataclasses.replace(corner, xyz_m=corner.xyz_m @ quarter.T)
    assert torch.equal(cut(moved), cut(corner))


def test_vertices_without_a_face_join_what_is_nearest(corner):
    seam = torch.arange(SIDE) * SIDE + SIDE * SIDE  # the wall's own first column, which no face names
    assert corner.faces is not None
    assert not torch.isin(seam, corner.faces).any()
    label = cut(corner)
    assert (torch.bincount(label)[label[seam]] > 25).all()


def test_labels_are_compact_and_everything_else_is_kept(corner):
    done, label = over_segment(corner), cut(corner)
    assert torch.equal(label.unique(), torch.arange(int(label.max()) + 1))
    assert done.xyz_m is corner.xyz_m
    assert done.truth is corner.truth


def test_a_noisy_distant_wall_is_whole_when_the_viewpoint_is_known():
    generator = torch.Generator().manual_seed(0)
    xy = torch.rand(20_000, 2, generator=generator) * 2 - 1
    depth = 4.6 + 0.055 * torch.randint(-1, 2, (20_000, 1), generator=generator)  # the steps of a Kinect there
    wall = Scene(name="wall", xyz_m=torch.cat([xy, depth], dim=1), file_from_scene=torch.eye(4, dtype=torch.float64))
    known = cut(wall, settings=SuperpointSettings(), viewpoint_m=torch.zeros(3))
    unknown = cut(wall, settings=SuperpointSettings())
    assert int(known.bincount().max()) > 0.9 * 20_000
    assert int(known.max()) < int(unknown.max())


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_tiny_scans(count):
    xyz = torch.arange(count * 3, dtype=torch.float32).reshape(count, 3)
    scene = Scene(name="tiny", xyz_m=xyz, file_from_scene=torch.eye(4, dtype=torch.float64))
    assert cut(scene).tolist() == [0] * count


def test_bad_input_is_named(corner):
    with pytest.raises(InputError, match="corner: faces name points from 0 to 99999"):
        over_segment(dataclasses.replace(corner, faces=torch.tensor([[0, 1, 99999]])))
    xyz = corner.xyz_m.clone()
    xyz[7, 0] = torch.nan
    with pytest.raises(InputError, match="the first is row 7"):
        over_segment(dataclasses.replace(corner, xyz_m=xyz))
    with pytest.raises(InputError, match="threshold"):
        SuperpointSettings(threshold=0.0)
    with pytest.raises(InputError, match="a plane takes 3"):
        SuperpointSettings(plane_neighbours=2)


def test_oracle_worked_by_hand(corner):
    instance = torch.tensor([0, 0, 0, 1, -1, -1], dtype=torch.int32)
    scene = Scene(
        name="six",
        xyz_m=torch.zeros(6, 3),
        superpoint=torch.tensor([0, 0, 1, 1, 1, 2]),
        file_from_scene=torch.eye(4, dtype=torch.float64),
        truth=Truth(instance=instance, category_id=instance.clamp(min=0), objects=()),
    )
    found = superpoint_oracle(scene)
    assert found.iou == pytest.approx({0: 2 / 3, 1: 1 / 3})
    assert found.recall() == 0.5
    assert (found.superpoints, found.points) == (3, 6)


def test_oracle_needs_superpoints_and_truth(corner):
    with pytest.raises(InputError, match="call `over_segment` first"):
        superpoint_oracle(corner)
    with pytest.raises(InputError, match="corner has no truth"):
        superpoint_oracle(dataclasses.replace(over_segment(corner), truth=None))
