"""Hatchling's hook: compile the kernels into the wheel, or build without them where there is no compiler."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from build_native import build


class NativeKernels(BuildHookInterface):
    """Compiles `csrc/` next to `scene3d_ops` and marks the wheel as belonging to this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library before files are collected; a failed build only means a slower install."""
        if self.target_name != "wheel":
            return
        package = Path(self.root) / "ops" / "scene3d_ops"
        library, reason = build(package)
        if library is None:
            self.app.display_warning(f"scene3d: kernels not compiled ({reason}); the torch twins will serve")
            return
        build_data["artifacts"].append(f"ops/scene3d_ops/{library.name}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
