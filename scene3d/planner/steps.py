"""Numbered sentences with linked phrases to actions with objects: `step 1. Turn on the lamp.`"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scene3d.errors import InputError
from scene3d.planner.domain import Domain
from scene3d.planner.solve import Act
from scene3d.planner.world import World
from scene3d.types import GroundedText, Phrase, PlanStep, Violation

_STEP = re.compile(r"(?:^|(?<=[\s.;!]))(?:step\s*)?(\d{1,3})\s*[.:)]\s+", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_SMALL = {"the", "a", "an", "it", "them", "then", "and", "please", "now", "your", "my", "its", "back", "to", "of"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStep:
    """What somebody wants done: an action by name and objects by role, with the words that say so."""

    action: str
    args: dict[str, int]
    text: str = ""
    phrases: tuple[Phrase, ...] = ()
    """`start` and `end` into `text`."""
    confidence: float = 1.0

    @classmethod
    def of_act(cls, act: Act, world: World, domain: Domain) -> WrittenStep:
        """A planner's action, its text left to be written."""
        named = zip(domain.parameters[act.action], act.arguments, strict=True)
        things = {role: world.named(name) for role, name in named if role in domain.roles[act.action]}
        return cls(action=act.action, args={role: thing.id for role, thing in things.items() if thing is not None})


def written_step(step: Mapping[str, Any] | PlanStep, *, number: int) -> WrittenStep:
    """A step of a plan, or of JSON, as a step that somebody wrote.

    Raises:
        InputError: There is no `action`, or `args` are not object ids by role.
    """
    if isinstance(step, PlanStep):
        return WrittenStep(
            action=step.action, args=dict(step.args), text=step.text, phrases=step.phrases, confidence=step.confidence
        )
    action, args = step.get("action"), step.get("args", {})
    if not isinstance(action, str) or not action:
        raise InputError(f"step {number}: it has no action; write it as {{'action': 'open', 'args': {{'object': 4}}}}")
    if not isinstance(args, Mapping) or not all(isinstance(v, int) and not isinstance(v, bool) for v in args.values()):
        raise InputError(f"step {number}: args {args!r}: object ids by role are needed, such as {{'object': 4}}")
    return WrittenStep(action=action, args=dict(args), text=str(step.get("text") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was understood of a text."""

    steps: tuple[WrittenStep, ...]
    violations: tuple[Violation, ...] = ()
    unresolved: tuple[str, ...] = ()


def read_steps(answer: GroundedText, domain: Domain) -> Reading:
    """Read an answer's numbered steps.

    The verb of a step is the longest way of saying an action that its words, phrases cut out, begin with or contain
    ("put {cup} on {table}" is `put on`); the objects of its phrases take the action's roles in order.

    Returns:
        The steps that could be read; a violation for each verb that the domain does not know, by name; and the phrases
        that no object of the scene answers.
    """
    steps: list[WrittenStep] = []
    violations: list[Violation] = []
    unresolved: list[str] = []
    last: int | None = None
    for number, (start, end) in enumerate(_spans(answer.text), start=1):
        phrases = [p for p in answer.phrases if start <= p.start and p.end <= end]
        unresolved += [answer.text[p.start : p.end] for p in phrases if not p.objects]
        action = _action(answer.text, start, end, phrases, domain)
        sentence = answer.text[start:end].strip()
        if action is None:
            verb = (_WORD.findall(sentence.lower()) or [sentence])[0]
            reason = f"no action is called {verb!r} (in {sentence!r}); there are: {', '.join(domain.roles)}"
            violations.append(Violation(step=number, predicate="verb", reason=reason))
            continue
        objects = [phrase.objects[0] for phrase in phrases if phrase.objects]
        roles = domain.roles[action]
        args = {role: link.id for role, link in zip(roles, objects, strict=False)}
        if last is not None and len(objects) == len(roles) - 1 and re.search(r"\b(it|them)\b", sentence, re.IGNORECASE):
            args = dict(zip(roles, [last, *(link.id for link in objects)], strict=True))
        if len(args) < len(roles):
            missing = roles[len(args)]
            reason = f"{sentence!r} does not say which object is the {missing} of {action}"
            violations.append(Violation(step=number, predicate="role", reason=reason))
            continue
        last = args[roles[0]] if roles else last
        shift = start + len(answer.text[start:end]) - len(answer.text[start:end].lstrip())
        moved = tuple(
            Phrase(start=p.start - shift, end=p.end - shift, objects=p.objects, absent_probability=p.absent_probability)
            for p in phrases
        )
        confidence = min((link.probability for link in objects), default=1.0)
        steps.append(WrittenStep(action=action, args=args, text=sentence, phrases=moved, confidence=confidence))
    return Reading(steps=tuple(steps), violations=tuple(violations), unresolved=tuple(dict.fromkeys(unresolved)))


def _spans(text: str) -> list[tuple[int, int]]:
    """Where each numbered step's sentence begins and ends; a text without numbers is one step per sentence."""
    marks = list(_STEP.finditer(text))
    if marks:
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        return [(mark.end(), end) for mark, end in zip(marks, ends, strict=True)]
    return [(m.start(), m.end()) for m in re.finditer(r"[^.!?\n]*\w[^.!?\n]*[.!?]?", text)]


def _action(text: str, start: int, end: int, phrases: list[Phrase], domain: Domain) -> str | None:
    """The action whose way of saying covers most words of the step, phrases left out."""
    rest, at = "", start
    for phrase in phrases:
        rest, at = rest + text[at : phrase.start] + " , ", phrase.end
    words = [word for word in re.findall(r"[a-z]+(?:'[a-z]+)?|,", (rest + text[at:end]).lower()) if word not in _SMALL]
    found: list[tuple[bool, int, int, str]] = []
    for action, sayings in domain.knowledge.verbs.items():
        for saying in sayings:
            wanted = [word for word in saying.split() if word not in _SMALL]
            place = _follow(words, wanted)
            if place is not None:
                found.append((len(domain.roles[action]) == len(phrases), len(wanted), -place, action))
    return max(found, key=lambda each: each[:3])[3] if found else None


def _follow(words: list[str], wanted: list[str]) -> int | None:
    """Where `wanted` begins in `words`, in order, with nothing but phrases between; None where it does not occur."""
    for begin in range(len(words)):
        at = begin
        for word in wanted:
            while at < len(words) and words[at] == "," and word != wanted[0]:
                at += 1
            if at >= len(words) or words[at] != word:
                break
            at += 1
        else:
            return begin
    return None
