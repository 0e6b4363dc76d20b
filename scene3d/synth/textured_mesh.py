"""Work on textured meshes: move, merge, sample, colour. Knows nothing of furniture or rooms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, UInt8

from scene3d.synth.room import TexturedMesh


def merged(meshes: Sequence[TexturedMesh]) -> TexturedMesh:
    """One mesh of several; textures are kept apart."""
    vertices = np.cumsum([0] + [len(mesh.xyz_m) for mesh in meshes])
    textures = np.cumsum([0] + [len(mesh.textures) for mesh in meshes])
    return TexturedMesh(
        xyz_m=np.concatenate([mesh.xyz_m for mesh in meshes]),
        faces=np.concatenate([m.faces + np.int32(v) for m, v in zip(meshes, vertices, strict=False)]),
        uv=np.concatenate([mesh.uv for mesh in meshes]),
        material=np.concatenate([m.material + np.int32(t) for m, t in zip(meshes, textures, strict=False)]),
        textures=tuple(texture for mesh in meshes for texture in mesh.textures),
    )


def moved(mesh: TexturedMesh, world_from_model: Float64[np.ndarray, "4 4"]) -> TexturedMesh:
    """The mesh under a homogeneous transform."""
    xyz_m = mesh.xyz_m @ world_from_model[:3, :3].T.astype(np.float32) + world_from_model[:3, 3].astype(np.float32)
    return TexturedMesh(
        xyz_m=np.ascontiguousarray(xyz_m, np.float32),
        faces=mesh.faces,
        uv=mesh.uv,
        material=mesh.material,
        textures=mesh.textures,
    )


def retextured(mesh: TexturedMesh, textures: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> TexturedMesh:
    """The mesh with other pictures, one for each it had."""
    return TexturedMesh(
        xyz_m=mesh.xyz_m, faces=mesh.faces, uv=mesh.uv, material=mesh.material, textures=tuple(textures)
    )


def with_faces(mesh: TexturedMesh, keep: Bool[np.ndarray, "f"]) -> TexturedMesh:
    """The mesh without the faces that `keep` denies; vertices stay."""
    return TexturedMesh(
        xyz_m=mesh.xyz_m,
        faces=mesh.faces[keep],
        uv=mesh.uv[keep],
        material=mesh.material[keep],
        textures=mesh.textures,
    )


def face_areas_m2(mesh: TexturedMesh) -> Float[np.ndarray, "f"]:
    """Area of each triangle."""
    x, y, z = _twice_area_vectors(mesh)
    return np.sqrt(x**2 + y**2 + z**2) / 2


def main_texture(mesh: TexturedMesh, *, axes: Float[np.ndarray, "3 3"] | None = None) -> int:
    """Texture that covers most of a mesh as seen along its thinnest extent: the pane of a window, the top of a table.

    Args:
        mesh: At least one texture.
        axes: Columns are the mesh's own axes; None: those of its coordinates.
    """
    axes = np.eye(3) if axes is None else axes
    thin = np.ptp(mesh.xyz_m[mesh.faces].reshape(-1, 3) @ axes, axis=0).argmin() if len(mesh.faces) else 0
    area = np.abs(axes[:, thin] @ _twice_area_vectors(mesh))
    return int(np.bincount(mesh.material, weights=area, minlength=len(mesh.textures)).argmax())


def _twice_area_vectors(mesh: TexturedMesh) -> Float[np.ndarray, "3 f"]:
    """Normals of the triangles, twice as long as their areas."""
    a, b, c = (mesh.xyz_m[mesh.faces[:, i]].T for i in range(3))  # (3, f) each: np.cross is four times slower
    (x, y, z), (u, v, w) = b - a, c - a
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u])


def sampled(
    mesh: TexturedMesh, count: int
) -> tuple[Int64[np.ndarray, "n"], Float32[np.ndarray, "n 2"], Float32[np.ndarray, "n 3"]]:
    """Points spread over the surface in proportion to area, the same ones every time.

    Returns:
        Face of each point, barycentric weights of the face's second and third corner, and position in metres.
    """
    step = (np.arange(count) + 0.5) / count
    share = np.cumsum(face_areas_m2(mesh).astype(np.float64))
    face = np.searchsorted(share, step * share[-1]).clip(0, len(mesh.faces) - 1)
    golden = np.arange(count)[:, None] * np.array([0.7548776662, 0.5698402910]) % 1  # Roberts' R2 sequence
    folded = np.where(golden.sum(1, keepdims=True) > 1, 1 - golden, golden).astype(np.float32)
    corner = mesh.xyz_m[mesh.faces[face]]
    xyz_m = corner[:, 0] + folded[:, :1] * (corner[:, 1] - corner[:, 0]) + folded[:, 1:] * (corner[:, 2] - corner[:, 0])
    return face, folded, xyz_m


def face_colours(
    mesh: TexturedMesh, face: Int64[np.ndarray, "n"], barycentric: Float32[np.ndarray, "n 2"]
) -> UInt8[np.ndarray, "n 3"]:
    """Texture colours at points of faces.

    Args:
        mesh: The mesh.
        face: Face of each point.
        barycentric: Weights of the face's second and third corner.
    """
    weight = np.concatenate([1 - barycentric.sum(1, keepdims=True), barycentric], 1)
    uv = (mesh.uv[face] * weight[..., None]).sum(1)
    rgb = np.zeros((len(face), 3), np.uint8)
    material = mesh.material[face]
    for index in np.unique(material):
        here = material == index
        height, width = mesh.textures[index].shape[:2]
        column = np.floor(uv[here, 0] % 1 * width).astype(int).clip(0, width - 1)
        row = np.floor((1 - uv[here, 1] % 1) * height).astype(int).clip(0, height - 1)
        rgb[here] = mesh.textures[index][row, column]
    return rgb
