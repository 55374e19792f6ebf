"""Connectors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import doors as kinds
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import names as name_kinds
from duly_dsl.checker import values as v
from duly_dsl.checker.context import Checking, quoted, unknown
from duly_dsl.compiler.doors import path_of
from duly_dsl.diagnostics import Diagnostic, Fix, first_line, no_statement
from duly_dsl.events import EVENTS, FAMILIES
from duly_dsl.parsing.tables import MAP_TYPES
from duly_dsl.predicates import FIELD
from duly_dsl.program import ConnectorKind, SettingSpec
from duly_dsl.scope import MAP_TARGETS, WRITABLE, Operand, Scope
from duly_dsl.source import Span
from duly_dsl.units import Duration, Unit

ALGORITHMS = ("sha256", "sha512", "sha1")
DURATIONS = ("48h", "2 calendar days")
"""How a time on the wall may be written."""
_PATH = re.compile(r"/in/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_CONTACT = {"email": "email", "phone": "phone"}
"""Map targets with a type of their own; the others are texts."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    paths: dict[str, s.Connector] = {}
    for door in checking.workspace.connectors.values():
        yield from _kind(checking, door)
        yield from _secrets(checking, door)
        yield from _events(checking, door)
        if door.direction == "sends":
            continue
        path = path_of(door)
        other = paths.setdefault(path, door)
        place = door.path.span if door.path is not None else door.name.span
        if other is not door:
            related = ((other.name.span, _("the other one")),)
            yield kinds.PATH_CLASH.at(place, related=related, other=other.name.text, path=path)
        if door.path is not None and not _PATH.fullmatch(path):
            better = "/in/" + re.sub(r"[^A-Za-z0-9_./-]+", "-", path.removeprefix("/in")).strip("/")
            fixes = (Fix(titles.WRITE, door.path.span, quoted(better)),) if _PATH.fullmatch(better) else ()
            yield kinds.BAD_PATH.at(door.path.span, fixes=fixes, found=path)
        if door.verify is not None and door.verify.scheme == "hmac" and door.verify.algorithm not in ALGORITHMS:
            name = s.Name(span=door.verify.span, text=door.verify.algorithm)
            found = unknown(kinds.BAD_ALGORITHM, name, ALGORITHMS)
            yield kinds.BAD_ALGORITHM.at(door.verify.span, nearest=found.nearest, name=name.text)
        yield from _cards(checking, door)


def _events(checking: Checking, door: s.Connector) -> Iterator[Diagnostic]:
    if door.events is None:
        return
    known = (*FAMILIES, *EVENTS)
    families = {name.text for name in door.events.names} & {*FAMILIES}
    told: set[str] = set()
    for name in door.events.names:
        family = name.text.partition(".")[0]
        if name.text not in known:
            yield unknown(kinds.UNKNOWN_EVENT, name, known, listed=", ".join(f"`{each}`" for each in FAMILIES))
        elif name.text in told:
            yield kinds.EVENT_TWICE.at(name.span, name=name.text, other=name.text)
        elif family != name.text and family in families:
            yield kinds.EVENT_TWICE.at(name.span, name=name.text, other=family)
        told.add(name.text)
    for name in door.events.pipelines:
        if name.text not in checking.workspace.pipelines:
            yield unknown(name_kinds.UNKNOWN_PIPELINE, name, checking.workspace.pipelines)


def _kind(checking: Checking, door: s.Connector) -> Iterator[Diagnostic]:
    known = checking.environment.connector_kinds
    if known is None:
        return
    by_name = {kind.name: kind for kind in known}
    kind = by_name.get(door.kind.text)
    if kind is None:
        listed = ", ".join(f"`{name}`" for name in by_name)
        yield unknown(kinds.UNKNOWN_KIND, door.kind, by_name, known=listed)
        return
    if door.direction not in kind.directions:
        listed = " / ".join(f"`{direction}`" for direction in kind.directions)
        yield kinds.WRONG_DIRECTION.at(door.kind.span, kind=kind.name, found=door.direction, known=listed)
    else:
        yield from _useless(door, kind)
    yield from _settings(door, kind)
    proof = kind.senders_proved_by
    proved = not proof or proof in {setting.key for setting in door.settings}
    if door.same is not None and door.same.customer and door.direction != "sends" and not proved:
        line = f'{proof} "…"'
        yield kinds.UNPROVED_SENDER.at(door.same.span, connector=door.name.text, name=proof, line=line)
    if kind.accepts_map and door.direction != "sends" and door.verify is None:
        line = f'verify hmac sha256 with secret "{_secret_name(door, "key")}" in header "X-Signature"'
        fixes = (first_line(door.name.span, line, titles.INSERT, sure=False),)
        yield kinds.UNVERIFIED.at(door.name.span, fixes=fixes, connector=door.name.text)


