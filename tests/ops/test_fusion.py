import numpy as np
import pytest
import torch
import trimesh

from scene3d_ops import backend, fuse_depth, native
from scene3d_ops.fusion import zero_surface
from scene3d_ops.reference.marching_cubes import case_triangles

needs_native = pytest.mark.skipif(not native.available(), reason="no compiler")
BACKENDS = ["reference", pytest.param("native", marks=needs_native)]

HEIGHT, WIDTH = 48, 64
INTRINSIC = torch.tensor([[60.0, 0, WIDTH / 2], [0, 60, HEIGHT / 2], [0, 0, 1]], dtype=torch.float64)


@pytest.fixture(params=BACKENDS)
def each_backend(request):
    with backend.using(request.param):
        yield


def looking(at: torch.Tensor, eye: torch.Tensor) -> torch.Tensor:
    """`world_from_camera` of a camera at `eye` that looks at `at`."""
    forward = torch.nn.functional.normalize(at - eye, dim=0)
    aside = torch.tensor([0.31, 0.62, 0.72], dtype=torch.float64)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, aside), dim=0)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3] = torch.stack([right, torch.linalg.cross(forward, right), forward, eye], dim=1)
    return pose


def rays() -> torch.Tensor:
    """Through the middle of each pixel, z = 1 (h, w, 3)."""
    v, u = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    return torch.stack([u, v, torch.ones_like(u)], dim=-1).double() @ torch.linalg.inv(INTRINSIC).T


def sphere_depth(pose: torch.Tensor, centre: torch.Tensor, radius: float) -> torch.Tensor:
    """0 where the ray misses."""
    ray, offset = rays(), pose[:3, :3].T @ (centre - pose[:3, 3])
    a, b, c = (ray * ray).sum(-1), ray @ offset, offset @ offset - radius**2
    inside = b * b - a * c
    return torch.where(inside > 0, (b - inside.clamp(min=0).sqrt()) / a, 0.0).float()


