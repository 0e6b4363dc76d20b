from dataclasses import replace

import numpy as np
import pytest

from scene3d.errors import ConfigError, InputError
from scene3d.labels import class_list
from scene3d.synth import builtin
from scene3d.synth.camera import Camera, look
from scene3d.synth.fusion import canonical, fuse, vertex_normals
from scene3d.synth.labelling import label_points
from scene3d.synth.render import Light, RoomCaster
from scene3d.synth.scan import ScanSettings, SimulatedScan, scan_room
from scene3d.synth.textured_mesh import moved
from tests.synth.box_room import OBJECTS, SIZE_M, box_room

QUICK = ScanSettings(
    frames=24, width=96, height=72, voxel_m=0.04, unfused_share=0.0, coarse_share=0.0, colourless_share=0.0
)


@pytest.fixture(scope="module")
def scan() -> SimulatedScan:
    return scan_room(box_room(), seed=1, settings=QUICK)


def in_room(scan: SimulatedScan) -> np.ndarray:
    back = np.linalg.inv(scan.world_from_room)
    return scan.surface.xyz_m @ back[:3, :3].T + back[:3, 3]


def distance_to_box(xyz_m: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """From outside or inside to the surface."""
    outside = np.maximum(np.maximum(low - xyz_m, xyz_m - high), 0)
    inside = np.minimum(xyz_m - low, high - xyz_m).min(axis=1)
    return np.where(inside > 0, inside, np.linalg.norm(outside, axis=1))


def test_a_picture_agrees_with_hand_worked_depth_and_surface():
    room = box_room()
    caster = RoomCaster(room, light=Light.random(room, np.random.default_rng(0)))
    picture = caster.picture(Camera(width=33, height=25), look(np.array([2.2, 2.0, 1.5]), 0.0, 0.0))
    assert picture.depth_m[12, 16] == pytest.approx(SIZE_M[0] - 2.2, abs=1e-5)
    assert picture.cos_incidence[12, 16] == pytest.approx(1, abs=1e-5)
    assert room.structures[picture.surface[12, 16]].label == "wall"
    down = caster.picture(Camera(width=33, height=25), look(np.array([0.9, 0.6, 1.5]), 0.0, -np.pi / 2))
    assert down.depth_m[12, 16] == pytest.approx(1.0, abs=1e-5)  # the bed, 0.5 m high
    assert caster.object_of_surface[down.surface[12, 16]] == 0
    assert down.rgb[12, 16, 2] > 2 * down.rgb[12, 16, 0]  # and it is blue


def test_glass_returns_less_than_walls():
    room = box_room()
    caster = RoomCaster(room, light=Light.random(room, np.random.default_rng(0)))
    ahead = caster.picture(Camera(width=33, height=25), look(np.array([2.2, 1.1, 1.3]), 0.0, 0.0))
    assert ahead.return_rate[12, 16] < 0.1  # the mirror
    assert ahead.return_rate[0, 0] == 1


def test_glass_returns_little_and_its_frame_everything():
    rng = np.random.default_rng(0)
    upright = builtin.build(next(k for k in builtin.KINDS if k.name == "mirror"), rng, 1, (1.0, 0.03, 1.0))
    room = box_room({})
    pose = np.array([[0, -1, 0, 2.0], [1, 0, 0, 1.5], [0, 0, 1, 0.5], [0, 0, 0, 1]], np.float64)  # its front to +x
    mirror = replace(box_room().objects[3], id=0, mesh=moved(upright, pose), world_from_model=pose, material="wood")
    caster = RoomCaster(replace(room, objects=(mirror,)), light=Light.random(room, rng))
    seen = caster.picture(Camera(width=65, height=49), look(np.array([3.2, 1.5, 1.0]), np.pi, 0.0))
    on_mirror = seen.surface == len(room.structures)
    rates, counts = np.unique(seen.return_rate[on_mirror], return_counts=True)
    assert rates.tolist() == pytest.approx([0.04, 1.0])
    assert counts[0] > 4 * counts[1] > 0
    assert seen.return_rate[24, 32] == rates[0]


def test_fusing_one_flat_picture_gives_the_plane():
    camera = Camera(width=96, height=72)
    depth = np.full((72, 96), 1.5, np.float32)
    red = np.zeros((72, 96, 3), np.uint8)
    red[..., 0] = 200
    pose = look(np.array([0.0, 0.0, 1.0]), 0.0, 0.0)
    surface = fuse([depth], [red], pose[None], camera, voxel_m=0.04, least_views=1)
    assert np.abs(surface.xyz_m[:, 0] - 1.5).max() < 0.002
    assert (np.abs(surface.rgb.astype(int) - [200, 0, 0]) <= 1).all()
    assert (surface.normal[:, 0] < -0.99).all()  # towards the camera
    reach = 1.5 * np.array([96, 72]) / 2 / camera.focal_px
    assert np.abs(surface.xyz_m[:, 1]).max() == pytest.approx(reach[0], abs=0.08)


def test_empty_pictures_are_refused():
    empty = np.zeros((24, 32), np.float32)
    with pytest.raises(InputError, match="no surface"):
        fuse([empty], [np.zeros((24, 32, 3), np.uint8)], np.eye(4)[None], Camera(width=32, height=24), voxel_m=0.04)


def test_canonical_order_forgets_the_order_of_extraction(scan: SimulatedScan):
    surface, rng = scan.surface, np.random.default_rng(0)
    order = rng.permutation(len(surface.xyz_m))
    place = np.argsort(order)
    faces = rng.permutation(place[surface.faces])
    turned = np.take_along_axis(faces, (rng.integers(0, 3, (len(faces), 1)) + np.arange(3)) % 3, axis=1)
    again = canonical(surface.xyz_m[order], surface.rgb[order].astype(np.float64), turned)
    for name in ("xyz_m", "rgb", "normal", "faces"):
        assert np.array_equal(getattr(again, name), getattr(surface, name)), name


def test_canonical_merges_doubles_and_drops_what_collapses():
    xyz = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0], [5, 5, 5]], np.float32)
    rgb = np.array([[9, 9, 9], [10, 0, 0], [9, 9, 9], [20, 0, 0], [1, 1, 1]], np.float64)
    surface = canonical(xyz, rgb, np.array([[0, 2, 3], [1, 3, 0]]))
    assert surface.xyz_m.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert surface.rgb[0].tolist() == [15, 0, 0]
    assert surface.faces.tolist() == [[0, 2, 1]]


