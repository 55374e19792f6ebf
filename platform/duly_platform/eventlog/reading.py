"""CSV and XES as a stream of rows. Bad lines are noted, with their numbers; none is passed over in silence."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import i18n
from duly_platform.eventlog.mapping import Form, Mapping
from duly_platform.past import PastError, opened

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

SHOWN = 10
"""Bad lines whose reasons are shown."""
CHUNK = 64 * 1024
MOST_PENDING = 8 * 1024 * 1024
"""Bytes of XML without an element: one value may be long, but not for ever."""
DEEPEST = 100
MOST_ATTRIBUTES = 1000
MOST_COLUMNS = 1000
LONGEST_CELL = 1024 * 1024


class Row(msgspec.Struct, array_like=True):
    """An event of the log. `line` is where it stands in the file."""

    line: int
    case: str
    activity: str
    at: dt.datetime
    resource: str
    text: str
    values: dict[str, str]
    """Column -> value, for the columns that fill fields; empty values are left out."""


def printable(text: str) -> str:
    """What a log says, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "�" for each in text)


class Problems:
    """Lines that can't be used."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []

    def note(self, line: int, reason: str) -> None:
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(_("line {line}: {reason}").format(line=line, reason=printable(reason)))


def rows(path: Path, mapping: Mapping, problems: Problems) -> Iterator[Row]:
    """The events of a log in the order of the file; PastError where the whole of it can't be read. The first sign of the
    file tells XES from CSV."""
    with opened(path) as file:
        head = file.read(4096)
        if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
            yield from _xes(path, head, file, mapping, problems)
        else:
            try:
                yield from _csv(path, head, file, mapping, problems)
            except UnicodeError as error:
                raise PastError(
                    _("{path} is no {encoding} text: {reason}").format(
                        path=path, encoding=mapping.form.encoding, reason=error
                    )
                ) from None


def read_time(form: Form) -> Callable[[str], dt.datetime]:
    """What reads a time as UTC; it raises ValueError."""
    zone = ZoneInfo(form.zone)

    def read(text: str) -> dt.datetime:
        text = text.strip()
        match form.time:
            case "iso":
                at = dt.datetime.fromisoformat(text)
            case "unix":
                at = dt.datetime.fromtimestamp(float(text), dt.UTC)
            case "unix ms":
                at = dt.datetime.fromtimestamp(float(text) / 1000, dt.UTC)
            case written:
                at = dt.datetime.strptime(text, written)  # noqa: DTZ007 - the zone comes next
        at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(dt.UTC)
        if not 1970 <= at.year <= 2200:
            raise ValueError(text)
        return at

    def checked(text: str) -> dt.datetime:
        try:
            return read(text)
        except (OverflowError, OSError) as error:
            raise ValueError(text) from error

    return checked


# --- CSV --------------------------------------------------------------------------------------------------------------


class _Rest(io.RawIOBase):
    """A file whose beginning was read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        room = memoryview(buffer)
        data = self._head[: len(room)] if self._head else self._file.read(len(room))
        self._head = self._head[len(room) :]
        room[: len(data)] = data
        return len(data)


def _csv(path: Path, head: bytes, file: BinaryIO, mapping: Mapping, problems: Problems) -> Iterator[Row]:
    columns, form = mapping.columns, mapping.form
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else form.encoding
    csv.field_size_limit(LONGEST_CELL)
    # What can't be decoded is kept as surrogates, and found in its line.
    text = io.TextIOWrapper(io.BufferedReader(_Rest(head, file)), encoding, errors="surrogateescape", newline="")
    reader = csv.reader(_lines(text), delimiter=form.delimiter, strict=True)
    try:
        heads = next(reader)
    except (StopIteration, csv.Error):
        raise PastError(_("{path}: the first line must name the columns").format(path=path)) from None
    place = {name.strip(): number for number, name in enumerate(heads)}
    wanted = [columns.case, columns.activity, columns.time, *mapping.fields.values()]
    wanted += [name for name in (columns.text,) if name]
    resource = place.get(columns.resource, -1)
    if columns.resource and columns.resource != "org:resource":
        wanted.append(columns.resource)
    missing = [name for name in wanted if name not in place]
    if missing or len(heads) > MOST_COLUMNS:
        raise PastError(
            _("{path} has no column `{missing}`; it has: {known}").format(
                path=path, missing="`, `".join(missing), known=", ".join(heads[:50])
            )
        )
    time = read_time(form)
    case_at, activity_at, time_at = place[columns.case], place[columns.activity], place[columns.time]
    text_at = place[columns.text] if columns.text else -1
    fields = [(column, place[column]) for column in dict.fromkeys(mapping.fields.values())]
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.note(reader.line_num, str(error))
            continue
        line = reader.line_num
        if not cells:
            continue
        if len(cells) != len(heads):
            problems.note(line, _("{n} cells, not {expected}").format(n=len(cells), expected=len(heads)))
            continue
        try:
            "".join(cells).encode("utf-8")
        except UnicodeEncodeError:
            problems.note(line, _("this is no {encoding} text").format(encoding=form.encoding))
            continue
        row = _row(
            line,
            cells[case_at],
            cells[activity_at],
            cells[time_at],
            cells[resource] if resource >= 0 else "",
            cells[text_at] if text_at >= 0 else "",
            {column: cells[at].strip() for column, at in fields if cells[at].strip()},
            time,
            problems,
        )
        if row is not None:
            yield row


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines of at most a cell's length: one without an end is read in pieces, which are no good lines."""
    while line := text.readline(LONGEST_CELL * 2):
        yield line


