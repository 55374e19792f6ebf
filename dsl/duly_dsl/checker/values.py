"""Values against what they are compared with or put in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import names as name_kinds
from duly_dsl.catalogue import rules as rule_kinds
from duly_dsl.catalogue import types as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking, quoted
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.predicates import FIELD
from duly_dsl.scope import WRITABLE, Operand, Scope

TYPES = {
    "text": _("a text"),
    "number": _("a number"),
    "choice": _("a choice"),
    "date": _("a date"),
    "yes/no": _("yes or no"),
    "phone": _("a phone number"),
    "email": _("an e-mail address"),
    "priority": _("a priority"),
    "type": _("a ticket type"),
    "person": _("a person"),
    "team": _("a team"),
    "stage": _("a stage"),
    "channel": _("a channel"),
    "connector": _("a connector"),
    "word": _("a word"),
    "duration": _("a duration"),
}
"""Types, and kinds of values, in words."""

_SAMPLES = {
    "text": '"some text"',
    "number": "500",
    "date": "2026-11-09",
    "yes/no": "yes",
    "phone": '"+351210000000"',
    "email": '"ana@example.com"',
    "person": "ana",
}

_TEXTS = ("text", "phone", "email")
ORDERED = ("number", "date")
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+")
_PHONE = re.compile(r"\+[0-9][0-9 ()-]{4,20}")

_NOTHING = re.compile(r"(?!)")
_BARE = {
    "number": re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?"),
    "date": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"),
    "yes/no": re.compile(r"yes|no"),
}
"""Texts that were meant as values of these types."""

_INSTEAD = {
    "stage": _("write `move to` and the stage"),
    "owner": _("write `assign to agent` and the person"),
    "team": _("write `assign to team` and the team"),
}


def check(checking: Checking) -> Iterator[Diagnostic]:
    for scope in checking.scopes:
        yield from _pipeline(checking, scope)
    for file in checking.files:
        for person in file.people:
            yield from _address(person.email, _EMAIL, _("e-mail address"), "ana@example.com")
            yield from _address(person.phone, _PHONE, _("phone number"), "+351210000000")
            yield from language(person.language)
        for template in file.templates:
            for said in (*template.variants, *template.subject, *template.headers, *template.choices):
                if said.language is not None:
                    yield from language(said.language)


def _pipeline(checking: Checking, scope: Scope) -> Iterator[Diagnostic]:
    pipeline = scope.pipeline
    for tag in pipeline.languages:
        yield from language(tag)
    for field in pipeline.fields:
        choices = tuple(each.text for each in field.choices) if field.type == "choice" else None
        if field.default is not None:
            made = Operand(FIELD + field.name.text, field.type, choices)
            yield from value(checking, scope, made, field.default)
        accepts = checking.environment.pattern_ok
        if field.pattern is not None and accepts is not None and not accepts(field.pattern.value):
            yield kinds.BAD_PATTERN.at(field.pattern.span, pattern=field.pattern.value)
    for atom in c.all_atoms(pipeline):
        if isinstance(atom, s.Is):
            yield from _several(checking, scope, atom.operand, atom.values)
        elif isinstance(atom, s.Compare):
            yield from _compare(checking, scope, atom)
    for table in c.tables_of(pipeline):
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if column.operand is not None:
                    yield from _several(checking, scope, column.operand, cell.values)
    for action in c.actions_of(pipeline):
        if isinstance(action, s.Set):
            for problem in written(checking, scope, action.operand, action.value):
                fixes = _instead(scope, action) if problem.code == kinds.READ_ONLY.code else ()
                yield msgspec.structs.replace(problem, fixes=fixes) if fixes else problem


def _instead(scope: Scope, action: s.Set) -> tuple[Fix, ...]:
    """The action that does what `set` can't."""
    operand = scope.operand(action.operand.name)
    found = str(action.value.value)
    match operand.key if operand is not None else "":
        case "stage" if found in scope.stages:
            text = f"move to {quoted(found)}"
        case "owner" if found.isidentifier():
            text = f"assign to agent {found}"
        case "team" if found in scope.workspace.teams:
            text = f"assign to team {quoted(found)}"
        case _:
            return ()
    return (Fix(titles.WRITE, action.span, text),)


def _several(checking: Checking, scope: Scope, node: s.Operand, found: tuple[s.Value, ...]) -> Iterator[Diagnostic]:
    operand = scope.operand(node.name)
    if operand is not None:
        for each in found:
            yield from value(checking, scope, operand, each)


