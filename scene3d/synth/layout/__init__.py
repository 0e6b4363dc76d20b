"""Furnishes rooms by rules: seven kinds of room, each a list of groups, then what every room has."""

from scene3d.synth.layout.furnish import KINDS, furnish

__all__ = ["KINDS", "furnish"]
