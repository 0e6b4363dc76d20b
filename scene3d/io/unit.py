"""Which unit a file is in: what the user, the format or the extent of the scan says."""

from __future__ import annotations

import math

from scene3d.errors import InputError
from scene3d.io.raw import Said

UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
LARGEST_M = 20_000.0
"""No scan of rooms or of a site is larger; more means a wrong unit or stray points."""
_METRES_TO, _CENTIMETRES_TO = 100.0, 1500.0


def unit_of_user(unit: str | float) -> Said:
    """The unit that the user asked for.

    Raises:
        InputError: No such unit, or not a positive number of metres.
    """
    if isinstance(unit, str):
        if unit not in UNITS_M:
            raise InputError(
                f"unit {unit!r} is not one of {', '.join(UNITS_M)}; a number of metres per unit serves too"
            )
        return Said(value=UNITS_M[unit], reason="as asked for")
    if not (math.isfinite(unit) and unit > 0):
        raise InputError(f"unit {unit!r}: metres per unit must be a positive number, such as 0.001 for millimetres")
    return Said(value=float(unit), reason="as asked for")


def unit_of_extent(extent: float) -> Said:
    """Guess the unit from the largest side of the scan, 1 % of stray points on either side left out.

    A room measures 2–30 m. Up to 100 units are metres, up to 1,500 centimetres, above that millimetres.

    Args:
        extent: In the file's unit.
    """
    if extent <= _METRES_TO:
        return Said(value=1.0, reason=f"the scan measures {extent:.3g} units, a usual size in metres")
    if extent <= _CENTIMETRES_TO:
        return Said(value=0.01, reason=f"the scan measures {extent:,.0f} units, a usual size in centimetres")
    return Said(value=0.001, reason=f"the scan measures {extent:,.0f} units, a usual size in millimetres")


def decide_unit(*, asked: str | float | None, stated: Said | None, extent: float, is_unit_certain: bool) -> Said:
    """The unit, in metres: the user's word, else the format's unless the extent speaks against it, else the extent.

    Args:
        asked: What the user asked for.
        stated: What the format states.
        extent: Largest side in the file's unit, without strays.
        is_unit_certain: The format is believed whatever the extent.
    """
    if asked is not None:
        return unit_of_user(asked)
    if stated is None:
        return unit_of_extent(extent)
    if is_unit_certain or extent * float(stated.value) <= _METRES_TO:
        return stated
    guess = unit_of_extent(extent)
    return Said(value=guess.value, reason=f"{guess.reason}, although {stated.reason}")


def unit_name(metres: float) -> str:
    """Plain name of a unit."""
    return next((name for name, value in UNITS_M.items() if value == metres), f"{metres:g} m")
