"""Encoded scenes that are open, the least recently used closed first; what the server needs of a session."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from scene3d.model.question import Question
from scene3d.types import GroundedText, Phrase, Proposals, Scene


class ScannedScene(Protocol):
    """What is asked of `scene3d.model.session.Session`."""

    scene: Scene

    def segment(self) -> Proposals:
        """All objects."""
        ...

    def detect(self, text: str, *, threshold: float = 0.5) -> Proposals:
        """Objects that a phrase names."""
        ...

    def ask_many(self, questions: list[Question]) -> list[GroundedText]:
        """Answers, written together."""
        ...

    def ground_many(self, questions: list[Question]) -> list[GroundedText]:
        """Objects that descriptions name."""
        ...

    def stream_question(self, question: Question) -> Iterator[str | Phrase | GroundedText]:
        """An answer as it is written."""
        ...


Opener = Callable[[Path], Any]
"""From the file of a stored scene to its session."""


class OpenScenes:
    """Used by the model's thread only.

    Args:
        opener: Opens a scene.
        most: How many stay open.
    """

    def __init__(self, opener: Opener, *, most: int) -> None:
        self._opener, self._most = opener, most
        self._open: OrderedDict[str, Any] = OrderedDict()

    def get(self, scene: str, path: Path) -> Any:
        """The session of a scene, opened if need be."""
        if scene not in self._open:
            while len(self._open) >= self._most:
                self._open.popitem(last=False)
            self._open[scene] = self._opener(path)
        self._open.move_to_end(scene)
        return self._open[scene]

    def close(self, scene: str) -> None:
        """Let go of a scene that was deleted."""
        self._open.pop(scene, None)


def model_opener(model: str) -> Opener:
    """Opens scenes with a model, which is loaded when the first one is opened."""
    grounders: list[Any] = []

    def open_scene(path: Path) -> Any:
        from scene3d.model.encoding import load_encoding, save_encoding
        from scene3d.model.grounder import Grounder
        from scene3d.model.session import Session
        from scene3d.server.scene_file import encoding_path, load_saved_scene

        if not grounders:
            grounders.append(Grounder.from_pretrained(model))
        grounder, scene = grounders[0], load_saved_scene(path)
        kept = encoding_path(path, grounder.model_key())
        encoding = load_encoding(kept)
        if encoding is None:  # made by another model
            session = grounder.encode(scene, cache=False)
            save_encoding(kept, session.encoding)
            return session
        return Session(grounder, replace(scene, superpoint=encoding.superpoint), encoding, {"cached": 0.0})

    return open_scene
