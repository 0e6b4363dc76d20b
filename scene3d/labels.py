"""The class lists of the ScanNet benchmarks: ids, names and frequency splits as the benchmark defines them."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from scene3d.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassList:
    """The classes of one benchmark, in its own order."""

    name: str
    ids: tuple[int, ...]
    """Official ids: NYU40 ids for scannet20, the sparse raw-category ids for scannet200."""
    names: tuple[str, ...]
    splits: tuple[str, ...]
    """"head", "common" or "tail" for scannet200; empty strings for scannet20."""

    def id_of(self, name: str) -> int:
        """Official id of a class name; 0 where the benchmark has no such class."""
        return dict(zip(self.names, self.ids, strict=True)).get(name, 0)

    def name_of(self, class_id: int) -> str:
        """Class name of an official id; "" where the benchmark has no such id."""
        return dict(zip(self.ids, self.names, strict=True)).get(class_id, "")

    def things(self) -> tuple[tuple[int, str], ...]:
        """Ids and names of the classes that instance benchmarks score: all but wall and floor."""
        pairs = zip(self.ids, self.names, strict=True)
        return tuple((i, name) for i, name in pairs if name not in ("wall", "floor"))


@functools.cache
def class_list(name: str) -> ClassList:
    """The classes of `scannet20` or `scannet200`.

    Raises:
        InputError: No such list.

    Source: the constants published with the ScanNet and ScanNet200 benchmarks (Dai et al., CVPR 2017; Rozenberszki
        et al., ECCV 2022).
    """
    with (Path(__file__).parent / "scannet_classes.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["benchmark"] == name]
    if not rows:
        raise InputError(f"no class list named {name!r}; there are: scannet20, scannet200")
    return ClassList(
        name=name,
        ids=tuple(int(row["id"]) for row in rows),
        names=tuple(row["name"] for row in rows),
        splits=tuple(row["split"] for row in rows),
    )