def test_normals_of_a_triangle_point_outward():
    normal = vertex_normals(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32))
    assert np.allclose(normal, 1 / np.sqrt(3), atol=1e-6)


def test_scan_lies_on_the_surfaces_of_the_room(scan: SimulatedScan):
    xyz = in_room(scan)
    room_distance = np.abs(distance_to_box(xyz, np.zeros(3), np.array(SIZE_M)))
    distances = [distance_to_box(xyz, np.array(a), np.array(b)) for a, b in OBJECTS.values()]
    nearest = np.minimum(room_distance, np.min(distances, axis=0))
    assert np.median(nearest) < 0.015
    assert (nearest < 0.06).mean() > 0.97
    assert scan.surface.xyz_m[:, 2].min() > -0.1


def test_labels_agree_with_the_boxes(scan: SimulatedScan):
    xyz, labels = in_room(scan), scan.labels
    for i, (low, high) in enumerate(OBJECTS.values()):
        far = distance_to_box(xyz, np.array(low), np.array(high)) > 0.065
        assert not (labels.instance[far] == i).any()
    bed_top = (np.abs(xyz[:, 2] - 0.5) < 0.03) & (xyz[:, 0] < 1.7) & (xyz[:, 1] < 1.2)
    bed_top &= (xyz[:, 0] > 0.1) & (xyz[:, 1] > 0.1)
    assert bed_top.sum() > 100
    assert (labels.instance[bed_top] == 0).all()
    assert (labels.category_id[bed_top] == class_list("scannet200").id_of("bed")).all()
    floor = (xyz[:, 2] < 0.03) & (xyz[:, 0] > 2) & (xyz[:, 0] < 2.4) & (xyz[:, 1] > 0.3) & (xyz[:, 1] < 2)
    assert floor.sum() > 50
    assert (labels.category_id[floor] == class_list("scannet200").id_of("floor")).all()
    assert (labels.instance[floor] == -1).all()


