"""Scene to superpoints: small connected patches of one orientation and one colour, over which masks are drawn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor
from torch.nn.functional import normalize

from scene3d.errors import InputError
from scene3d.geometry.neighbourhood import mean_over_edges, mesh_edges, near_edges, oriented_sum_over_edges
from scene3d.geometry.voxels import check_points
from scene3d.types import Scene
from scene3d_ops import knn, over_segment_graph, point_normals, segment_mean, unique_cells, vertex_normals


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperpointSettings:
    """How a surface is cut; the defaults suit a room scanned at 2 cm, with colour."""

    threshold: float = 0.06
    """Larger values give larger superpoints."""
    min_size: int = 25
    """Points (vertices of a mesh, cells of a cloud) below which a superpoint joins a neighbour."""
    colour_weight: float = 2.0
    """Weight of a squared RGB difference (0–1 scale) against 1 - cos of the angle between normals; 0 ignores colour."""
    smoothing: int = 2
    """Rounds of averaging over neighbours that normals and colours go through first."""
    cell_m: float = 0.02
    """A cloud without faces is cut in cells of this size, so that its density does not matter."""
    plane_neighbours: int = 16
    """Cells to which the plane behind a cloud's normal is fitted."""
    graph_neighbours: int = 8
    """Cells to which each cell of a cloud is joined."""

    def __post_init__(self) -> None:
        if not (self.threshold > 0 and self.cell_m > 0 and self.colour_weight >= 0 and self.smoothing >= 0):
            raise InputError(f"{self}: threshold and cell_m must be positive, colour_weight and smoothing not negative")
        if self.plane_neighbours < 3 or self.graph_neighbours < 1:
            raise InputError(f"{self}: a plane takes 3 neighbours or more and a graph at least 1")


COLOUR_AWARE = SuperpointSettings()
SCANNET = SuperpointSettings(threshold=0.01, min_size=20, colour_weight=0.0, smoothing=0)
"""Normals only, with the rule and the parameters of ScanNet's segmentator. Patches agree in kind, not bit by bit: there
edges of equal weight come in any order, and an edge's weight depends on the direction in which a face names it."""

_SHARP_DEPTH_M = 2.5
"""Up to here the noise of a depth camera stays below the default cell; beyond, it grows with the square of depth."""
_COARSEST_LEVEL = 2


def over_segment(
    scene: Scene, *, settings: SuperpointSettings | None = None, viewpoint_m: Float32[Tensor, "3"] | None = None
) -> Scene:
    """The scene with `superpoint` filled, whatever it held before.

    A mesh is cut along its edges. A cloud is cut on a graph of near cells; if it is the view of one depth camera, cells
    grow with the square of depth, as the camera's noise does.

    Args:
        scene: A mesh, or a cloud without faces.
        settings: None: `COLOUR_AWARE` for a scene with colour, else `SCANNET`, which cuts finer by normals alone.
        viewpoint_m: Where the depth camera stood, for a single view; None: what `scene.viewpoint_m` says.

    Raises:
        InputError: A point is not finite, or a face names a point that does not exist.

    Source: Felzenszwalb and Huttenlocher, IJCV 2004; on normals as in Dai et al., CVPR 2017, appendix.
    """
    check_points(scene.xyz_m)
    if settings is None:
        settings = SCANNET if scene.rgb is None else COLOUR_AWARE
    if len(scene.xyz_m) < 2:
        superpoint = torch.zeros(len(scene.xyz_m), dtype=torch.int64, device=scene.xyz_m.device)
    elif scene.faces is not None and len(scene.faces):
        superpoint = _of_mesh(scene, scene.faces, settings)
    else:
        superpoint = _of_cloud(scene, settings, scene.viewpoint_m if viewpoint_m is None else viewpoint_m)
    return dataclasses.replace(scene, superpoint=superpoint)


def _of_mesh(scene: Scene, faces: Int64[Tensor, "f 3"], settings: SuperpointSettings) -> Int64[Tensor, "n"]:
    count = len(scene.xyz_m)
    try:
        normal = vertex_normals(scene.xyz_m, faces)
    except ValueError as error:
        raise InputError(f"{scene.name}: {error}") from error
    edge = mesh_edges(faces, count)
    smooth = mean_over_edges(torch.cat([normal, _colour(scene, settings)], dim=1), edge, rounds=settings.smoothing)
    normal = normalize(smooth[:, :3], dim=1)
    cosine, outwards = _along_edges(normal, scene.xyz_m, edge)
    bend = (1 - cosine).clamp(min=0)
    # Across a convex edge lies the other side of the same thing, across a concave one usually another thing.
    weight = torch.where(outwards, bend * bend, bend) + _colour_step(smooth[:, 3:], edge, settings)
    label = over_segment_graph(edge, weight, count, threshold=settings.threshold, min_size=settings.min_size)
    return _without_strays(label, scene.xyz_m, settings.min_size)


