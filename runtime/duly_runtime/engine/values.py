"""What may stand in a field, and in the operands of a card that can be set."""

from __future__ import annotations

import datetime as dt
import functools
import math
from collections.abc import Callable
from typing import Any, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

from duly_dsl.program import Field, Pipeline
from duly_runtime.card import Card
from duly_runtime.engine.graph import Graph
from duly_runtime.engine.refusal import Refusal
from duly_runtime.events import Scalar

_compiled = functools.lru_cache(maxsize=1000)(cast(Callable[[str], Any], re2.compile))  # pyright: ignore[reportUnknownMemberType]

FIELD = "field:"
SETTABLE = ("priority", "type", "title")
LONGEST = 10_000
"""Characters of a text: a card is read whole with every event."""


def checked(graph: Graph, pipeline: Pipeline, operand: str, value: Scalar | None) -> Scalar | None:
    """The value as it is stored; Refusal where it can't stand there. None empties, where that may be."""
    if operand.startswith(FIELD):
        name = operand.removeprefix(FIELD)
        field = graph.field(pipeline, name)
        if field is None:
            raise Refusal("unknown-field", field=name, pipeline=pipeline.name)
        return None if value is None or value == "" else _of_field(field, value)
    if operand not in SETTABLE:
        known = operand in ("stage", "owner", "team", "channel", "connector")
        if known:
            raise Refusal("read-only", field=operand)
        raise Refusal("unknown-field", field=operand, pipeline=pipeline.name)
    if operand == "priority":
        return _choice("priority", pipeline.priorities, value or "")
    if operand == "type":
        return "" if value is None or value == "" else _choice("type", pipeline.types, value)
    if not value:
        raise Refusal("never-empty", field=operand)
    return _text(operand, value)


def read(card: Card, operand: str) -> Scalar | None:
    """What stands in a settable operand; None where it is empty."""
    if operand.startswith(FIELD):
        return card.fields.get(operand.removeprefix(FIELD))
    found: str = getattr(card, operand)
    return found or None


def text_of(value: Scalar | None) -> str:
    """As a history line shows it: whole numbers without a point, yes and no."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _of_field(field: Field, value: Scalar) -> Scalar:
    match field.type:
        case "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise _wrong(field, value)
            return float(value)
        case "yes/no":
            if not isinstance(value, bool):
                raise _wrong(field, value)
            return value
        case "choice":
            return _choice(field.name, field.choices, value)
        case "date":
            try:
                return dt.date.fromisoformat(_text(field.name, value)).isoformat()
            except ValueError:
                raise _wrong(field, value) from None
        case "email" | "phone":
            text = _text(field.name, value).strip()
            form = r"[^@\s]+@[^@\s]+\.[^@\s]+" if field.type == "email" else r"\+?[0-9][0-9 ().-]{3,30}"
            if not _compiled(form).fullmatch(text):
                raise _wrong(field, value)
            return text
        case _:
            text = _text(field.name, value)
            if field.pattern and not _compiled(field.pattern).fullmatch(text):
                raise Refusal("wrong-pattern", value=text[:80], field=field.name, pattern=field.pattern)
            return text


def _choice(name: str, choices: tuple[str, ...], value: Scalar) -> str:
    if value not in choices:
        raise Refusal("not-a-choice", value=text_of(value)[:80], field=name, choices=", ".join(choices))
    return str(value)


def _text(name: str, value: Scalar) -> str:
    if not isinstance(value, str):
        raise Refusal("wrong-type", value=text_of(value)[:80], field=name, type="text")
    if len(value) > LONGEST:
        raise Refusal("too-long", field=name, limit=str(LONGEST))
    return value


def _wrong(field: Field, value: Scalar) -> Refusal:
    return Refusal("wrong-type", value=text_of(value)[:80], field=field.name, type=field.type)