def _useless(door: s.Connector, kind: ConnectorKind) -> Iterator[Diagnostic]:
    """Lines that have nothing to act on."""
    lines: list[tuple[str, s.Node | None]] = []
    if door.direction == "sends":
        lines = [("path", door.path), ("open card in", door.pipeline), ("verify", door.verify), ("same card", door.same)]
        lines.append(("same request", door.request))
    elif not kind.accepts_map:
        verify = None if kind.accepts_verify else door.verify
        lines = [("verify", verify), ("same request", door.request)]
        if door.same is not None and door.same.path is not None:
            lines.append(("same card when PATH", door.same))
    elif door.same is not None and door.same.path is None and not door.same.customer:
        # Each request is a conversation of its own, unless something in it says otherwise.
        lines.append(("same card when conversation", door.same))
    if door.map and (door.direction == "sends" or not kind.accepts_map):
        lines.append(("map", door.map[0]))
    if door.direction == "receives":
        lines.append(("retry", door.retry))
    if door.direction == "receives" or not kind.accepts_events:
        lines.append(("send events", door.events))
    for found, node in lines:
        if node is not None:
            fixes = (no_statement(node.span, titles.OMIT),) if found != "map" else ()
            yield kinds.USELESS_LINE.at(node.span, fixes=fixes, found=found, kind=kind.name, direction=door.direction)


def _settings(door: s.Connector, kind: ConnectorKind) -> Iterator[Diagnostic]:
    specs = {spec.key: spec for spec in kind.settings}
    given = {setting.key for setting in door.settings}
    for setting in door.settings:
        spec = specs.get(setting.key)
        if spec is None:
            listed = ", ".join(f"`{key}`" for key in specs) or "none"
            name = s.Name(span=setting.span, text=setting.key)
            close = unknown(kinds.UNKNOWN_SETTING, name, specs).nearest
            fixes: tuple[Fix, ...] = ()
            if close and not setting.secret and not specs[close].secret and close not in given:
                end = setting.value.span.column - 1
                key = Span(setting.span.path, setting.span.line, setting.span.column, setting.span.line, end)
                fixes = (Fix(titles.WRITE, key, close),)
            yield kinds.UNKNOWN_SETTING.at(
                setting.span, nearest=close, fixes=fixes, kind=kind.name, name=setting.key, known=listed
            )
        elif spec.secret and not setting.secret:
            text = f"secret {quoted(_secret_name(door, setting.key))}"
            fixes = (Fix("write `%(text)s`", setting.value.span, text, sure=False),)
            yield kinds.SECRET_IN_TEXT.at(setting.value.span, fixes=fixes, name=setting.key)
        elif not setting.secret:
            yield from _setting_value(setting, spec)
    about = {specs[key].about for key in given & specs.keys()}
    for spec in kind.settings:
        needed = (spec.required and door.direction in spec.needed_to) or spec.key in about
        if needed and spec.key not in given:
            name = _secret_name(door, spec.key)
            line = f'{spec.key} secret "{name}"' if spec.secret else f'{spec.key} "…"'
            fixes = (first_line(door.name.span, line, titles.INSERT, sure=False),) if spec.secret else ()
            yield kinds.MISSING_SETTING.at(door.name.span, fixes=fixes, connector=door.name.text, name=spec.key, line=line)


def _setting_value(setting: s.Setting, spec: SettingSpec) -> Iterator[Diagnostic]:
    value = setting.value.value
    if isinstance(value, Duration):
        fits = spec.duration and value.amount > 0 and value.unit is not Unit.WORKING_DAYS
    else:
        fits = value in spec.words or not (spec.duration or spec.words)
    if fits:
        return
    listed = [f"`{word}`" for word in ((*DURATIONS, *spec.words) if spec.duration else spec.words)] or ['`"…"`']
    found = str(value)
    close = unknown(kinds.BAD_SETTING, s.Name(span=setting.value.span, text=found), spec.words).nearest
    fixes = (Fix(titles.WRITE, setting.value.span, close),) if close else ()
    yield kinds.BAD_SETTING.at(
        setting.value.span, nearest=close, fixes=fixes, name=setting.key, found=found, known=", ".join(listed)
    )


