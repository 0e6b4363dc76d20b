"""Integers from text: the fast paths against Python's own parser, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scene3d.errors import InputError
from scene3d.evaluate.integer_lines import read_integers, read_mask


def written(path, text):
    path.write_bytes(text.encode())
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1) | st.integers(0, 99999), max_size=40),
    ending=st.sampled_from(["\n", "\r\n"]),
    finished=st.booleans(),
)
def test_reads_what_int_reads(tmp_path, values, ending, finished):
    path = written(tmp_path / "a.txt", ending.join(map(str, values)) + (ending if finished and values else ""))
    assert read_integers(path).tolist() == values
    covered, length = read_mask(path)
    assert length == len(values)
    assert covered.tolist() == [i for i, value in enumerate(values) if value != 0]


@pytest.mark.parametrize(
    "text", ["0\n1\n1\n", "0\n1\n1", "0\r\n1\r\n1\r\n", "0\n7\n1\n", "0\n-1\n255\n", "00\n01\n10\n"]
)
def test_a_mask_is_what_is_not_zero(tmp_path, text):
    covered, length = read_mask(written(tmp_path / "m.txt", text))
    assert (covered.tolist(), length) == ([1, 2], 3)


def test_an_empty_file_has_no_lines(tmp_path):
    assert read_integers(written(tmp_path / "a.txt", "")).shape == (0,)
    assert read_mask(tmp_path / "a.txt")[1] == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [("1\nchair\n", "line 2 is b'chair'"), ("1\n\n2\n", "line 2 is b''"), ("1.5\n", "line 1"), ("1 2\n", "line 1")],
)
def test_a_line_that_is_no_integer_is_named(tmp_path, text, named):
    with pytest.raises(InputError, match=named):
        read_integers(written(tmp_path / "a.txt", text))


def test_a_number_beyond_64_bits_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not fit 64 bits"):
        read_integers(written(tmp_path / "a.txt", "1\n" + "9" * 25 + "\n"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt: cannot be read"):
        read_mask(tmp_path / "gone.txt")


def test_a_large_file_comes_back(tmp_path):
    values = np.random.default_rng(0).integers(0, 1_200_000, 20_000)
    path = tmp_path / "a.txt"
    np.savetxt(path, values, fmt="%d")
    assert (read_integers(path) == values).all()
