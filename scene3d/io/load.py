"""`load_scene`: picks the reader by the ending, and brings what it read into the scene's frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scene3d.errors import InputError
from scene3d.io.e57 import read_e57
from scene3d.io.gltf import read_gltf
from scene3d.io.las import read_las
from scene3d.io.npz import read_npy, read_npz
from scene3d.io.obj import read_obj
from scene3d.io.orient import AXES
from scene3d.io.pcd import read_pcd
from scene3d.io.place import Wishes, place
from scene3d.io.ply import read_ply
from scene3d.io.raw import RawScan
from scene3d.io.rgbd import find_frames, read_rgbd
from scene3d.io.scannet import find_mesh, read_scannet
from scene3d.io.sens import read_sens
from scene3d.io.stl import read_stl
from scene3d.io.text import read_text
from scene3d.io.unit import unit_of_user
from scene3d.types import Scene

READERS: dict[str, Callable[[Path], RawScan]] = {
    ".ply": read_ply,
    ".pcd": read_pcd,
    ".obj": read_obj,
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".stl": read_stl,
    **dict.fromkeys((".xyz", ".xyzrgb", ".txt", ".csv", ".pts", ".asc"), read_text),
    ".npz": read_npz,
    ".npy": read_npy,
    ".las": read_las,
    ".laz": read_las,
    ".e57": read_e57,
}
"""Reader by ending. `.sens` and folders are read too: `read_sens`, `read_scannet`, `read_rgbd`."""


def load_scene(
    path: str | Path,
    *,
    up_axis: str | None = None,
    unit: str | float | None = None,
    origin: tuple[float | int, float | int, float | int] | None = None,
    max_points: int = 2_000_000,
    voxel_m: float | None = None,
    max_frames: int = 100,
) -> Scene:
    """Read a scan: metric, z up, near the origin; `Scene.notes` tells what was decided and why.

    Args:
        path: A file (see `READERS`, and `.sens`), a ScanNet scene folder, or a folder of posed RGB-D pictures.
        up_axis: The file's axis that points up: x, y, z, -x, -y or -z. None: found, see `scene3d.io.orient`.
        unit: m, cm, mm, ft, in, or metres per unit. None: found, see `scene3d.io.unit`.
        origin: The point of the file, in its own axes and unit, that becomes the origin. None: the file's own origin,
            or the middle of the scan on a whole metre where coordinates exceed 100 m.
        max_points: A scan of more points is read in pieces and merged to at most this many, one per voxel.
        voxel_m: Merge points per voxel of this edge, whatever their number. None: only above `max_points`, at 2 cm.
        max_frames: How many frames of a `.sens` or of a folder of pictures are fused; all can be read from the scene.

    Raises:
        InputError: The file cannot be used; the message names it and the way out.
        MissingDependencyError: LAS and E57 need an extra.
    """
    path = Path(path)
    _check_wishes(up_axis, unit, max_points=max_points, voxel_m=voxel_m, max_frames=max_frames)
    wishes = Wishes(up_axis=up_axis, unit=unit, origin=origin, max_points=max_points, voxel_m=voxel_m)
    try:
        return place(_read(path, max_frames), path=path, wishes=wishes)
    except OSError as error:
        if isinstance(error, ImportError):
            raise
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}); check the path and its rights"
        ) from error
    except MemoryError as error:
        raise InputError(f"{path}: does not fit in memory; thin it out, or pass a smaller max_points") from error


def _read(path: Path, max_frames: int) -> RawScan:
    if not path.exists():
        raise InputError(f"{path}: does not exist; check the path")
    if path.is_dir():
        return _read_folder(path, max_frames)
    if not path.is_file():
        raise InputError(f"{path}: neither a file nor a folder; save the scan to a file first")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; export or copy the scan again")
    ending = path.suffix.lower()
    if ending == ".sens":
        return read_sens(path, max_frames=max_frames)
    if ending not in READERS:
        raise InputError(f"{path}: the ending {ending!r} is not read; convert to one of {' '.join(READERS)} .sens")
    return READERS[ending](path)


def _read_folder(folder: Path, max_frames: int) -> RawScan:
    mesh = find_mesh(folder)
    if mesh is not None:
        return read_scannet(mesh)
    frames = find_frames(folder)
    if frames is not None:
        return read_rgbd(folder, frames=frames, max_frames=max_frames)
    recordings = sorted(folder.glob("*.sens"))
    if recordings:
        return read_sens(recordings[0], max_frames=max_frames)
    scans = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in READERS)[:5]
    hint = f"; name one of its files: {', '.join(scans)}" if scans else ""
    raise InputError(
        f"{folder}: a folder, but neither a ScanNet scene (*_vh_clean_2.ply) nor posed RGB-D pictures "
        f"(frames.json, or color/ depth/ pose/){hint}"
    )


def _check_wishes(
    up_axis: str | None, unit: str | float | None, *, max_points: int, voxel_m: float | None, max_frames: int
) -> None:
    """Refuse wishes that make no sense before a large file is read."""
    if up_axis is not None and up_axis not in AXES:
        raise InputError(f"up_axis {up_axis!r} is not one of {', '.join(AXES)}")
    if unit is not None:
        unit_of_user(unit)
    if max_points < 1 or max_frames < 1:
        raise InputError(f"max_points {max_points} and max_frames {max_frames} must be at least 1")
    if voxel_m is not None and not 1e-4 <= voxel_m <= 100:
        raise InputError(f"voxel_m {voxel_m}: an edge between 0.0001 and 100 metres is needed")