def _row(
    line: int,
    case: str,
    activity: str,
    time: str,
    resource: str,
    text: str,
    values: dict[str, str],
    read: Callable[[str], dt.datetime],
    problems: Problems,
) -> Row | None:
    if not case.strip() or not activity.strip():
        problems.note(line, _("no case") if not case.strip() else _("no activity"))
        return None
    try:
        at = read(time)
    except ValueError:
        problems.note(line, _("`{text}` is no time of the form the mapping gives").format(text=time[:60]))
        return None
    return Row(line, case.strip(), activity.strip(), at, resource.strip(), text, values)


# --- XES --------------------------------------------------------------------------------------------------------------


class _Xes:
    """Handlers for a stream of XML: what is kept is one trace's attributes and one event."""

    def __init__(self, path: Path, mapping: Mapping, problems: Problems) -> None:
        self.found: list[Row] = []
        self.fed = 0
        self._path = path
        self._mapping = mapping
        self._problems = problems
        self._time = read_time(mapping.form)
        self._elements: list[str] = []
        self._trace: dict[str, str] = {}
        self._event: dict[str, str] = {}
        self._line = 0
        self._seen = False
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def feed(self, data: bytes, *, last: bool = False) -> None:
        self.fed += len(data)
        if self.fed > MOST_PENDING:
            raise PastError(_("{path}, line {line}: this value is too long").format(path=self._path, line=self._at))
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise PastError(
                _("{path}, line {line}: this is no XML ({reason})").format(
                    path=self._path, line=error.lineno, reason=expat.ErrorString(error.code)
                )
            ) from None
        if last and not self._seen:
            raise PastError(_("{path} is no XES: it has no `log`").format(path=self._path))

    @property
    def _at(self) -> int:
        return self._parser.CurrentLineNumber

    def _doctype(self, *_declared: object) -> None:
        raise PastError(
            _("{path}, line {line}: a document type is not taken (it could define entities)").format(
                path=self._path, line=self._at
            )
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.fed = 0
        tag = tag.rpartition(":")[2]
        self._elements.append(tag)
        if len(self._elements) > DEEPEST:
            raise PastError(_("{path}, line {line}: nested too deep").format(path=self._path, line=self._at))
        match self._elements:
            case ["log"]:
                self._seen = True
            case ["log", "trace"]:
                self._trace = {}
            case ["log", "trace", "event"]:
                self._event, self._line = {}, self._at
            case ["log", "trace", _]:
                self._keep(self._trace, attributes)
            case ["log", "trace", "event", _]:
                self._keep(self._event, attributes)
            case _:
                pass

    def _keep(self, held: dict[str, str], attributes: dict[str, str]) -> None:
        if "key" in attributes and "value" in attributes and len(held) < MOST_ATTRIBUTES:
            held[attributes["key"]] = attributes["value"]

    def _end(self, tag: str) -> None:
        self.fed = 0
        if self._elements == ["log", "trace", "event"]:
            columns, event, trace = self._mapping.columns, self._event, self._trace
            values = {
                column: value
                for column in dict.fromkeys(self._mapping.fields.values())
                if (value := (event.get(column) or trace.get(column.removeprefix("case:")) or "").strip())
            }
            row = _row(
                self._line,
                trace.get(columns.case.removeprefix("case:"), ""),
                event.get(columns.activity, ""),
                event.get(columns.time, ""),
                event.get(columns.resource, "") if columns.resource else "",
                event.get(columns.text, "") if columns.text else "",
                values,
                self._time,
                self._problems,
            )
            if row is not None:
                self.found.append(row)
        self._elements.pop()


def _xes(path: Path, head: bytes, file: BinaryIO, mapping: Mapping, problems: Problems) -> Iterator[Row]:
    xes = _Xes(path, mapping, problems)
    data = head
    while data:
        xes.feed(data)
        yield from xes.found
        xes.found.clear()
        data = file.read(CHUNK)
    xes.feed(b"", last=True)
