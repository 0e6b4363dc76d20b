"""A session: one encoded scene, asked many times. Every task is a method of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from scene3d.errors import InputError
from scene3d.geometry import boxes_of_masks, with_normals
from scene3d.model.answering import Answering
from scene3d.model.dialogue import Dialogue
from scene3d.model.encoding import Encoding
from scene3d.model.markup import REF
from scene3d.model.outputs import STRAY
from scene3d.model.question import Question
from scene3d.model.referents import referents
from scene3d.model.text import text_encoder
from scene3d.types import GroundedText, Phrase, Proposals, Referents, Scene

if TYPE_CHECKING:
    from scene3d.model.grounder import Grounder


class Session:
    """One encoded scene. Object ids are the rows of `segment()`, and stay what they are for the session's life."""

    def __init__(self, grounder: Grounder, scene: Scene, encoding: Encoding, times_s: dict[str, float]) -> None:
        self.grounder = grounder
        self.scene = scene
        self.encoding = encoding
        self.times_s = times_s
        """Seconds per stage of the encoding; a single entry `cached` where it came from disk."""
        self._proposals = _proposals(grounder, scene, encoding)

    def segment(self) -> Proposals:
        """All objects, best first."""
        return self._proposals

    def detect(self, text: str, *, threshold: float = 0.5) -> Proposals:
        """The objects that a phrase names, most probable first; `score` is the probability that it names them.

        Raises:
            InputError: The text is empty, or the model has no alignment head.
        """
        probability = self.match([text])[:, 0]
        order = torch.argsort(probability, descending=True, stable=True)
        return take(self._proposals, order[probability[order] >= threshold], score=probability)

    def match(self, phrases: list[str]) -> Tensor:
        """Probability per object and phrase `(q, t)`, each for itself.

        Raises:
            InputError: A phrase is empty, or the model has no alignment head.
        """
        if not phrases or not all(phrase.strip() for phrase in phrases):
            raise InputError(f"{phrases!r}: say what to look for, such as 'chairs'")
        config = self.grounder.config
        if self.grounder.alignment is None:
            raise InputError("this model has no alignment head; train one with `scene3d train alignment`")
        with torch.no_grad():
            text = text_encoder(config.text_encoder).encode(phrases)
            logit = self.grounder.phrase_logit(self._proposals.embedding, self.encoding.kind, text)
            return (config.align_scale * logit + config.align_shift).sigmoid()

    @cached_property
    def referents(self) -> Referents:
        """The objects as the language parts see them."""
        scene = self.scene if self.scene.normal is not None else with_normals(self.scene)
        assert scene.normal is not None
        return referents(self.encoding, self._proposals.mask, scene.xyz_m, scene.normal)

    def likely_labels(self, *, least: float = 0.05) -> list[dict[str, float]]:
        """Class names that each object may have, with their probabilities."""
        names = self.grounder.detector_config.classes
        probability = self.encoding.kind
        return [{names[i]: float(row[i]) for i in torch.nonzero(row >= least)[:, 0].tolist()} for row in probability]

    @cached_property
    def answering(self) -> Answering:
        """Reads the scene once for all questions."""
        return Answering(self.grounder, self.referents)

    def ask(self, question: str, *, select: tuple[int, ...] = ()) -> GroundedText:
        """Answer a question; every task can be asked for in words.

        Args:
            question: `<ref>` in it stands for each selected object, in order.
            select: Ids of the objects that the user selected.

        Raises:
            InputError: The question is empty, an object is not there, or the model has no language part.
        """
        return self.ask_many([Question(text=question, select=select)])[0]

    def ask_many(self, questions: list[Question]) -> list[GroundedText]:
        """Answers to questions that do not know of each other, written together."""
        return self.answering.answer(questions)

    def stream(self, question: str, *, select: tuple[int, ...] = ()) -> Iterator[str | Phrase | GroundedText]:
        """Pieces of the answer as they come, each phrase as it closes, and the whole answer at the end."""
        return self.stream_question(Question(text=question, select=select))

    def stream_question(self, question: Question) -> Iterator[str | Phrase | GroundedText]:
        """The same for a question with a history."""
        return (piece for _, piece in self.answering.stream([question]))

    def ground(self, text: str, *, select: tuple[int, ...] = (), always: bool = False) -> GroundedText:
        """The objects that a description names: `text` itself as one phrase, linked to one, several or no object.

        Nothing is written, so this takes milliseconds.

        Args:
            text: The description.
            select: Ids of the objects that `<ref>` in it stands for.
            always: Link the likeliest object even where it is likelier that there is none, as benchmarks such as
                ScanRefer ask, whose every description names one object.

        Raises:
            InputError: The text is empty, or the model has no relation scorer.
        """
        return self.ground_many([Question(text=text, select=select)], always=always)[0]

    def ground_many(self, questions: list[Question], *, always: bool = False) -> list[GroundedText]:
        """The same for many descriptions at once."""
        return self.answering.ground(questions, always=always)

    def caption(self, object_id: int) -> GroundedText:
        """Describe one object."""
        return self.ask(f"Describe {REF}.", select=(object_id,))

    def describe(self) -> GroundedText:
        """Describe the whole scene."""
        return self.ask("Describe the room.")

    def plan(self, request: str) -> GroundedText:
        """Numbered steps that fulfil a request; `scene3d.planner` checks them."""
        return self.ask(request)

    def chat(self) -> Dialogue:
        """Begin a dialogue."""
        return Dialogue(self)

    def object_at(self, point_m: tuple[float, float, float], *, within_m: float = 0.3) -> int | None:
        """The best object whose points come nearest to a point of the scene, None where none is within `within_m`."""
        distance = (self.scene.xyz_m - torch.tensor(point_m)).norm(dim=1)
        claimed = self._proposals.mask.any(0)
        distance[~claimed] = torch.inf
        if not claimed.any() or float(distance.min()) > within_m:
            return None
        return int(self._proposals.mask[:, distance.argmin()].nonzero()[0])

    def objects_in(self, box_m: tuple[float, float, float, float, float, float]) -> tuple[int, ...]:
        """Objects with most of their points inside a box of the scene, minimum then maximum."""
        low, high = torch.tensor(box_m[:3]), torch.tensor(box_m[3:])
        inside = ((self.scene.xyz_m >= low) & (self.scene.xyz_m <= high)).all(1).float()
        mask = self._proposals.mask.float()
        share = mask @ inside / mask.sum(1).clamp_min(1)
        return tuple((share > 0.5).nonzero()[:, 0].tolist())