def _secret_name(door: s.Connector, key: str) -> str:
    return re.sub(r"\W+", "_", f"{door.name.text} {key}").upper()


def _secrets(checking: Checking, door: s.Connector) -> Iterator[Diagnostic]:
    known = checking.environment.secrets
    if known is None:
        return
    named: list[tuple[str, s.Node]] = [(str(each.value.value), each.value) for each in door.settings if each.secret]
    if door.verify is not None:
        named.append((door.verify.secret.value, door.verify.secret))
    for text, node in named:
        if text not in known:
            yield unknown(kinds.UNKNOWN_SECRET, s.Name(span=node.span, text=text, quoted=True), known)


# --- what comes in ---------------------------------------------------------------------------------------------------


def _cards(checking: Checking, door: s.Connector) -> Iterator[Diagnostic]:
    if door.pipeline is None:
        yield kinds.OPENS_NOTHING.at(door.name.span, connector=door.name.text)
        return
    scope = checking.workspace.scopes.get(door.pipeline.text)
    if scope is None:
        yield unknown(name_kinds.UNKNOWN_PIPELINE, door.pipeline, checking.workspace.pipelines)
        return
    seen: dict[str, s.MapRow] = {}
    for row in door.map:
        if not row.target.quoted and row.target.text in MAP_TARGETS:
            key, made = row.target.text, Operand(row.target.text, _CONTACT.get(row.target.text, "text"))
        else:
            made = scope.operand(row.target)
            if made is None or not (made.key in WRITABLE or made.key.startswith(FIELD)):
                known = scope.fields if row.target.quoted else (*MAP_TARGETS, *WRITABLE, *scope.fields)
                yield unknown(name_kinds.UNKNOWN_FIELD, row.target, known, pipeline=scope.pipeline.name.text)
                continue
            key = made.key
        if seen.setdefault(key, row) is not row:
            fixes = (no_statement(row.span, titles.OMIT, sure=False),)
            yield kinds.DUPLICATE_TARGET.at(row.target.span, fixes=fixes, name=row.target.text)
        yield from _row(checking, scope, row, made)
    takes_map = any(kind.accepts_map and kind.name == door.kind.text for kind in checking.environment.connector_kinds or ())
    if door.map or takes_map:
        yield from _required(scope, door, seen)


def _row(checking: Checking, scope: Scope, row: s.MapRow, made: Operand) -> Iterator[Diagnostic]:
    wanted = "choice" if made.choices is not None else made.type
    fits = row.type == wanted or (wanted == "text" and row.type in ("phone", "email", "choice"))
    if not fits:
        yield kinds.MAP_TYPE.at(
            row.span,
            fixes=(Fix(titles.WRITE, row.type_at.span, wanted),) if wanted in MAP_TYPES else (),
            name=row.target.text,
            type=v.TYPES[made.type],
            found=v.TYPES[row.type],
            wanted=wanted,
        )
    elif row.missing is not None:
        yield from v.value(checking, scope, made, row.missing)
    field = scope.field(row.target.text) if made.key.startswith(FIELD) else None
    if row.skip and field is not None and field.required_to_leave and field.default is None:
        stage = field.required_to_leave[0].text
        fixes = (Fix(titles.WRITE, row.missing_at.span, "reject", sure=False),)
        yield kinds.NO_FALLBACK.at(row.span, fixes=fixes, name=row.target.text, stage=stage)


def _required(scope: Scope, door: s.Connector, seen: dict[str, s.MapRow]) -> Iterator[Diagnostic]:
    place = door.name.span
    if "message" not in seen:
        yield kinds.UNMAPPED_REQUIRED.at(place, connector=door.name.text, name="message")
    starts = {name for name, stage in scope.stages.items() if stage.start}
    for name, field in scope.fields.items():
        needed = starts & {stage.text for stage in field.required_to_leave}
        if needed and field.default is None and FIELD + name not in seen:
            yield kinds.UNMAPPED_REQUIRED.at(place, connector=door.name.text, name=name)
