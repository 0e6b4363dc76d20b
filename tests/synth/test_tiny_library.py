"""The committed tiny library is what its script writes."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

HERE = Path(__file__).parent


def test_the_library_is_what_its_script_writes(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_tiny_library", HERE / "make_tiny_library.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    with zipfile.ZipFile(module.write(tmp_path / "tiny.sh3f")) as fresh, zipfile.ZipFile(HERE / "tiny.sh3f") as kept:
        assert fresh.namelist() == kept.namelist()
        texts = [name for name in kept.namelist() if not name.endswith(".png")]
        assert [name for name in texts if fresh.read(name) != kept.read(name)] == []