def sphere_pictures(centre: torch.Tensor, radius: float, views: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    eyes = centre + 1.3 * torch.nn.functional.normalize(torch.randn(views, 3, generator=generator).double(), dim=1)
    poses = torch.stack([looking(centre, eye) for eye in eyes])
    depth = torch.stack([sphere_depth(pose, centre, radius) for pose in poses])
    return depth, torch.full((views, HEIGHT, WIDTH, 3), 77, dtype=torch.uint8), INTRINSIC, poses


def noisy_pictures(seed: int) -> tuple[torch.Tensor, ...]:
    """A plane behind a sphere behind noise, with holes, in random colours and from random sides."""
    generator = torch.Generator().manual_seed(seed)
    eyes = torch.rand(5, 3, generator=generator).double() - torch.tensor([0.5, 0.5, 2.0])
    poses = torch.stack([looking(torch.zeros(3, dtype=torch.float64), eye) for eye in eyes])
    ball = torch.stack([sphere_depth(pose, torch.tensor([0.1, 0.2, 0.0]).double(), 0.4) for pose in poses])
    away = rays() @ poses[:, :3, :3].transpose(1, 2)[:, None]  # (k, h, w, 3)
    plane = ((0.6 - poses[:, 2, 3, None, None]) / away[..., 2]).float()
    depth = torch.where(ball > 0, ball, plane) * (1 + 0.02 * torch.randn(ball.shape, generator=generator))
    depth[torch.rand(depth.shape, generator=generator) < 0.1] = 0
    depth[0, :6], depth[1, :6], depth[2, :6] = torch.inf, torch.nan, -1
    rgb = torch.randint(0, 256, (*depth.shape, 3), generator=generator, dtype=torch.uint8)
    return depth, rgb, INTRINSIC, poses


def blocks_of(distance: torch.Tensor, views: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Blocks from (-1, -1, -1) on that hold these voxels (8x, 8y, 8z), their places as colours."""
    place = torch.stack(torch.meshgrid(*[torch.arange(float(n)) for n in distance.shape], indexing="ij"))
    grid = torch.cat([(distance * views)[None], views[None], place * views]).float()
    bx, by, bz = (n // 8 for n in distance.shape)
    sums = grid.reshape(5, bx, 8, by, 8, bz, 8).permute(1, 3, 5, 0, 2, 4, 6).reshape(-1, 5, 512)
    block = torch.cartesian_prod(torch.arange(bx), torch.arange(by), torch.arange(bz)) - 1
    return block.int(), sums.contiguous()


def directed_edges(face: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.unique(torch.cat([face[:, [0, 1]], face[:, [1, 2]], face[:, [2, 0]]]), dim=0, return_counts=True)


def assert_closed(face: torch.Tensor) -> None:
    """Each edge has two faces, which run along it in opposite directions."""
    edge, count = directed_edges(face)
    assert (count == 1).all()
    assert torch.equal(torch.unique(edge.flip(1), dim=0), edge)


def test_every_case_is_cut_where_its_signs_change():
    for case, triangles in enumerate(case_triangles()):
        crossed = set()
        for low in range(8):
            for axis, step in enumerate((4, 2, 1)):
                if not low & step and (case >> low ^ case >> (low | step)) & 1:
                    others = [low // s % 2 for s in (4, 2, 1) if s != step]
                    crossed.add(4 * axis + 2 * others[0] + others[1])
        assert {edge for triangle in triangles for edge in triangle} == crossed


@pytest.mark.usefixtures("each_backend")
def test_random_signs_give_a_closed_surface_whatever_the_case():
    generator = torch.Generator().manual_seed(3)
    distance = torch.rand(24, 24, 24, generator=generator) + 0.01
    inner = distance[1:-1, 1:-1, 1:-1]
    inner *= torch.where(torch.rand(inner.shape, generator=generator) < 0.5, -1.0, 1.0)
    corner = torch.stack(
        [(distance < 0)[x : 23 + x, y : 23 + y, z : 23 + z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    )
    assert len(torch.unique((corner.long() << torch.arange(8)[:, None, None, None]).sum(dim=0))) == 256
    xyz, _, face = zero_surface(*blocks_of(distance, torch.full_like(distance, 2)), voxel_m=0.5, least_views=2)
    assert_closed(face)
    assert torch.equal(torch.unique(face), torch.arange(len(xyz), dtype=torch.int32))  # no vertex without a face
    assert len(torch.unique(xyz, dim=0)) == len(xyz)
    assert trimesh.Trimesh(xyz.numpy(), face.numpy(), process=False).volume > 0


@pytest.mark.usefixtures("each_backend")
def test_voxels_seen_too_seldom_leave_holes():
    generator = torch.Generator().manual_seed(4)
    distance = torch.rand(16, 24, 16, generator=generator) - 0.5
    views = torch.randint(2, 4, distance.shape, generator=generator)
    views[5, 9, 11] = 1
    xyz, _, face = zero_surface(*blocks_of(distance, views.float()), voxel_m=1.0, least_views=2)
    whole, _, more = zero_surface(*blocks_of(distance, views.float()), voxel_m=1.0, least_views=1)
    centre = (xyz + 8)[face.long()].mean(dim=1) - torch.tensor([5.0, 9, 11])
    assert not (centre.abs() < 1).all(dim=1).any()
    centre = (whole + 8)[more.long()].mean(dim=1) - torch.tensor([5.0, 9, 11])
    assert (centre.abs() < 1).all(dim=1).sum() == len(more) - len(face) > 0


@pytest.mark.usefixtures("each_backend")
def test_one_voxel_behind_the_surface_gives_an_octahedron():
    distance = torch.full((16, 16, 16), 3.0)
    distance[7, 8, 3] = -1
    block, sums = blocks_of(distance, torch.full_like(distance, 5))
    xyz, rgb, face = zero_surface(block, sums, voxel_m=0.1, least_views=2)
    step = torch.cat([torch.eye(3), -torch.eye(3)]) * 0.25
    at = torch.tensor([7.0, 8, 3])
    order = np.lexsort((xyz.numpy() / 0.1).round(2).T[::-1]), np.lexsort(step.numpy().T[::-1])
    torch.testing.assert_close(xyz[order[0]], (at + step[order[1]] - 8) * 0.1)
    torch.testing.assert_close(rgb[order[0]], at + step[order[1]])
    assert_closed(face)
    outward = trimesh.Trimesh(xyz.numpy(), face.numpy(), process=False)
    assert outward.volume == pytest.approx(0.1**3 * 4 / 3 * 0.25**3, rel=1e-4)


@pytest.mark.usefixtures("each_backend")
def test_a_sphere_seen_from_all_sides_is_closed_and_points_outward():
    centre = torch.tensor([0.03, -0.7, 0.4], dtype=torch.float64)
    xyz, rgb, face = fuse_depth(*sphere_pictures(centre, 0.4, 80), voxel_m=0.04)
    assert_closed(face)
    assert ((xyz - centre).norm(dim=1) - 0.4).abs().max() < 0.04
    mesh = trimesh.Trimesh(xyz.numpy(), face.numpy(), process=False)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.4**3, rel=0.05)
    torch.testing.assert_close(rgb, torch.full_like(rgb, 77))


@pytest.mark.usefixtures("each_backend")
def test_a_plane_is_where_it_is_and_faces_the_camera():
    depth = torch.full((2, HEIGHT, WIDTH), 1.0)
    rgb = torch.zeros(2, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    rgb[..., 0], rgb[1, ..., 2] = 200, 100
    pose = looking(torch.tensor([0.0, 0, 1]).double(), torch.zeros(3).double()).expand(2, 4, 4)
    xyz, colour, face = fuse_depth(depth, rgb, INTRINSIC, pose, voxel_m=0.03)
    torch.testing.assert_close(xyz[:, 2], torch.ones(len(xyz)), atol=1e-5, rtol=0)
    torch.testing.assert_close(colour, torch.tensor([200.0, 0, 50]).expand(len(xyz), 3), atol=1e-3, rtol=0)
    a, b, c = xyz[face.long()].unbind(dim=1)
    assert (torch.linalg.cross(b - a, c - a)[:, 2] < 0).all()
    assert len(fuse_depth(depth, rgb, INTRINSIC, pose, voxel_m=0.03, least_views=3)[2]) == 0


@pytest.mark.usefixtures("each_backend")
def test_nothing_gives_nothing():
    depth, rgb, intrinsic, poses = noisy_pictures(0)
    for pictures in ((depth * 0, rgb, intrinsic, poses), (depth[:0], rgb[:0], intrinsic, poses[:0])):
        assert [tuple(part.shape) for part in fuse_depth(*pictures, voxel_m=0.02)] == [(0, 3)] * 3


@needs_native
@pytest.mark.parametrize("voxel_m", [0.011, 0.02, 0.05, 0.17])
def test_native_gives_the_bits_of_its_twin_on_every_instruction_set(voxel_m):
    pictures = noisy_pictures(int(1000 * voxel_m))
    with backend.using("reference"):
        twin = fuse_depth(*pictures, voxel_m=voxel_m)
    assert len(twin[2]) > 20
    for instruction_set in ("plain", "avx2", "avx512"):
        with native.at_most(instruction_set):
            found = fuse_depth(*pictures, voxel_m=voxel_m)
        assert all(torch.equal(a, b) for a, b in zip(found, twin, strict=True)), instruction_set


@needs_native
def test_threads_do_not_change_the_bits():
    pictures, threads = noisy_pictures(7), torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(fuse_depth(*pictures, voxel_m=0.015))
    finally:
        torch.set_num_threads(threads)
    assert len(found[0][2]) > 1000
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.usefixtures("each_backend")
def test_agrees_with_open3d():
    o3d = pytest.importorskip("open3d")
    depth, rgb, intrinsic, poses = sphere_pictures(torch.tensor([0.3, -0.2, 0.1]).double(), 0.4, 6)
    rgb = torch.randint(0, 256, rgb.shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    xyz, colour, face = fuse_depth(depth, rgb, intrinsic, poses, voxel_m=0.03)
    grid = o3d.t.geometry.VoxelBlockGrid(
        ("tsdf", "weight", "color"), (o3d.core.float32,) * 3, ((1), (1), (3)), voxel_size=0.03, block_resolution=8
    )
    tensor = o3d.core.Tensor.from_numpy
    for one, picture, pose in zip(depth, rgb, poses, strict=True):
        images = [o3d.t.geometry.Image(tensor(part.numpy())) for part in (one, picture.float())]
        where = (tensor(intrinsic.numpy()), tensor(torch.linalg.inv(pose).contiguous().numpy()), 1.0, 9.0, 4.0)
        grid.integrate(grid.compute_unique_block_coordinates(images[0], *where), *images, *where)
    mesh = grid.extract_triangle_mesh(1.5)
    theirs = torch.from_numpy(mesh.vertex["positions"].numpy().copy())
    apart, nearest = torch.cdist(xyz.double(), theirs.double()).min(dim=1)
    assert abs(len(xyz) - len(theirs)) <= 3
    assert abs(len(face) - len(mesh.triangle["indices"])) <= 6
    assert (apart > 1e-5).sum() <= 3
    off = (colour - torch.from_numpy(mesh.vertex["colors"].numpy().copy())[nearest]).abs().amax(dim=1)
    assert (off > 0.1).sum() <= 3


def test_faults_are_named():
    depth, rgb, intrinsic, poses = noisy_pictures(0)
    with pytest.raises(ValueError, match="voxels of 0 m"):
        fuse_depth(depth, rgb, intrinsic, poses, voxel_m=0)
    with pytest.raises(ValueError, match=r"\(5, 4, 4\)\]; expected \(k, h, w\)"):
        fuse_depth(depth[:, :1], rgb[:, :1], intrinsic, poses, voxel_m=0.02)
    with pytest.raises(ValueError, match="not a pinhole without skew"):
        fuse_depth(depth, rgb, intrinsic + torch.eye(3).flip(1), poses, voxel_m=0.02)


@pytest.mark.usefixtures("each_backend")
def test_a_pose_out_of_reach_is_named():
    depth, rgb, intrinsic, poses = noisy_pictures(0)
    poses[3, 0, 3] = 1e6
    with pytest.raises(ValueError, match=r"picture 3 sees a surface beyond 20,97\d m from the origin"):
        fuse_depth(depth, rgb, intrinsic, poses, voxel_m=0.02)


@needs_native
def test_blocks_out_of_order_are_named():
    block, sums = blocks_of(torch.ones(16, 8, 8), torch.ones(16, 8, 8))
    with pytest.raises(ValueError, match=r"block 1 at \[-1, -1, -1\] is out of reach or not above"):
        zero_surface(block.flip(0).contiguous(), sums, voxel_m=1.0, least_views=1)
