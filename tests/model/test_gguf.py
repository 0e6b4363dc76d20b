"""Files are written here byte by byte; the numbers are worked by hand."""

import struct
from pathlib import Path

import numpy as np
import pytest

from scene3d.errors import InputError
from scene3d.model.gguf import read_gguf
from tests.model.gguf_writer import write_gguf


def half(value: float) -> bytes:
    return struct.pack("<e", value)


def test_fields_of_every_kind_come_back(tmp_path: Path):
    fields = {"general.architecture": "llama", "a.count": 7, "a.rate": 0.5, "a.flag": True, "a.words": ["é", "", "b"]}
    assert read_gguf(write_gguf(tmp_path / "m.gguf", fields, {})).fields == fields


def test_blocks_are_decoded_as_their_layout_says(tmp_path: Path):
    nibbles = bytes(i | (15 - i) << 4 for i in range(16))  # numbers 0 … 15, then 15 … 0
    counted = np.array([*range(16), *range(15, -1, -1)], dtype=np.float32)
    signed = np.arange(-16, 16, dtype=np.int8)
    tensors = {
        "f32": (0, (2, 3), np.arange(6, dtype="<f4").tobytes()),
        "f16": (1, (1, 2), half(0.5) + half(-2)),
        "q4_0": (2, (1, 32), half(0.5) + nibbles),
        "q4_1": (3, (1, 32), half(0.25) + half(-3) + nibbles),
        "q8_0": (8, (2, 32), (half(2) + signed.tobytes()) + (half(-1) + signed.tobytes())),
    }
    found = read_gguf(write_gguf(tmp_path / "m.gguf", {}, tensors)).tensors
    np.testing.assert_array_equal(found["f32"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["f16"], [[0.5, -2]])
    np.testing.assert_array_equal(found["q4_0"][0], (counted - 8) / 2)
    np.testing.assert_array_equal(found["q4_1"][0], counted / 4 - 3)
    np.testing.assert_array_equal(found["q8_0"], [signed * 2.0, signed * -1.0])


def test_other_files_and_types_are_named(tmp_path: Path):
    other = tmp_path / "m.gguf"
    other.write_bytes(b"PK\x03\x04 a zip file")
    with pytest.raises(InputError, match=r"starts with b'PK.*expected GGUF"):
        read_gguf(other)
    with pytest.raises(InputError, match=r"'x' is of GGML type 14; readable are F32, F16, Q4_0, Q4_1, Q8_0"):
        read_gguf(write_gguf(tmp_path / "k.gguf", {}, {"x": (14, (1, 32), bytes(64))}))


@pytest.mark.parametrize("kept", [3, 20, 60, -1])
def test_a_file_cut_short_is_an_error_wherever_the_cut_is(kept: int, tmp_path: Path):
    path = write_gguf(tmp_path / "m.gguf", {"a.word": "chair"}, {"x": (0, (64,), bytes(256))})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"m\.gguf"):
        read_gguf(path)
