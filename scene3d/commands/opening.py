"""Opens a scan with a model, for every command that asks about one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rich.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from scene3d.model.session import Session


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a scan is opened."""

    model: str = "default"
    """A shipped model, a folder or a Hugging Face id."""
    up_axis: str | None = None
    """The scan's up axis, such as z or -y, where the reader would guess wrong."""
    unit: str | None = None
    """The scan's unit: m, cm, mm, ft, in, or metres per unit."""
    cache: bool = True
    """Keep the encoding, and take a kept one."""
    proposals: Literal["queries", "clusters"] | None = None
    """How objects are proposed: by the decoder's queries, or as clusters of what votes for one centre. Left out: as the
    model says."""

    def session(self, scan: Path) -> Session:
        """Read and encode a scan; what the reader decided is printed."""
        from scene3d.io import load_scene
        from scene3d.model.grounder import Grounder

        grounder = Grounder.from_pretrained(self.model)
        if self.proposals is not None:
            rules = replace(grounder.config.rules, proposals=self.proposals)
            grounder.config = replace(grounder.config, rules=rules)
        scene = load_scene(scan, up_axis=self.up_axis, unit=self.unit)
        for note in scene.notes:
            Console(stderr=True).print(f"[dim]{note.topic}: {note.text}[/]", highlight=False)
        return grounder.encode(scene, cache=self.cache)
