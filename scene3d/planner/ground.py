"""Grounding: the actions of a `unified_planning` problem, with objects put in, as formulas over numbered facts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scene3d.errors import ConfigError

if TYPE_CHECKING:
    from unified_planning.model import FNode, Problem

Atom = tuple[str, ...]
"""A predicate and its objects, such as `("on", "cup_3", "table_1")`."""
Formula = Any
"""True, False, `("is", fact, value)`, `("and", [formulas])` or `("or", [formulas])`; negation only at the facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What comes about where the condition holds."""

    condition: Formula
    fact: int
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundAction:
    """An action with its objects."""

    name: str
    arguments: tuple[str, ...]
    precondition: Formula
    effects: tuple[Effect, ...]

    def is_possible(self, state: int) -> bool:
        """Whether it can be carried out in a state."""
        return holds(self.precondition, state)

    def apply(self, state: int) -> int:
        """The state afterwards; what is both taken away and added is added, as PDDL says."""
        added = removed = 0
        for effect in self.effects:
            if holds(effect.condition, state):
                if effect.value:
                    added |= 1 << effect.fact
                else:
                    removed |= 1 << effect.fact
        return state & ~removed | added


class GroundProblem:
    """A problem of Boolean facts, grounded.

    A state is an integer whose bit i says whether fact i holds.

    Args:
        problem: Without numbers, time and costs.
        keep_fixed: Also keep facts that no action changes in the formulas, to explain with; else they are folded away.
    """

    def __init__(self, problem: Problem, *, keep_fixed: bool = False) -> None:
        self._problem = problem
        self._keep_fixed = keep_fixed
        self._number: dict[Atom, int] = {}
        self.atoms: list[Atom] = []
        """Fact i in words."""
        self._true = {atom_of(fluent) for fluent, value in problem.explicit_initial_values.items() if value.is_true()}
        self._defaults = {f.name for f, value in problem.fluents_defaults.items() if value.is_true()}
        self._changing = {effect.fluent.fluent().name for action in problem.actions for effect in action.effects}
        self._objects = {kind: [o.name for o in problem.objects(kind)] for kind in problem.user_types}
        self.goal: Formula = _all(self._formula(goal, {}) for goal in problem.goals)
        self.actions: list[GroundAction] = [a for action in problem.actions for a in self._instances(action)]
        self.start = sum(1 << i for i, atom in enumerate(self.atoms) if self._starts(atom))

    def is_fixed(self, atom: Atom) -> bool:
        """Whether no action changes it."""
        return atom[0] not in self._changing

    def _instances(self, action: Any) -> Iterator[GroundAction]:
        """The action with all objects that its fixed preconditions allow, found parameter by parameter."""
        conjuncts = [part for condition in action.preconditions for part in _conjuncts(condition)]
        names = [parameter.name for parameter in action.parameters]
        choices = [self._objects[parameter.type] for parameter in action.parameters]
        fixed: list[list[FNode]] = [[] for _ in names]
        for part in conjuncts:
            used = _parameters(part)
            if used and not self._keep_fixed and self._is_fixed_formula(part):
                fixed[max(names.index(name) for name in used)].append(part)
        for binding in self._bindings(names, choices, fixed):
            precondition = _all(self._formula(part, binding) for part in conjuncts)
            if precondition is not False:
                effects = [e for effect in action.effects for e in self._effects(effect, binding)]
                arguments = tuple(binding[name] for name in names)
                yield GroundAction(
                    name=action.name, arguments=arguments, precondition=precondition, effects=tuple(effects)
                )

    def _bindings(self, names: list[str], choices: list[list[str]], fixed: list[list[FNode]]) -> list[dict[str, str]]:
        bindings: list[dict[str, str]] = [{}]
        for name, options, conditions in zip(names, choices, fixed, strict=True):
            longer = [{**binding, name: option} for binding in bindings for option in options]
            bindings = [b for b in longer if all(self._formula(part, b) is not False for part in conditions)]
        return bindings

    def _effects(self, effect: Any, binding: dict[str, str]) -> Iterator[Effect]:
        variables = effect.forall
        for values in itertools.product(*(self._objects[v.type] for v in variables)):
            inner = {**binding, **{v.name: value for v, value in zip(variables, values, strict=True)}}
            condition = self._formula(effect.condition, inner)
            if condition is not False:
                fact = self._fact(self._atom(effect.fluent, inner))
                yield Effect(condition=condition, fact=fact, value=effect.value.is_true())

    def _formula(self, node: FNode, binding: dict[str, str], *, wanted: bool = True) -> Formula:
        """The formula of a condition, or of its negation, with objects put in for parameters and variables."""
        if node.is_not():
            return self._formula(node.arg(0), binding, wanted=not wanted)
        if node.is_fluent_exp():
            return self._literal(self._atom(node, binding), wanted)
        if node.is_bool_constant():
            return node.constant_value() == wanted
        if node.is_equals():
            one, other = (_value(arg, binding) for arg in node.args)
            return (one == other) == wanted
        if node.is_implies():
            parts = [
                self._formula(node.arg(0), binding, wanted=not wanted),
                self._formula(node.arg(1), binding, wanted=wanted),
            ]
            return _any(parts) if wanted else _all(parts)
        if node.is_exists() or node.is_forall():
            ranges = [self._objects[v.type] for v in node.variables()]
            names = [v.name for v in node.variables()]
            inner = ({**binding, **dict(zip(names, values, strict=True))} for values in itertools.product(*ranges))
            found = (self._formula(node.arg(0), each, wanted=wanted) for each in inner)
            return _all(found) if node.is_forall() == wanted else _any(found)
        if node.is_and() or node.is_or():
            found = (self._formula(arg, binding, wanted=wanted) for arg in node.args)
            return _all(found) if node.is_and() == wanted else _any(found)
        raise ConfigError(
            f"the condition {node} of the domain cannot be planned with; "
            "use predicates, and/or/not/imply, =, exists and forall"
        )

    def _literal(self, atom: Atom, wanted: bool) -> Formula:
        if self.is_fixed(atom) and not self._keep_fixed:
            return self._starts(atom) == wanted
        return ("is", self._fact(atom), wanted)

    def _starts(self, atom: Atom) -> bool:
        return atom in self._true or atom[0] in self._defaults

    def _fact(self, atom: Atom) -> int:
        if atom not in self._number:
            self._number[atom] = len(self.atoms)
            self.atoms.append(atom)
        return self._number[atom]

    def _atom(self, node: FNode, binding: dict[str, str]) -> Atom:
        return (node.fluent().name, *(_value(arg, binding) for arg in node.args))

    def _is_fixed_formula(self, node: FNode) -> bool:
        if node.is_fluent_exp():
            return node.fluent().name not in self._changing
        return all(self._is_fixed_formula(arg) for arg in node.args)


def holds(formula: Formula, state: int) -> bool:
    """Whether a formula is true in a state."""
    if formula is True or formula is False:
        return formula
    if formula[0] == "is":
        return bool(state >> formula[1] & 1) == formula[2]
    if formula[0] == "and":
        return all(holds(part, state) for part in formula[1])
    return any(holds(part, state) for part in formula[1])


def atom_of(node: FNode) -> Atom:
    """A fluent with objects as an atom."""
    return (node.fluent().name, *(arg.object().name for arg in node.args))


def _all(parts: Any) -> Formula:
    kept: list[Formula] = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            kept += part[1] if part[0] == "and" else [part]
    return True if not kept else kept[0] if len(kept) == 1 else ("and", kept)


def _any(parts: Any) -> Formula:
    kept: list[Formula] = []
    for part in parts:
        if part is True:
            return True
        if part is not False:
            kept += part[1] if part[0] == "or" else [part]
    return False if not kept else kept[0] if len(kept) == 1 else ("or", kept)


def _conjuncts(node: FNode) -> list[FNode]:
    return [part for arg in node.args for part in _conjuncts(arg)] if node.is_and() else [node]


def _parameters(node: FNode) -> set[str]:
    if node.is_parameter_exp():
        return {node.parameter().name}
    return {name for arg in node.args for name in _parameters(arg)}


def _value(node: FNode, binding: dict[str, str]) -> str:
    if node.is_object_exp():
        return node.object().name
    return binding[node.parameter().name if node.is_parameter_exp() else node.variable().name]