def take(proposals: Proposals, index: Tensor, *, score: Tensor | None = None) -> Proposals:
    """The rows `index` of proposals, with other scores if given (before the choice of rows)."""
    rows = index.tolist()
    return Proposals(
        mask=proposals.mask[index],
        embedding=proposals.embedding[index],
        box=proposals.box[index],
        rgb=None if proposals.rgb is None else proposals.rgb[index],
        facing_rad=None if proposals.facing_rad is None else proposals.facing_rad[index],
        facing_confidence=None if proposals.facing_confidence is None else proposals.facing_confidence[index],
        id=tuple(proposals.id[i] for i in rows),
        score=(proposals.score if score is None else score)[index],
        label=None if proposals.label is None else tuple(proposals.label[i] for i in rows),
    )


def _proposals(grounder: Grounder, scene: Scene, encoding: Encoding) -> Proposals:
    """Carry an encoding from superpoints to the scene's points."""
    config, classes = grounder.config, grounder.detector_config.classes
    mask = encoding.point_mask(scene.xyz_m)
    inside = mask.float()
    count = inside.sum(1, keepdim=True)
    rgb = None if scene.rgb is None else inside @ (scene.rgb.float() / 255) / count
    best = encoding.class_logit[:, :-1].argmax(1).tolist()
    head = grounder.alignment
    with torch.no_grad():
        embedding = encoding.feature if head is None else head.embed_queries(encoding.feature)
    return Proposals(
        id=tuple(range(len(mask))),
        mask=mask,
        score=(config.score_scale * encoding.score.logit(1e-6) + config.score_shift).sigmoid(),
        embedding=embedding,
        box=boxes_of_masks(scene.xyz_m, mask, trimmed=STRAY),
        label=tuple(classes[i] for i in best),
        rgb=rgb,
        facing_rad=torch.atan2(encoding.front[:, 1], encoding.front[:, 0]),
        facing_confidence=encoding.facing_logit.sigmoid(),
    )