def _of_cloud(
    scene: Scene, settings: SuperpointSettings, viewpoint_m: Float32[Tensor, "3"] | None
) -> Int64[Tensor, "n"]:
    cell_of_point, count = _cells(scene.xyz_m, settings.cell_m, viewpoint_m)
    xyz_m = segment_mean(scene.xyz_m, cell_of_point, count)
    colour = segment_mean(_colour(scene, settings), cell_of_point, count)
    index, _ = knn(xyz_m, min(max(settings.plane_neighbours, settings.graph_neighbours + 1), count))
    edge = near_edges(index[:, : settings.graph_neighbours + 1])
    if index.shape[1] < 3:
        normal = torch.zeros_like(xyz_m)
    else:
        normal = point_normals(xyz_m, index[:, : settings.plane_neighbours])
    for _ in range(settings.smoothing):
        normal = normalize(oriented_sum_over_edges(normal, edge), dim=1)
    colour = mean_over_edges(colour, edge, rounds=settings.smoothing)
    # Which side is outside is not known here, so neither is what is convex.
    cosine, _ = _along_edges(normal, xyz_m, edge)
    weight = (1 - cosine.abs()).clamp(min=0) + _colour_step(colour, edge, settings)
    label = over_segment_graph(edge, weight, count, threshold=settings.threshold, min_size=settings.min_size)
    return _without_strays(label, xyz_m, settings.min_size)[cell_of_point]


def _without_strays(label: Int64[Tensor, "n"], xyz_m: Float32[Tensor, "n 3"], min_size: int) -> Int64[Tensor, "n"]:
    """Give islands that stayed below the least size, such as vertices without a face, to whatever is nearest."""
    stray = torch.bincount(label)[label] < min_size
    if not stray.any() or stray.all():
        return label
    settled = (~stray).nonzero()[:, 0]
    nearest, _ = knn(xyz_m[settled], 1, xyz_m[stray])
    adopted = label.clone()
    adopted[stray] = label[settled[nearest[:, 0]]]
    return torch.unique(adopted, return_inverse=True)[1]


def _cells(
    xyz_m: Float32[Tensor, "n 3"], size_m: float, viewpoint_m: Float32[Tensor, "3"] | None
) -> tuple[Int64[Tensor, "n"], int]:
    """Cell of each point and the number of cells; sizes double from level to level with the noise to be expected."""
    level = torch.zeros(len(xyz_m), 1, device=xyz_m.device)
    if viewpoint_m is not None:
        depth = torch.linalg.vector_norm(xyz_m - viewpoint_m.to(xyz_m), dim=1, keepdim=True)
        level = (2 * torch.log2(depth / _SHARP_DEPTH_M)).ceil().clamp(0, _COARSEST_LEVEL)
    place = torch.floor((xyz_m - xyz_m.amin(dim=0)) / (size_m * 2**level))
    try:
        cell, cell_of_point = unique_cells(torch.cat([level, place], dim=1).long())
    except ValueError as error:
        raise InputError(f"cells of {size_m} m: {error}") from error
    return cell_of_point, len(cell)


def _colour(scene: Scene, settings: SuperpointSettings) -> Float32[Tensor, "n c"]:
    """Colours, 0–1; no columns where there is none or it shall not count."""
    if scene.rgb is None or settings.colour_weight == 0:
        return scene.xyz_m.new_zeros(len(scene.xyz_m), 0)
    return scene.rgb.float() / 255


def _along_edges(
    normal: Float32[Tensor, "n 3"], xyz_m: Float32[Tensor, "n 3"], edge: Int64[Tensor, "e 2"]
) -> tuple[Float32[Tensor, "e"], Bool[Tensor, "e"]]:
    """Cosine between the normals at the ends of each edge, and whether they point away from each other (convex)."""
    both = torch.cat([normal, xyz_m], dim=1)  # one gather in place of two
    start, end = both[edge[:, 0]], both[edge[:, 1]]
    cosine = (start[:, :3] * end[:, :3]).sum(dim=1)
    difference = end - start
    return cosine, (difference[:, :3] * difference[:, 3:]).sum(dim=1) > 0


def _colour_step(
    colour: Float32[Tensor, "n c"], edge: Int64[Tensor, "e 2"], settings: SuperpointSettings
) -> Float32[Tensor, "e"]:
    step = colour[edge[:, 0]] - colour[edge[:, 1]]
    return settings.colour_weight * (step * step).sum(dim=1)
