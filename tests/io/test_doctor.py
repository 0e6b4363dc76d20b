"""`scene3d doctor`: every line that it promises, with and without a scan."""

from __future__ import annotations

import numpy as np
import pytest

from scene3d.commands.doctor import COMMANDS, doctor, installation
from scene3d.errors import InputError


def test_the_installation_is_described():
    report = dict(installation())
    assert {"python", "torch", "kernels", "backend", "threads", "gpu", "extra las", "extra e57", "weights"} <= set(
        report
    )
    assert report["backend"] in ("native", "reference", "spconv")


def test_missing_kernels_are_explained(monkeypatch):
    from scene3d_ops import native

    gone = native.NativeStatus(path=None, instruction_set="none", reason="not compiled at install time")
    monkeypatch.setattr(native, "status", lambda: gone)
    assert "not compiled at install time; the torch twins serve" in dict(installation())["kernels"]


def test_a_scan_is_described(tmp_path, capsys, room):
    np.savez(tmp_path / "den.npz", xyz=room(0)[::20] * 1000)
    COMMANDS["doctor"](tmp_path / "den.npz")
    printed = capsys.readouterr().out
    for expected in ("den", "points", "extent", "note: unit", "millimetres", "note: up_axis", "z is up"):
        assert expected in printed


def test_a_unit_may_be_typed_as_a_number(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", xyz=np.random.default_rng(0).uniform(0, 4, (99, 3)))
    doctor(tmp_path / "a.npz", unit="0.5")
    assert "unit taken as 0.5 m: as asked for" in capsys.readouterr().out


def test_a_broken_scan_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        doctor(tmp_path / "gone.ply")
