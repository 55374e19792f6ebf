"""A log as a source of a backtest: its rows in the order of time, each become what it means.

Logs are often sorted by case. They are sorted by time on disk, in parts, so that memory holds one part and, of every case,
its number and the last values of its fields.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import heapq
import itertools
import tempfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import msgspec

from duly_dsl import i18n
from duly_dsl.program import Program
from duly_platform.eventlog.mapping import Activity, Mapping, load, operand, pipeline_of, typed
from duly_platform.eventlog.reading import Problems, Row, printable, rows
from duly_platform.past import PastError, Source
from duly_runtime import events
from duly_runtime.backtest import lines

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

PART = 100_000
"""Rows sorted in memory at a time."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Row)


class _Case:
    """A case of the log that has begun."""

    __slots__ = ("number", "values")

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[str, events.Scalar] = {}


class EventLog(Source):
    """The lines of a log. `problems`, `ignored` and `labels` are complete once the lines are read."""

    def __init__(self, path: Path, mapping_path: Path | None, program: Program) -> None:
        if mapping_path is None:
            raise PastError(_("--log needs --mapping FILE, which says what its columns and activities mean"))
        self._path = path
        self._mapping: Mapping = load(mapping_path, program)
        self._pipeline = pipeline_of(self._mapping, program)
        self._fields = {field.name: field for field in self._pipeline.fields}
        self._activities = self._mapping.activities()
        self.problems = Problems()
        self.ignored = 0
        """Events the mapping gives no part."""
        self.labels: dict[int, str] = {}
        """Number of a card -> its case in the log."""

    def lines(self) -> Iterator[bytes]:
        cases: dict[str, _Case] = {}
        numbers = itertools.count(1)
        with contextlib.closing(_in_time(rows(self._path, self._mapping, self.problems))) as ordered:
            for row in ordered:
                for body in self._meant(row, cases):
                    case = cases[row.case]
                    line = lines.Line(
                        id=next(numbers), case=f"c{case.number}", card=case.number, at=row.at, now=row.at, body=body
                    )
                    yield lines.encode(line)

    def _meant(self, row: Row, cases: dict[str, _Case]) -> list[events.AnyBody]:
        """What a row does; nothing where it is ignored or wrong."""
        activity = self._activities.get(row.activity)
        if activity is None:
            if self._mapping.unknown == "error":
                self.problems.note(row.line, _("the mapping has no activity `{name}`").format(name=row.activity[:60]))
            else:
                self.ignored += 1
            return []
        if activity.does == "ignore":
            self.ignored += 1
            return []
        try:
            values = self._values(row)
            done = self._does(activity, row)
        except ValueError as error:
            self.problems.note(row.line, _("`{value}` is no value of this field").format(value=str(error)[:60]))
            return []
        case = cases.get(row.case)
        if case is None:
            case = cases[row.case] = _Case(len(cases) + 1)
            self.labels[case.number] = printable(row.case)
            case.values = values
            opening, rest = self._opening(row, activity, done, values)
            return [opening, *rest]
        changed = {name: value for name, value in values.items() if case.values.get(name) != value}
        case.values.update(changed)
        found: list[events.AnyBody] = [events.SetFields(values=dict(changed))] if changed else []
        if not isinstance(done, events.OpenCard):
            found.append(done)
        return found

    def _opening(
        self, row: Row, activity: Activity, done: events.AnyBody, values: dict[str, events.Scalar]
    ) -> tuple[events.AnyBody, list[events.AnyBody]]:
        """What opens a case, and what its first row does besides."""
        if isinstance(done, events.CustomerMessage | events.OpenCard):
            return msgspec.structs.replace(done, fields=values, title=str(values.get("title", row.case))), []
        channel = self._mapping.card.channel
        fields = {name: value for name, value in values.items() if name != "title"}
        title = str(values.get("title", row.case))
        return events.OpenCard(pipeline=self._pipeline.name, title=title, channel=channel, fields=fields), [done]

    def _values(self, row: Row) -> dict[str, events.Scalar]:
        found: dict[str, events.Scalar] = {}
        for name, column in self._mapping.fields.items():
            text = row.values.get(column, "")
            if text:
                text = self._mapping.values.get(name, {}).get(text, text)
                found[operand(name)] = typed(self._fields.get(name), text)
        return found

    def _does(self, activity: Activity, row: Row) -> events.AnyBody:
        author = self._mapping.people.get(row.resource, row.resource)
        card, text = self._mapping.card, row.text or lines.UNSAID
        match activity.does:
            case "customer message":
                return events.CustomerMessage(text=text, channel=card.channel, pipeline=self._pipeline.name)
            case "open":
                return events.OpenCard(pipeline=self._pipeline.name, stage=activity.stage, channel=card.channel)
            case "agent reply":
                return events.AgentMessage(text=text, author=author)
            case "resolve":
                finish = next((stage.name for stage in self._pipeline.stages if stage.finish), "")
                return events.MoveCard(stage=activity.stage or finish, author=author)
            case "move":
                return events.MoveCard(stage=activity.stage, author=author)
            case "set":
                value = typed(self._fields.get(activity.field), activity.value) if activity.value else None
                return events.SetFields(values={operand(activity.field): value}, author=author)
            case "assign":
                named = bool(activity.owner or activity.team)
                owner = activity.owner if named else author
                return events.AssignCard(owner=owner, team=activity.team, author=author)
            case _:
                return events.InternalNote(text=text, author=author)


def _in_time(found: Iterable[Row]) -> Generator[Row, None, None]:
    """Rows by their instants; of one instant in the order of the file."""
    with tempfile.TemporaryDirectory(prefix="duly-log-") as folder, contextlib.ExitStack() as stack:
        parts: list[Iterable[bytes]] = []
        part: list[bytes] = []
        for number, row in enumerate(found):
            part.append(b"%018d %015d " % ((row.at - EPOCH) // MICROSECOND, number) + _encoder.encode(row) + b"\n")
            if len(part) >= PART:
                file = stack.enter_context((Path(folder) / str(len(parts))).open("w+b"))
                file.writelines(sorted(part))
                file.seek(0)
                parts.append(file)
                part = []
        part.sort()
        parts.append(part)
        for line in heapq.merge(*parts):
            yield _decoder.decode(line[35:])
