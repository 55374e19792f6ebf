"""One side of a comparison: a graph, with its names brought in line with the other side's where a `was` says so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from duly_dsl import program as p
from duly_dsl.meaning.parts import CLOCKS, DAYS, DERIVED, OPERANDS, PIPELINES, PREDICATES, STAGES, clock
from duly_dsl.units import Duration

FIELD = "field:"
MONTHS = (
    "", "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
BARE = re.compile(r"[^\W\d][\w.-]*")


class Side:
    """`stages`, `fields`, `clocks` and `pipelines` map the names of this side to those of the other."""

    def __init__(
        self,
        program: p.Program,
        pipelines: Mapping[str, str] | None = None,
        stages: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        clocks: Mapping[str, str] | None = None,
    ) -> None:
        self.program = program
        self.pipelines = pipelines or {}
        self.stages = stages or {}
        self.fields = fields or {}
        self.clocks = clocks or {}

    def inside(self, stages: Mapping[str, str], fields: Mapping[str, str], clocks: Mapping[str, str]) -> Side:
        """The same side within one pipeline."""
        return Side(self.program, self.pipelines, stages, fields, clocks)

    # --- as plain values, to be compared ------------------------------------------------------------------------------

    def plain(self, value: object, *, derived: bool = False) -> Any:
        """A part of the graph without spans, its conditions in place of their numbers. With `derived`, also what the
        compiler works out of the rest."""
        if isinstance(value, msgspec.Struct):
            kind = type(value).__name__
            found: dict[str, Any] = {"": kind}
            for field in value.__struct_fields__:
                part = getattr(value, field)
                if field in ("span", "term_spans") or (not derived and (kind, field) in DERIVED):
                    continue
                found[field] = self.field(kind, field, part, value, derived=derived)
            return found
        if isinstance(value, dict):
            items = cast(dict[object, object], value)
            return {str(key): self.plain(part, derived=derived) for key, part in items.items()}
        if isinstance(value, (tuple, list)):
            return [self.plain(part, derived=derived) for part in cast(tuple[object, ...], value)]
        return value.isoformat() if isinstance(value, (dt.date, dt.time)) else value

    def field(self, kind: str, field: str, part: Any, record: object, *, derived: bool = False) -> Any:
        """One field of a record, as `plain`."""
        where = (kind, field)
        if where in PREDICATES:
            if isinstance(part, tuple):
                return [self.condition(each, derived) for each in cast(tuple[int, ...], part)]
            return None if part is None else self.condition(part, derived)
        if where in STAGES or (kind == "OneOf" and field == "values" and getattr(record, "operand", "") == "stage"):
            return _named(part, self.stages)
        if where in CLOCKS:
            return _named(part, self.clocks)
        if where in PIPELINES:
            return _named(part, self.pipelines)
        if where in OPERANDS:
            return self.operand(part)
        if where == ("Rule", "id"):
            return None
        if where == ("Index", "rules"):
            return [self.program.rules[number].name for number in cast(tuple[int, ...], part)]
        return self.plain(part, derived=derived)

    def condition(self, index: int, derived: bool = False) -> Any:
        return self.plain(self.program.predicates[index], derived=derived)

    def operand(self, operand: str) -> str:
        name = operand.removeprefix(FIELD)
        return FIELD + self.fields.get(name, name) if operand.startswith(FIELD) else operand

    # --- as the language writes them, to be read ----------------------------------------------------------------------

    def text(self, value: object, kind: str = "", field: str = "") -> str:
        """A part of the graph in a line; empty for nothing."""
        if (kind, field) in PREDICATES:
            return self.said(cast("int | None", value))
        if kind == "Level" and field == "after":
            return "at once" if value is None else str(value)
        if field == "actions":
            return " then ".join(self.text(each) for each in cast(tuple[object, ...], value))
        if field == "actors":
            return " and ".join(self.text(each) for each in cast(tuple[object, ...], value))
        match value:
            case None | "" | False | ():
                return ""
            case True:
                return "yes"
            case float():
                return f"{value:.15g}"
            case dt.date():
                return value.isoformat()
            case tuple():
                return ", ".join(self.text(each) for each in cast(tuple[object, ...], value))
            case dict():
                items = cast(dict[object, object], value).items()
                return ", ".join(f"{key} {self.text(part)}" for key, part in items)
            case Duration() | str() | int():
                return str(value)
            case p.Actor():
                return _actor(value)
            case p.Window():
                return f"{_minutes(value.opens)}-{_minutes(value.closes)}"
            case p.DayRule():
                return self._day(value)
            case p.Setting():
                return f'secret "{value.value}"' if value.secret else self.text(value.value)
            case p.Silence():
                return f"after {value.amount} of silence {self.text(value.action)}"
            case p.Resume():
                where = f'resume in "{self.stages.get(value.stage, value.stage)}"' if value.stage else "resume"
                return f"{where} when {self.said(value.when)}"
            case p.Reopen():
                return f'within {value.amount} to "{self.stages.get(value.stage, value.stage)}"'
            case p.TargetRow():
                return str(value.amount) if value.amount is not None else "no promise"
            case p.AssignRow():
                return (
                    f"{self.text(value.to)} if {self.said(value.when)}" if value.when is not None else self.text(value.to)
                )
            case p.Quiet():
                days = {day: self.text(hours) for day, hours in zip(DAYS, value.week, strict=True) if hours}
                hours = ", ".join(f"{day} {text}" for day, text in days.items())
                if len(days) == len(DAYS) and len(set(days.values())) == 1:
                    hours = next(iter(days.values()))
                audience = " and ".join(name for name in ("customers", "people") if getattr(value, name))
                return f"quiet hours {hours}{f' in {value.zone}' if value.zone else ''} for {audience}"
            case p.Approval():
                return f'as "{value.name}" for {value.category}'
            case p.Choice():
                return f'"{value.title}" "{value.description}"' if value.description else f'"{value.title}"'
            case p.Choices():
                return (
                    f'list "{value.label}": {self.text(value.rows)}' if value.label else f"buttons {self.text(value.rows)}"
                )
            case p.Header(media=media, link=link, texts=texts):
                return f'{media} "{link}"' if media else ", ".join(f'{tag} "{text}"' for tag, text in texts.items())
            case p.Rate():
                return f"at most {value.messages} messages per card per {value.period}"
            case p.Digest():
                return f"digest {' and '.join(value.kinds)} every {value.every}"
            case p.Action():
                return self._action(value)
            case msgspec.Struct():
                return self._any(value)
            case _:
                return str(value)

    def _any(self, record: msgspec.Struct) -> str:
        """A record we have no words for: its fields that say something."""
        kind = type(record).__name__
        parts: list[str] = []
        for field in record.__struct_fields__:
            if field in ("span", "term_spans", "name") or (kind, field) in DERIVED:
                continue
            said = self.text(getattr(record, field), kind, field)
            if said:
                parts.append(f"{field.replace('_', ' ')} {said}")
        return ", ".join(parts)

    def _day(self, rule: p.DayRule) -> str:
        if rule.first is not None:
            last = rule.last if rule.last not in (None, rule.first) else None
            days = f"from {rule.first} to {last}" if last else f"on {rule.first}"
        else:
            days = f"on {rule.day} {MONTHS[rule.month] if 0 < rule.month < 13 else rule.month} every year"
        words = {"closed": "closed", "short": "short day", "extra": "open"}.get(rule.kind, rule.kind)
        return " ".join(filter(None, (words, days, self.text(rule.windows), f'"{rule.reason}"' if rule.reason else "")))

    def _action(self, action: p.Action) -> str:
        match action:
            case p.Notify():
                by = f" by {action.channel}" if action.channel else ""
                using = f' using "{action.template}"' if action.template else ""
                return f"notify {self.text(action.actors, '', 'actors')}{by}{using}"
            case p.SetField():
                return f"set {self.name(action.operand)} to {word(action.value)}"
            case p.Tag():
                return f'{"untag" if action.remove else "tag"} "{action.tag}"'
            case p.AssignTo():
                return f"assign to {_actor(action.actor)}"
            case p.Move():
                because = f' because "{action.reason}"' if action.reason else ""
                return f'move to "{self.stages.get(action.stage, action.stage)}"{because}'
            case p.Send():
                return f'send "{action.template}"{" once" if action.once else ""}{_outside(action.outside)}'
            case p.Reply():
                return f'reply "{action.text}"{_outside(action.outside)}'
            case p.Call():
                return f'call "{action.connector}"'
            case p.ShiftPriority():
                return "raise priority" if action.raised else "lower priority"
            case p.ExcuseMiss():
                return f'excuse {clock(action.metric)} because "{action.reason}"'
            case p.RunClock():
                return f'{"start" if action.starts else "stop"} clock "{action.clock}"'
            case p.AddNote():
                return f'add note "{action.text}"'
            case _:
                return f"{words_of(type(action).__name__)} {self._any(action)}".strip()

    def name(self, operand: str) -> str:
        """An operand as a condition reads it; a field's name in quotes where it is no single word."""
        if not operand.startswith(FIELD):
            return operand
        name = self.operand(operand).removeprefix(FIELD)
        return name if BARE.fullmatch(name) else f'"{name}"'

    def said(self, index: int | None, tight: bool = False) -> str:
        """A condition; `tight` brackets what `and` would tear apart. Empty for None."""
        if index is None:
            return ""
        predicate = self.program.predicates[index]
        match predicate:
            case p.EventAtom():
                return self._event(predicate)
            case p.ContainsAny(words=words):
                return "message contains " + ", ".join(f'"{each}"' for each in words)
            case p.HasTag(tag=tag):
                return f'card has tag "{tag}"'
            case p.CardAge(op=op, amount=amount):
                return f"card age {op} {amount}"
            case p.OneOf():
                return self._one_of(predicate, "is")
            case p.Empty(operand=operand):
                return f"{self.name(operand)} is empty"
            case p.Compare(operand=operand, op=op, value=value):
                return f"{self.name(operand)} {op} {word(value)}"
            case p.Not(term=term):
                inner = self.program.predicates[term]
                if isinstance(inner, p.OneOf) and len(inner.values) == 1:
                    return self._one_of(inner, "is not")
                if isinstance(inner, p.Empty):
                    return f"{self.name(inner.operand)} is filled"
                return f"not ({self.said(term)})"
            case p.AllOf(terms=terms):
                return " and ".join(self.said(each, True) for each in terms)
            case p.AnyOf(terms=terms):
                text = " or ".join(self.said(each) for each in terms)
                return f"({text})" if tight else text
            case _:
                return f"{words_of(type(predicate).__name__)} {self._any(predicate)}"

    def _one_of(self, predicate: p.OneOf, verb: str) -> str:
        values = _named(predicate.values, self.stages) if predicate.operand == "stage" else predicate.values
        said = ", ".join(word(each) for each in values)
        return f"{self.name(predicate.operand)} {verb if len(values) == 1 else verb + ' one of'} {said}"

    def _event(self, atom: p.EventAtom) -> str:
        if atom.kind == "changes":
            return f"{self.name(atom.subject)} changes" if atom.subject else "card changes"
        if atom.kind == "missed":
            return f"{clock(self.clocks.get(atom.metric, atom.metric)) if atom.metric else 'a clock'} is missed"
        if atom.kind == "every":
            return f"every {atom.subject}"
        stage = f' "{self.stages.get(atom.stage, atom.stage)}"' if atom.stage else ""
        rest = self._any(msgspec.structs.replace(atom, kind="", stage=""))
        return " ".join(filter(None, (atom.kind + stage, rest)))


