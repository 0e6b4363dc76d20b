from dataclasses import replace
from pathlib import Path

import pytest

from scene3d.errors import ConfigError, InputError
from scene3d.synth.generate import SynthSettings, generate_scenes, scene_name
from scene3d.synth.scan import ScanSettings
from tests.synth.box_room import box_room

LIBRARY = Path(__file__).parent / "tiny.sh3f"
QUICK = SynthSettings(
    seed=7, furniture=(LIBRARY,), scan=ScanSettings(frames=8, width=64, height=48, voxel_m=0.04, coarse_share=0.0)
)


@pytest.fixture
def _box_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scene3d.synth.generate.furnish", lambda kind, **_: box_room())


@pytest.mark.usefixtures("_box_rooms")
def test_a_second_run_goes_on_where_the_first_stopped(tmp_path: Path):
    first = [o.name for o in generate_scenes(QUICK, scenes=2, out=tmp_path)]
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.npz")}
    second = [o.name for o in generate_scenes(QUICK, scenes=3, out=tmp_path)]
    assert first == [scene_name(QUICK, 0), scene_name(QUICK, 1)]
    assert second == [scene_name(QUICK, 2)]
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in before.items())


@pytest.mark.usefixtures("_box_rooms")
def test_a_scene_depends_on_its_number_alone(tmp_path: Path):
    list(generate_scenes(QUICK, scenes=3, out=tmp_path / "all"))
    list(generate_scenes(QUICK, scenes=1, first=2, out=tmp_path / "last"))
    name = f"{scene_name(QUICK, 2)}.npz"
    assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "last" / name).read_bytes()


def test_failures_are_named_and_do_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = iter(range(100))

    def sometimes(kind: str, **_: object):
        if next(calls) < 3:
            raise InputError("no room for the bed")
        return box_room()

    monkeypatch.setattr("scene3d.synth.generate.furnish", sometimes)
    outcomes = list(generate_scenes(QUICK, scenes=2, out=tmp_path))
    assert outcomes[0].error is not None
    assert "no room for the bed" in outcomes[0].error
    assert outcomes[1].error is None
    assert [p.name for p in tmp_path.glob("*.npz")] == [f"{scene_name(QUICK, 1)}.npz"]


@pytest.mark.usefixtures("_box_rooms")
def test_an_interrupted_scene_leaves_nothing_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object):
        raise KeyboardInterrupt

    monkeypatch.setattr("scene3d.synth.compact.np.lib.format.write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(generate_scenes(QUICK, scenes=1, out=tmp_path))
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.usefixtures("_box_rooms")
def test_a_folder_of_other_settings_is_not_mixed(tmp_path: Path):
    list(generate_scenes(QUICK, scenes=1, out=tmp_path))
    with pytest.raises(InputError, match="other settings"):
        list(generate_scenes(replace(QUICK, point_m=0.05), scenes=2, out=tmp_path))


@pytest.mark.usefixtures("_box_rooms")
def test_both_formats_are_written(tmp_path: Path):
    list(generate_scenes(replace(QUICK, format="both"), scenes=1, out=tmp_path))
    name = scene_name(QUICK, 0)
    assert (tmp_path / f"{name}.npz").is_file()
    assert (tmp_path / name / f"{name}_vh_clean_2.ply").is_file()


@pytest.mark.slow
def test_number_of_workers_leaves_no_trace(tmp_path: Path):
    for workers in (1, 2):
        outcomes = list(generate_scenes(QUICK, scenes=2, out=tmp_path / str(workers), workers=workers))
        assert [o.error for o in outcomes] == [None, None]
    one, two = (sorted((tmp_path / str(w)).glob("*.npz")) for w in (1, 2))
    assert [p.name for p in one] == [p.name for p in two]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_nothing_to_do_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="0 scenes"):
        list(generate_scenes(QUICK, scenes=0, out=tmp_path))
