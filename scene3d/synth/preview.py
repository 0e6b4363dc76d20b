"""Pictures of rooms and furniture before any scan: ray casting with plain shading, to look at what the layout made."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from scene3d.synth.room import Room, TexturedMesh
from scene3d.synth.textured_mesh import face_colours, merged, with_faces

_LIGHT = np.array([0.4, 0.5, 0.77])
_BACKGROUND = 255.0


def render_mesh(
    mesh: TexturedMesh,
    *,
    eye_m: Float64[np.ndarray, "3"],
    target_m: Float64[np.ndarray, "3"],
    width: int = 640,
    height: int = 480,
    fov_deg: float = 60.0,
) -> UInt8[np.ndarray, "h w 3"]:
    """Picture of a mesh from a point, z up; white where no surface is."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        o3d.core.Tensor.from_numpy(mesh.xyz_m), o3d.core.Tensor.from_numpy(mesh.faces.astype(np.uint32))
    )
    hits = scene.cast_rays(o3d.core.Tensor.from_numpy(_rays(eye_m, target_m, width, height, fov_deg)))
    face = hits["primitive_ids"].numpy().astype(np.int64)
    seen = np.isfinite(hits["t_hit"].numpy())
    rgb = face_colours(mesh, face[seen], hits["primitive_uvs"].numpy()[seen])
    shade = 0.5 + 0.5 * np.abs(hits["primitive_normals"].numpy()[seen] @ _LIGHT)
    picture = np.full((height, width, 3), _BACKGROUND)
    picture[seen] = rgb * shade[:, None]
    return picture.clip(0, 255).astype(np.uint8)


def render_room(room: Room, *, view: str = "top", width: int = 640, height: int = 480) -> UInt8[np.ndarray, "h w 3"]:
    """Picture of a room.

    Args:
        room: The room.
        view: `top` looks down without the ceiling; `corner` looks in from above a corner, near walls left out;
            `inside` stands in the room at eye height.
        width: Pixels.
        height: Pixels.
    """
    low, high = room.floor_m.min(0), room.floor_m.max(0)
    middle = np.append((low + high) / 2, 0.9)
    reach = float(np.linalg.norm(high - low))
    if view == "inside":
        eye, target = np.append(low + 0.35 * (high - low), 1.6), np.append(high, 0.6)
        return render_mesh(_surfaces(room, None), eye_m=eye, target_m=target, width=width, height=height, fov_deg=85)
    direction = np.array([0.0, -0.02, 1.0]) if view == "top" else np.array([-0.62, -0.7, 0.95])
    eye = middle + direction / np.linalg.norm(direction) * reach * (1.2 if view == "top" else 1.3)
    return render_mesh(_surfaces(room, eye), eye_m=eye, target_m=middle, width=width, height=height, fov_deg=50)


def _surfaces(room: Room, eye_m: Float64[np.ndarray, "3"] | None) -> TexturedMesh:
    """Everything in the room; seen from outside, the faces of walls and ceiling that turn away are left out."""
    parts = []
    for structure in room.structures:
        mesh = structure.mesh
        if eye_m is not None and structure.label in ("wall", "ceiling"):
            corner = mesh.xyz_m[mesh.faces].astype(np.float64)
            normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
            mesh = with_faces(mesh, ((eye_m - corner[:, 0]) * normal).sum(1) > 0)
        parts.append(mesh)
    return merged([*parts, *(placed.mesh for placed in room.objects)])


def _rays(
    eye_m: Float64[np.ndarray, "3"], target_m: Float64[np.ndarray, "3"], width: int, height: int, fov_deg: float
) -> Float32[np.ndarray, "h w 6"]:
    forward = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    focal = width / 2 / np.tan(np.radians(fov_deg) / 2)
    column, row = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    direction = forward + (column[..., None] * right + row[..., None] * down) / focal
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    return np.concatenate([np.broadcast_to(eye_m, direction.shape), direction], -1).astype(np.float32)
