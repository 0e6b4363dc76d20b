"""Masks as lists: they come back, and count what a loop counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scene3d.evaluate.masks import MaskList


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), q=st.integers(0, 5), e=st.integers(0, 30), density=st.sampled_from([0, 0.1, 0.9])
)
def test_counts_are_those_of_a_loop(seed, q, e, density):
    rng = np.random.default_rng(seed)
    dense = rng.random((q, e)) < density
    column = np.sort(rng.integers(0, 4, e)) if seed % 2 else rng.integers(0, 4, e)
    masks = MaskList.of(dense)
    assert (masks.dense() == dense).all()
    assert len(masks) == q
    expected = [[sum(1 for i in range(e) if row[i] and column[i] == k) for k in range(4)] for row in dense]
    assert masks.counts_by(column, 4).tolist() == expected
