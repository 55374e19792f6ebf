"""The mapping file: what the columns and activities of a log mean. Its form is described in docs/backtest.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import i18n
from duly_dsl.program import Field, Pipeline, Program
from duly_platform.past import PastError

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

DOES = ("customer message", "agent reply", "note", "open", "move", "resolve", "set", "assign", "ignore")
"""What an activity can be."""

MOST_BYTES = 1024 * 1024

Some = Annotated[str, msgspec.Meta(min_length=1)]


class Columns(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Columns of a CSV, or keys of an XES; the defaults are the standard keys of XES."""

    case: Some = "concept:name"
    activity: Some = "concept:name"
    time: Some = "time:timestamp"
    resource: str = "org:resource"
    text: str = ""
    """Where a message's text is, if it is there."""


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the log is written. `time`: `iso`, `unix`, `unix ms`, or a form like `%d/%m/%Y %H:%M`; `zone` is that of times
    which say none."""

    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    time: Some = "iso"
    zone: Some = "UTC"


class CardPart(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pipeline: str = ""
    channel: str = "import"


class Activity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`name` is one activity or several. `stage` goes with `move`, `open` and `resolve` (without one: the
    first finish of the pipeline), `field` and `value` with `set`, `owner` and
    `team` with `assign` (without either: whoever did it)."""

    name: str | list[str]
    does: str
    stage: str = ""
    field: str = ""
    value: str = ""
    owner: str = ""
    team: str = ""


class Mapping(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    form: Form = msgspec.field(default_factory=Form)
    columns: Columns = msgspec.field(default_factory=Columns)
    card: CardPart = msgspec.field(default_factory=CardPart)
    fields: dict[str, str] = {}
    """`priority`, `type`, `title` or a field's name -> the column it comes from."""
    values: dict[str, dict[str, str]] = {}
    """The same -> the log's word -> ours."""
    people: dict[str, str] = {}
    """Resource -> user name; others keep their names."""
    activity: list[Activity] = []
    unknown: str = "error"
    """What an activity that is not listed is: `error` or `ignore`."""

    def activities(self) -> dict[str, Activity]:
        return {name: each for each in self.activity for name in ([each.name] if isinstance(each.name, str) else each.name)}


def operand(name: str) -> str:
    """The engine's name for what the file calls a field."""
    return name if name in ("priority", "type", "title") else f"field:{name}"


def pipeline_of(mapping: Mapping, program: Program) -> Pipeline:
    """The pipeline the cards go to."""
    if mapping.card.pipeline:
        return program.pipelines[mapping.card.pipeline]
    return next(iter(program.pipelines.values()))


def load(path: Path, program: Program) -> Mapping:
    """Read a mapping and hold it against the rules; PastError where it does not fit."""
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise PastError(_("`{path}` is too large for a mapping").format(path=path))
        mapping = msgspec.convert(tomllib.loads(data.decode("utf-8")), Mapping)
    except OSError as error:
        raise PastError(_("`{path}` can't be read: {reason}").format(path=path, reason=error.strerror)) from None
    except (ValueError, msgspec.ValidationError) as error:
        raise PastError(_("`{path}` is no mapping: {reason}").format(path=path, reason=error)) from None
    wrong = next(iter(_wrong(mapping, program)), "")
    if wrong:
        raise PastError(f"{path}: {wrong}")
    return mapping


def _wrong(mapping: Mapping, program: Program) -> list[str]:
    """Why it can't be used."""
    found: list[str] = []
    try:
        ZoneInfo(mapping.form.zone)
    except (ValueError, OSError, KeyError):
        found.append(_("there is no time zone `{zone}`").format(zone=mapping.form.zone))
    try:
        "".encode(mapping.form.encoding)
    except LookupError:
        found.append(_("there is no encoding `{encoding}`").format(encoding=mapping.form.encoding))
    if mapping.unknown not in ("error", "ignore"):
        found.append(_("`unknown` is `error` or `ignore`"))
    names = sorted(program.pipelines)
    if mapping.card.pipeline not in names and (mapping.card.pipeline or len(names) != 1):
        found.append(_("`card.pipeline` is one of: {names}").format(names=", ".join(names)))
        return found
    pipeline = pipeline_of(mapping, program)
    fields = {field.name: field for field in pipeline.fields}
    for name in (*mapping.fields, *mapping.values, *(each.field for each in mapping.activity if each.does == "set")):
        if operand(name).startswith("field:") and name not in fields:
            found.append(_('"{pipeline}" has no field "{field}".').format(pipeline=pipeline.name, field=name))
    stages = {was for stage in pipeline.stages for was in (stage.name, *stage.was)}
    for each in mapping.activity:
        if each.does not in DOES:
            found.append(_("activity {name}: `does` is one of: {does}").format(name=each.name, does=", ".join(DOES)))
        elif each.does == "move" and not each.stage:
            found.append(_("activity {name}: `move` needs a `stage`").format(name=each.name))
        elif each.does == "set" and not each.field:
            found.append(_("activity {name}: `set` needs a `field`").format(name=each.name))
        if each.stage and each.stage not in stages:
            found.append(_('There is no stage "{stage}" in "{pipeline}".').format(stage=each.stage, pipeline=pipeline.name))
    if not mapping.activity:
        found.append(_("it lists no activity"))
    return found


def typed(field: Field | None, text: str) -> str | float | bool:
    """A value of the log as the field takes it; ValueError where it can't be."""
    match field.type if field is not None else "text":
        case "number":
            return float(text.replace(",", ".") if "." not in text else text)
        case "yes/no":
            known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
            if text.casefold() not in known:
                raise ValueError(text)
            return known[text.casefold()]
        case _:
            return text
