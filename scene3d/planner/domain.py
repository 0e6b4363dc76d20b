"""A planning domain as files: the PDDL, and beside it what things afford and which words mean which action."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scene3d.config import load_config
from scene3d.errors import ConfigError, InputError

SHIPPED = Path(__file__).parent / "domains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a domain's YAML says; every name in it must be one of the PDDL's."""

    fixed: dict[str, str] = field(default_factory=dict)
    """Predicates that no action changes, with what to tell people where one does not hold."""
    unseen: tuple[str, ...] = ()
    """States that no scan shows."""
    passing: tuple[str, ...] = ()
    """States of the robot itself, which nobody asks for."""
    implied: str = ""
    """The action that people leave out, such as walking there."""
    verbs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Ways of saying each action."""
    phrasing: dict[str, str] = field(default_factory=dict)
    """How a step of each action reads; `{role}` stands for the object."""
    portable_up_to_m: float = 0.75
    """Longest side of what one hand carries."""
    small_m: float = 0.35
    """Longest side of a thing of an unlisted class that one hand carries."""
    affordances: dict[str, str] = field(default_factory=dict)
    """Predicate to the classes of which it holds, separated by commas; `*` for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A PDDL domain with its knowledge of words and things."""

    name: str
    pddl: str
    knowledge: Knowledge
    roles: dict[str, tuple[str, ...]]
    """Per action the parameters that are objects of the scene, in order."""
    parameters: dict[str, tuple[str, ...]]
    """Per action all parameters, hands included, in order."""

    @classmethod
    def load(cls, source: str | Path = "household") -> Domain:
        """Read a domain.

        Args:
            source: The name of a shipped domain, or the path of a `.pddl` file; a YAML file of the same name beside it
                says what `Knowledge` holds. Objects of the scene are of the PDDL type `item`.

        Raises:
            InputError: No such domain, or a PDDL file that is not one.
            ConfigError: The YAML names a predicate or an action that the PDDL does not have.
        """
        path = Path(source)
        if path.suffix != ".pddl":
            path = SHIPPED / f"{path.name}.pddl"
        if not path.is_file():
            here = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.pddl")))
            raise InputError(f"no planning domain {str(source)!r}; give the path of a .pddl file, or one of: {here}")
        pddl = path.read_text(encoding="utf-8")
        beside = path.with_suffix(".yaml")
        knowledge = load_config(Knowledge, beside) if beside.is_file() else Knowledge()
        signatures, predicates = _actions(pddl), _predicates(pddl)
        roles = {action: tuple(n for n, kind in typed if kind == "item") for action, typed in signatures.items()}
        parameters = {action: tuple(n for n, _ in typed) for action, typed in signatures.items()}
        if not roles:
            raise InputError(f"{path}: no (:action …) was found; is this the problem file instead of the domain?")
        _check_names(beside, knowledge, actions=set(roles), predicates=predicates)
        return cls(name=path.stem, pddl=pddl, knowledge=knowledge, roles=roles, parameters=parameters)

    def affords(self, predicate: str, label: str, *, longest_m: float) -> bool:
        """Whether a thing of this class and size has the affordance `predicate`."""
        listed = _classes(self.knowledge.affordances.get(predicate, ""))
        if predicate == "portable":
            known = any(label in _classes(classes) for classes in self.knowledge.affordances.values())
            limit = self.knowledge.portable_up_to_m if label in listed else self.knowledge.small_m
            return (label in listed or not known) and longest_m <= limit
        return "*" in listed or label in listed


def _classes(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def _without_comments(pddl: str) -> str:
    return re.sub(r";[^\n]*", "", pddl).lower()


def _actions(pddl: str) -> dict[str, list[tuple[str, str]]]:
    """Names and types of each action's parameters."""
    found = re.finditer(r"\(\s*:action\s+([\w-]+)\s*:parameters\s*\(([^)]*)\)", _without_comments(pddl))
    return {m.group(1): _typed(m.group(2)) for m in found}


def _typed(parameters: str) -> list[tuple[str, str]]:
    """`?a ?b - item ?h - hand` as pairs of name and type."""
    groups = re.findall(r"((?:\?[\w-]+\s*)+)(?:-\s*([\w-]+))?", parameters)
    return [(name.lstrip("?"), kind or "object") for names, kind in groups for name in names.split()]


def _predicates(pddl: str) -> set[str]:
    text = _without_comments(pddl)
    start = re.search(r"\(\s*:predicates", text)
    end = re.search(r"\(\s*:(action|functions)", text)
    block = text[start.end() : end.start() if end else None] if start else ""
    return set(re.findall(r"\(\s*([\w-]+)", block))


def _check_names(where: Path, knowledge: Knowledge, *, actions: set[str], predicates: set[str]) -> None:
    uses: tuple[tuple[str, Any, set[str]], ...] = (
        ("fixed", knowledge.fixed, predicates),
        ("unseen", knowledge.unseen, predicates),
        ("passing", knowledge.passing, predicates),
        ("affordances", knowledge.affordances, predicates),
        ("verbs", knowledge.verbs, actions),
        ("phrasing", knowledge.phrasing, actions),
        ("implied", [knowledge.implied] if knowledge.implied else [], actions),
    )
    for key, names, known in uses:
        for name in names:
            if name not in known:
                raise ConfigError(f"{where}: {key}: the PDDL has no {name!r}; there are: {', '.join(sorted(known))}")
