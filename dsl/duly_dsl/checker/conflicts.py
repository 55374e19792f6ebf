"""Rules against each other: two that undo one another, and chains that never end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import rules as kinds
from duly_dsl.checker.context import Checking, quoted
from duly_dsl.checker.logic import Case, cases, clash, fixed, together
from duly_dsl.compiler.conditions import scalar_for
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.scope import Scope
from duly_dsl.source import Span

MOST_PAIRS = 20_000
"""Pairs of rules compared in one pipeline: beyond, a check would take seconds."""

MOST_LINKS = 200_000


class _Ready(msgspec.Struct, eq=False):
    """A rule with its cases spread out, and what it leaves behind: `ends` (what is written, by operand) and the stage it
    moves the card to."""

    node: s.Rule
    spread: list[Case] | None
    sets: dict[str, str | float | bool]
    names: dict[str, s.Operand]
    moves: str
    shifts: bool
    assigns: bool


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        ready = [
            _ready(rule, rule.when, scope) for rule in scope.pipeline.rules if rule.mode == "on" and rule.when is not None
        ]
        yield from _conflicting(ready, scope)
        yield from _cycles(ready, scope)


def _ready(rule: s.Rule, when: s.Expr, scope: Scope) -> _Ready:
    sets: dict[str, str | float | bool] = {}
    names: dict[str, s.Operand] = {}
    moves, shifts, assigns = "", False, False
    for action in rule.actions:
        match action:
            case s.Set(operand=node, value=value):
                operand = scope.operand(node.name)
                if operand is not None and value.kind != "duration":
                    sets[operand.key] = scalar_for(operand, value)
                    names[operand.key] = node
            case s.Move(stage=stage):
                moves = stage.text
            case s.ShiftPriority():
                shifts = True
                sets.pop("priority", None)
            case s.AssignTo():
                assigns = True
            case _:
                pass
    return _Ready(rule, cases(when), sets, names, moves, shifts, assigns)


# --- two ends for one thing ------------------------------------------------------------------------------------------


def _conflicting(ready: list[_Ready], scope: Scope) -> Iterator[Diagnostic]:
    """Pairs that write one operand, or move the card, to different ends on one event."""
    ends: dict[str, list[tuple[_Ready, str | float | bool]]] = {}
    for rule in ready:
        for key, value in rule.sets.items():
            ends.setdefault(key, []).append((rule, value))
        if rule.moves:
            ends.setdefault("", []).append((rule, rule.moves))
    pairs = (
        (key, one, other)
        for key, several in ends.items()
        for (one, left), (other, right) in itertools.combinations(several, 2)
        if left != right
    )
    for key, one, other in itertools.islice(pairs, MOST_PAIRS):
        if together(one.spread, other.spread, scope):
            what = key.removeprefix("field:") or "stage"
            yield kinds.CONFLICT.at(
                other.node.name.span,
                related=((one.node.name.span, _("the other rule")),),
                rule=one.node.name.text,
                other=other.node.name.text,
                what=what,
            )


# --- chains ----------------------------------------------------------------------------------------------------------


def _cycles(ready: list[_Ready], scope: Scope) -> Iterator[Diagnostic]:
    """Chains of rules that come back to where they started.

    A link from one rule to another stands for: what the first does is an event the second waits for, and nothing known
    after the first keeps the second from acting.
    """
    acting = [rule for rule in ready if rule.moves or rule.sets or rule.shifts or rule.assigns]
    waiting: dict[str, list[_Ready]] = {}
    for rule in acting:
        for kind in _kinds(rule):
            waiting.setdefault(kind, []).append(rule)
    links: dict[int, list[_Ready]] = {}
    tried = 0
    for rule in acting:
        after: list[_Ready] = []
        for kind, case in _leaves(rule, scope):
            for other in waiting.get(kind, ()):
                tried += 1
                if tried > MOST_LINKS:
                    return
                if other not in after and together([case], other.spread, scope):
                    after.append(other)
        links[id(rule)] = after
    for rule in acting:
        if rule in links[id(rule)]:
            yield from _itself(rule, scope)
    for circle in _circles(acting, links):
        names = " → ".join(f"`{rule.node.name.text}`" for rule in (*circle, circle[0]))
        related = tuple((rule.node.name.span, _("part of it")) for rule in circle[1:])
        yield kinds.CYCLE.at(circle[0].node.name.span, related=related, cycle=names)


def _itself(rule: _Ready, scope: Scope) -> Iterator[Diagnostic]:
    """A rule that sets itself off. One that writes a fixed value, or moves to a fixed stage, changes nothing the second
    time; raising or lowering comes to an end at the first or last priority."""
    for key, value in rule.sets.items():
        if any(_waits_for(case, key, scope) for case in rule.spread or ()):
            name = key.removeprefix("field:")
            yield kinds.SELF_TRIGGER.at(
                rule.node.name.span, fixes=_narrowed(rule, key), name=rule.node.name.text, operand=name, value=value
            )
            return


def _narrowed(rule: _Ready, key: str) -> tuple[Fix, ...]:
    """The condition that makes a rule leave alone what it set itself."""
    action = next((each for each in rule.node.actions if isinstance(each, s.Set) and each.operand == rule.names[key]), None)
    when = rule.node.when
    if action is None or when is None or isinstance(when, s.Or):
        return ()
    name = quoted(action.operand.name.text) if action.operand.name.quoted else action.operand.name.text
    match action.value.value:
        case bool():
            value = "yes" if action.value.value else "no"
        case _:
            value = str(action.value.value)
    value = quoted(value) if action.value.kind == "text" else value
    end = Span(when.span.path, when.span.end_line, when.span.end_column, when.span.end_line, when.span.end_column)
    return (Fix(titles.ADD, end, f" and {name} is not {value}"),)


def _waits_for(case: Case, key: str, scope: Scope) -> bool:
    for atom, wanted in case:
        if isinstance(atom, s.EventIs) and wanted and atom.operand is not None:
            operand = scope.operand(atom.operand.name)
            if operand is not None and operand.key == key:
                return True
    return False


def _kinds(rule: _Ready) -> set[str]:
    if rule.spread is None:
        return {"card enters", "card leaves", "changes", "card is assigned"}
    return {atom.kind for case in rule.spread for atom, wanted in case if isinstance(atom, s.EventIs) and wanted}


def _leaves(rule: _Ready, scope: Scope) -> Iterator[tuple[str, Case]]:
    """The events a rule leads to, each with what is then known of the card."""
    span = rule.node.span
    for before in rule.spread if rule.spread is not None else [()]:
        stays = _stays(rule, before, scope)
        now = (*stays, *fixed(rule.sets, rule.names))
        if clash(now, scope):
            continue
        if rule.moves:
            stage = s.Name(span=span, text=rule.moves, quoted=True)
            # A card that is there already does not move.
            if _place(before, scope) != rule.moves:
                yield "card enters", ((s.EventIs(span=span, kind="card enters", stage=stage), True), *now)
                left = tuple(literal for literal in now if not _about(literal[0], "stage", scope))
                where = _place(before, scope)
                was = s.Name(span=span, text=where, quoted=True) if where else None
                yield "card leaves", ((s.EventIs(span=span, kind="card leaves", stage=was), True), *left)
        changed = dict(rule.names)
        if rule.shifts:
            name = s.Name(span=span, text="priority")
            changed["priority"] = s.Operand(span=span, name=name)
        for node in changed.values():
            yield "changes", ((s.EventIs(span=span, kind="changes", operand=node), True), *now)
        if rule.assigns:
            yield "card is assigned", ((s.EventIs(span=span, kind="card is assigned"), True), *now)


def _stays(rule: _Ready, case: Case, scope: Scope) -> Case:
    """What was known when the rule acted and still holds afterwards."""
    kept: list[tuple[s.Expr, bool]] = []
    written = set(rule.sets)
    if rule.shifts:
        written.add("priority")
    if rule.assigns:
        written |= {"owner", "team"}
    if rule.moves or _leaving(case):
        written.add("stage")
    tagged = any(isinstance(action, s.Tag) for action in rule.node.actions)
    for atom, wanted in case:
        if isinstance(atom, s.EventIs | s.CardAge) or (tagged and isinstance(atom, s.HasTag)):
            continue
        if not any(_about(atom, key, scope) for key in written):
            kept.append((atom, wanted))
    return tuple(kept)


def _about(atom: s.Expr, key: str, scope: Scope) -> bool:
    if not isinstance(atom, s.Is | s.IsEmpty | s.Compare):
        return False
    operand = scope.operand(atom.operand.name)
    return operand is not None and operand.key == key


def _place(case: Case, scope: Scope) -> str:
    """The stage the card is known to be in when a rule acts, empty where that is not known."""
    if _leaving(case):
        return ""
    for atom, wanted in case:
        if wanted and isinstance(atom, s.EventIs) and atom.kind == "card enters" and atom.stage is not None:
            return atom.stage.text
        if wanted and isinstance(atom, s.Is) and _about(atom, "stage", scope) and len(atom.values) == 1:
            return str(atom.values[0].value)
    return ""


def _leaving(case: Case) -> bool:
    """Whether the conditions were judged on a card about to be elsewhere."""
    return any(wanted and isinstance(atom, s.EventIs) and atom.kind == "card leaves" for atom, wanted in case)


def _circles(rules: list[_Ready], links: dict[int, list[_Ready]]) -> Iterator[list[_Ready]]:
    """One circle of two or more rules for each group that is tied together, the shortest through its first rule."""
    told: set[int] = set()
    for rule in rules:
        if id(rule) in told:
            continue
        came: dict[int, _Ready] = {}
        left = [rule]
        circle: list[_Ready] = []
        while left and not circle:
            here = left.pop(0)
            for after in links[id(here)]:
                if after is rule and here is not rule:
                    circle = [here]
                    while circle[0] is not rule:
                        circle.insert(0, came[id(circle[0])])
                    break
                if after is not rule and id(after) not in came:
                    came[id(after)] = here
                    left.append(after)
        if circle and _goes_on(circle):
            told |= {id(each) for each in circle}
            yield circle


def _goes_on(circle: list[_Ready]) -> bool:
    """Whether a circle changes something each time round: two rules that set the same value do not."""
    moves = {rule.moves for rule in circle if rule.moves}
    ends: dict[str, set[str | float | bool]] = {}
    for rule in circle:
        for key, value in rule.sets.items():
            ends.setdefault(key, set()).add(value)
    shifted = {action.raised for rule in circle for action in rule.node.actions if isinstance(action, s.ShiftPriority)}
    return (
        len(moves) > 1
        or any(len(values) > 1 for values in ends.values())
        or len(shifted) > 1
        or (bool(shifted) and "priority" in ends)
        or sum(rule.assigns for rule in circle) > 1
    )
