"""Files to scenes: every reader, and what each one decided about axes, units and origin."""

from scene3d.io.load import READERS, load_scene
from scene3d.io.ply_write import save_ply, save_scene_ply

__all__ = ["READERS", "load_scene", "save_ply", "save_scene_ply"]