def test_thin_things_win_over_the_wall_behind_and_hardly_seen_ones_do_not_count():
    room = box_room({"picture": ((1.0, 0.0, 1.0), (2.0, 0.01, 1.6)), "lamp": ((3.0, 3.0, 0.0), (3.1, 3.1, 0.4))})
    on_picture = np.stack([np.linspace(1.1, 1.9, 50), np.full(50, 0.003), np.full(50, 1.3)], axis=1)
    on_lamp = np.tile([3.0, 3.05, 0.2], (4, 1))
    in_the_air = np.tile([2.0, 1.5, 1.2], (3, 1))
    points = np.concatenate([on_picture, on_lamp, in_the_air]).astype(np.float32)
    labels = label_points(room, points, least_points=5)
    assert (labels.instance[:50] == 0).all()
    assert (labels.instance[50:] == -1).all()
    assert (labels.category_id[50:] == 0).all()
    assert labels.point_count == {0: 50, 1: 4}
    assert labels.seen == {0}


def test_same_seed_same_bits_and_other_seed_other_scan(scan: SimulatedScan):
    again = scan_room(box_room(), seed=1, settings=QUICK)
    assert np.array_equal(again.surface.xyz_m, scan.surface.xyz_m)
    assert np.array_equal(again.surface.rgb, scan.surface.rgb)
    assert np.array_equal(again.superpoint, scan.superpoint)
    other = scan_room(box_room(), seed=2, settings=QUICK)
    assert not np.allclose(other.world_from_room, scan.world_from_room)


def test_unfused_scans_are_bare_points_with_normals_towards_the_camera():
    scan = scan_room(box_room(), seed=3, settings=replace(QUICK, unfused_share=1.0, colourless_share=1.0))
    assert not scan.fused
    assert not scan.has_colour
    assert not scan.surface.rgb.any()
    assert len(scan.surface.faces) == 0
    middle = scan.world_from_room[:3, :3] @ [2.0, 1.7, 1.4] + scan.world_from_room[:3, 3]
    inward = ((middle - scan.surface.xyz_m) * scan.surface.normal).sum(axis=1) > 0
    assert inward.mean() > 0.8
    cells = np.floor(scan.surface.xyz_m / scan.voxel_m)
    assert len(np.unique(cells, axis=0)) == len(cells)


def test_kept_frames_show_what_the_scan_shows():
    scan = scan_room(box_room(), seed=1, settings=replace(QUICK, kept_frames=3))
    assert len(scan.frames) == 3
    for frame in scan.frames:
        back = frame.depth_m > 0
        xyz = scan.camera.unproject(frame.depth_m)[back] @ frame.world_from_camera[:3, :3].T
        moved = np.linalg.inv(scan.world_from_room)
        xyz = (xyz + frame.world_from_camera[:3, 3]) @ moved[:3, :3].T + moved[:3, 3]
        for i, (low, high) in enumerate(OBJECTS.values()):
            here = frame.instance[back] == i
            if here.sum() > 50:
                assert np.median(distance_to_box(xyz[here], np.array(low), np.array(high))) < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [({"voxel_m": 1.0}, "1.0 m"), ({"kept_frames": 99}, "99 frames"), ({"unfused_share": 2.0}, "unfused_share is 2.0")],
)
def test_absurd_settings_are_refused(change: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        replace(QUICK, **change)