def _outside(template: str) -> str:
    return f' or outside window send "{template}"' if template else ""


def _named(part: Any, names: Mapping[str, str]) -> Any:
    if isinstance(part, tuple):
        return [names.get(str(each), each) for each in cast(tuple[object, ...], part)]
    return names.get(part, part) if isinstance(part, str) else part


def word(value: str | float | bool) -> str:
    """A value: bare where it is one word, else in quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return f"{value:.15g}"
    return value if BARE.fullmatch(value) else f'"{value}"'


def words_of(name: str) -> str:
    """`SendLimit` -> `send limit`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _minutes(minutes: int) -> str:
    return f"{minutes // 60 % 24 if minutes != 1440 else 24:02}:{minutes % 60:02}"


def _actor(actor: p.Actor) -> str:
    match actor.kind:
        case "owner" | "lead" | "manager":
            return actor.kind
        case "agent":
            return f"agent {actor.name}"
        case "lead_of" | "manager_of" | "least_busy" | "round_robin":
            words = {"lead_of": "lead of", "manager_of": "manager of", "least_busy": "least busy of"}
            return f'{words.get(actor.kind, "round robin of")} "{actor.name}"'
        case "level" | "level_of":
            return f'level {actor.level} of "{actor.name}"' if actor.name else f"level {actor.level}"
        case _:
            return f'{actor.kind} "{actor.name}"' if actor.name else actor.kind


def week(days: tuple[tuple[p.Window, ...], ...]) -> dict[str, str]:
    """The opening hours of each weekday."""
    return {
        name: ", ".join(f"{_minutes(each.opens)}-{_minutes(each.closes)}" for each in windows)
        for name, windows in zip(DAYS, days, strict=False)
    }
