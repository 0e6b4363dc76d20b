"""Directions to points of a square and back: the octahedron, unfolded. Source: Cigolle et al., JCGT 2014."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def fold(direction: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
    """A place in -1 … 1 along both axes for each direction; +z is in the middle, -z at the corners."""
    flat = direction / np.maximum(np.abs(direction).sum(axis=1, keepdims=True), 1e-12)
    sign = np.where(flat[:, :2] < 0, -1, 1)
    return np.where(flat[:, 2:] < 0, (1 - np.abs(flat[:, 1::-1])) * sign, flat[:, :2])


def unfold(place: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 3"]:
    """Unit vectors."""
    z = 1 - np.abs(place).sum(axis=1, keepdims=True)
    sign = np.where(place < 0, place.dtype.type(-1), place.dtype.type(1))
    xy = np.where(z < 0, (1 - np.abs(place[:, ::-1])) * sign, place)
    vector = np.concatenate([xy, z], axis=1)
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)