def written(checking: Checking, scope: Scope, node: s.Operand, found: s.Value) -> Iterator[Diagnostic]:
    """`set OPERAND to VALUE`."""
    operand = scope.operand(node.name)
    if operand is None:
        return
    if operand.key not in WRITABLE and not operand.key.startswith(FIELD):
        instead = _INSTEAD.get(operand.key, _("it is where the card came from and stays as it is"))
        yield kinds.READ_ONLY.at(node.span, operand=label(operand), instead=instead)
        return
    yield from value(checking, scope, operand, found)


def _compare(checking: Checking, scope: Scope, node: s.Compare) -> Iterator[Diagnostic]:
    operand = scope.operand(node.operand.name)
    if operand is None:
        return
    if operand.type not in ORDERED:
        yield kinds.NO_ORDER.at(node.span, operand=label(operand), type=TYPES[operand.type], op=node.op)
        return
    yield from value(checking, scope, operand, node.value)


def label(operand: Operand) -> str:
    """An operand in a message: `priority`, or a field in quotes."""
    return f"`{operand.label}`"


def value(checking: Checking, scope: Scope, operand: Operand, found: s.Value) -> Iterator[Diagnostic]:
    """What is wrong with comparing an operand with a value, or writing it there."""
    text = "yes" if found.value is True else "no" if found.value is False else str(found.value)
    if operand.choices is not None:
        if found.kind not in ("word", "text", "yes/no"):
            yield _mismatch(operand, found, text)
        elif operand.type == "type" and not operand.choices:
            yield rule_kinds.UNKNOWN_TYPES.at(found.span, pipeline=scope.pipeline.name.text)
        elif text not in operand.choices:
            yield _unknown_choice(operand, found, text)
        return
    if operand.type == "person":
        if found.kind not in ("word", "text"):
            yield _mismatch(operand, found, text)
        elif checking.knows_people and text not in checking.workspace.known_people:
            name = s.Name(span=found.span, text=text, quoted=found.kind == "text")
            yield c.unknown(name_kinds.UNKNOWN_PERSON, name, checking.workspace.known_people)
        return
    wanted = "text" if operand.type in _TEXTS else operand.type
    if found.kind == wanted:
        return
    yield _mismatch(operand, found, text)


def _unknown_choice(operand: Operand, found: s.Value, text: str) -> Diagnostic:
    choices = operand.choices or ()
    close = nearest(text, choices)
    written_as = quoted(close) if found.kind == "text" or not close.isidentifier() else close
    fixes = (Fix("write `%(text)s`", found.span, written_as),) if close else ()
    listed = ", ".join(f"`{choice}`" for choice in choices[:12]) or "nothing yet"
    return name_kinds.UNKNOWN_CHOICE.at(
        found.span, nearest=close, fixes=fixes, name=text, operand=label(operand), choices=listed
    )


def _mismatch(operand: Operand, found: s.Value, text: str) -> Diagnostic:
    sample = operand.choices[0] if operand.choices else _SAMPLES.get(operand.type, "word")
    fixes: tuple[Fix, ...] = ()
    if operand.type in _TEXTS and found.kind in ("word", "number"):
        fixes = (Fix(titles.WRITE, found.span, quoted(text)),)
    elif found.kind == "text" and _BARE.get(operand.type, _NOTHING).fullmatch(text):
        fixes = (Fix(titles.WRITE, found.span, text),)
    return kinds.TYPE_MISMATCH.at(
        found.span,
        fixes=fixes,
        operand=label(operand),
        type=TYPES[operand.type],
        found=text,
        other=TYPES[found.kind],
        sample=sample,
    )


def language(tag: s.Text | None) -> Iterator[Diagnostic]:
    if tag is not None and not _TAG.fullmatch(tag.value):
        better = tag.value.strip().replace("_", "-")
        fixes = (Fix(titles.WRITE, tag.span, quoted(better)),) if _TAG.fullmatch(better) else ()
        yield kinds.BAD_LANGUAGE.at(tag.span, fixes=fixes, found=tag.value)


def _address(text: s.Text | None, shape: re.Pattern[str], sort: str, sample: str) -> Iterator[Diagnostic]:
    if text is not None and not shape.fullmatch(text.value):
        yield kinds.BAD_ADDRESS.at(text.span, found=text.value, sort=sort, sample=sample)
