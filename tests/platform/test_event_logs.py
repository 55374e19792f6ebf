"""Event logs as the past: CSV and XES tell the same story, and hostile ones harm nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from duly_dsl.build import build
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_platform.cli import main
from duly_platform.eventlog import reading, source
from duly_platform.eventlog.source import EventLog
from duly_platform.past import PastError
from duly_runtime import events
from duly_runtime.backtest import lines
from duly_runtime.backtest.running import run

ROOT = Path(__file__).parents[2]
DESK = ROOT / "examples" / "support_desk"
LOG = ROOT / "examples" / "event_log"

MAPPING = """
[columns]
case = "case:concept:name"
activity = "concept:name"
time = "time:timestamp"
resource = "org:resource"

[card]
pipeline = "Customer support"
channel = "email"

[fields]
priority = "urgency"
"Refund amount" = "case:amount"

[values.priority]
A = "urgent"
B = "normal"

[people]
"Sousa, Ana" = "ana"

[[activity]]
name = "asks"
does = "customer message"
[[activity]]
name = "answers"
does = "agent reply"
[[activity]]
name = "works"
does = "move"
stage = "In progress"
[[activity]]
name = "takes"
does = "assign"
[[activity]]
name = "solves"
does = "set"
field = "Resolution"
value = "done"
[[activity]]
name = "ends"
does = "resolve"
[[activity]]
name = ["prints", "scans"]
does = "ignore"
"""

HEADS = ("case:concept:name", "concept:name", "time:timestamp", "org:resource", "urgency", "case:amount")


@pytest.fixture(scope="module")
def desk() -> Program:
    program = build(
        [SourceFile(path.name, path.read_text(encoding="utf-8")) for path in sorted(DESK.glob("*.duly"))]
    ).program
    assert program is not None
    return program


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def story(seed: int, cases: int = 30) -> list[tuple[str, ...]]:
    """Rows of a made-up log, case after case."""
    some = random.Random(seed)
    return [row for number in range(cases) for row in one_case(some, number)]


def one_case(some: random.Random, number: int) -> list[tuple[str, ...]]:
    talk = ["asks", "answers", "works", *["asks", "answers"] * some.randrange(3), some.choice(("takes", "prints"))]
    who = {"asks": "", "works": "Sousa, Ana"}
    amount = str(some.choice((100, 900)))
    minute = some.randrange(60 * 24 * 10)
    found: list[tuple[str, ...]] = []
    for what in (*talk, "solves", "ends"):
        day, rest = divmod(minute, 1440)
        at = f"2026-05-{day + 4:02}T{rest // 60:02}:{rest % 60:02}:00-03:00"
        person = who.get(what) if what in who else some.choice(("Sousa, Ana", "bruno"))
        found.append((f'case "{number}" & <co>', what, at, person or "", some.choice("AB"), amount))
        minute += some.randrange(1, 300)
    return found


def as_csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEADS, *rows])
    return out.getvalue().encode()


def as_xes(rows: list[tuple[str, ...]]) -> bytes:
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<log xmlns="http://www.xes-standard.org/" xes.version="1.0">\n']
    parts.append(
        '<extension name="Concept" prefix="concept" uri="x"/><global scope="event"><string key="a" value="b"/></global>'
    )
    case = ""
    for row in rows:
        if row[0] != case:
            parts.append("</trace>\n" if case else "")
            case = row[0]
            parts.append(
                f'<trace><string key="concept:name" value={quoteattr(case)}/><float key="amount" value="{row[5]}"/>\n'
            )
        parts.append(
            f'<event><string key="concept:name" value="{row[1]}"/><date key="time:timestamp" value="{row[2]}"/>'
            f'<string key="org:resource" value={quoteattr(row[3])}/><string key="urgency" value="{row[4]}">'
            '<string key="urgency" value="nested: not this one"/></string></event>\n'
        )
    return "".join([*parts, "</trace></log>\n"]).encode()


def read(folder: Path, data: bytes, program: Program) -> tuple[EventLog, list[bytes]]:
    (folder / "log").write_bytes(data)
    log = EventLog(folder / "log", folder / "mapping.toml", program)
    return log, list(log.lines())


def test_csv_and_xes_of_one_story_are_one_past(here: Path, desk: Program) -> None:
    rows = story(1)
    of_csv, first = read(here, as_csv(rows), desk)
    of_xes, second = read(here, as_xes(rows), desk)
    _packed, third = read(here, gzip.compress(as_xes(rows)), desk)
    assert first == second == third
    assert of_csv.problems.count == of_xes.problems.count == 0
    assert of_csv.labels == of_xes.labels and len(of_csv.labels) == 30
    assert of_csv.ignored == sum(row[1] == "prints" for row in rows) > 0
    told = [lines.decode(line) for line in first]
    assert [line.at for line in told] == sorted(line.at for line in told)
    (result,) = run([desk], first)
    assert not result.lost
    assert result.tally.total("opened") == result.tally.total("finished") == 30
    assert result.tally.total("breaches") > 0 and result.tally.total("refused") == 0
    kinds = {type(line.body) for line in told}
    assert kinds >= {events.CustomerMessage, events.AgentMessage, events.MoveCard, events.SetFields, events.AssignCard}
    assert {line.body.author for line in told if isinstance(line.body, events.AgentMessage)} == {"ana", "bruno"}
    opened = next(line.body for line in told if isinstance(line.body, events.CustomerMessage) and line.body.fields)
    assert opened.fields["priority"] in ("urgent", "normal") and isinstance(opened.fields["field:Refund amount"], float)


def test_a_log_larger_than_memory_is_sorted_in_parts(here: Path, desk: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(here, as_csv(story(2)), desk)[1]
    monkeypatch.setattr(source, "PART", 7)
    assert read(here, as_csv(story(2)), desk)[1] == whole


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--log", str(LOG / "tickets.csv"), "--mapping", str(LOG / "mapping.toml"), "--format", "json", "--cards"]
    assert main(["backtest", str(DESK), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    (late,) = [row for row in told["subjects"] if (row["measure"], row["subject"]) == ("breaches", "first reply")]
    assert late["cards"] == {"T-1002": 1, "T-1003": 1}
    assert told["ignored"] == 1 and told["skipped"] == 0


BAD = {
    "no time": ("case 1,asks,yesterday,,A,1", "line 2: `yesterday` is no time"),
    "no case": (",asks,2026-05-04T10:00:00,,A,1", "line 2: no case"),
    "too few cells": ("case 1,asks", "line 2: 2 cells, not 6"),
    "unknown activity": ("case 1,dances,2026-05-04T10:00:00,,A,1", "line 2: the mapping has no activity `dances`"),
    "no number": ("case 1,asks,2026-05-04T10:00:00,,A,much", "line 2: `"),
    "a time out of all bounds": ("case 1,asks,0001-01-01T00:00:00+14:00,,A,1", "line 2: `0001"),
    "a quote inside": ('case 1,"asks" x,2026-05-04T10:00:00,,A,1', "line 2: "),
    "no text": ("case 1,asks,2026-05-04T10:00:00,\udcff,A,1", "line 2: this is no utf-8 text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_named_and_stops_the_backtest(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line, said = BAD[name]
    good = "case 2,asks,2026-05-04T10:00:00,,A,1"
    (here / "log.csv").write_bytes("\n".join([",".join(HEADS), line, good, ""]).encode("utf-8", "surrogateescape"))
    words = ["backtest", str(DESK), "--log", str(here / "log.csv"), "--mapping", str(here / "mapping.toml")]
    assert main(words) == 2
    shown = capsys.readouterr()
    assert said in shown.err and "1 line of the log can't be used" in shown.err
    assert not shown.out
    assert main([*words, "--skip-bad-lines"]) == 0
    shown = capsys.readouterr()
    assert "1 bad line of the log was left out" in shown.out and "cards opened in the period: 1" in shown.out


LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<log><trace><string key="concept:name" value="&b;"/></trace></log>"""

WHOLE = {
    "entities": (LAUGHS, "line 2: a document type is not taken"),
    "an outside entity": (b'<!DOCTYPE log SYSTEM "file:///etc/passwd"><log/>', "a document type is not taken"),
    "cut off": (b'<log><trace><string key="concept:name" value="x"/>', "this is no XML"),
    "other XML": (b"<html><body/></html>", "is no XES"),
    "deep": (b"<log>" + b"<trace>" * 200, "nested too deep"),
    "an endless value": (b'<log><trace><string key="a" value="' + b"x" * 9_000_000, "too long"),
    "no columns": (b"a,b,c\n1,2,3\n", "has no column `case:concept:name`"),
    "nothing": (b"", "the first line must name the columns"),
    "half a gzip": (gzip.compress(b"a,b\n" * 1000)[:30], "can't be unpacked"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_log_that_can_not_be_read_at_all(name: str, here: Path, desk: Program) -> None:
    data, said = WHOLE[name]
    with pytest.raises(PastError) as caught:
        read(here, data, desk)
    assert said in str(caught.value)


def test_what_a_log_says_is_not_obeyed_by_a_terminal(here: Path, desk: Program) -> None:
    rows = [
        ",".join(HEADS),
        "case \x1b[2J,asks,2026-05-04T10:00:00,,A,1",
        "case 2,\x1b]0;x\x07,2026-05-04T10:00:00,,A,1",
        "",
    ]
    log, told = read(here, "\n".join(rows).encode(), desk)
    assert len(told) == 1
    assert log.labels == {1: "case �[2J"}
    assert log.problems.shown == ["line 3: the mapping has no activity `�]0;x�`"]


def test_an_endless_line_is_a_bad_line(here: Path, desk: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST_CELL", 1000)
    good = "\ncase 2,asks,2026-05-04T10:00:00,,A,1\n"
    log, told = read(here, (",".join(HEADS) + "\n" + "x" * 50_000 + good).encode(), desk)
    assert log.problems.count >= 1
    assert len(told) == 1


def test_events_of_a_trace_without_a_name_are_bad_lines(here: Path, desk: Program) -> None:
    data = b'<log><trace><event><string key="concept:name" value="asks"/></event></trace></log>'
    log, told = read(here, data, desk)
    assert told == [] and log.problems.shown == ["line 1: no case"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[card]", "[cart]", "no mapping"),
        ('does = "resolve"', 'does = "vanish"', "`does` is one of"),
        ('stage = "In progress"', 'stage = "Nowhere"', 'no stage "Nowhere"'),
        ('stage = "In progress"', "", "`move` needs a `stage`"),
        ('"Refund amount" =', '"Refund" =', 'has no field "Refund"'),
        ('pipeline = "Customer support"', 'pipeline = "Other"', "`card.pipeline` is one of"),
        ("[columns]", '[form]\nzone = "Mars/Base"\n[columns]', "no time zone `Mars/Base`"),
        ("[columns]", '[form]\nencoding = "utf-99"\n[columns]', "no encoding"),
        ("[columns]", "[columns", "no mapping"),
    ],
)
def test_a_mapping_that_does_not_fit_the_rules(old: str, new: str, said: str, here: Path, desk: Program) -> None:
    assert old in MAPPING
    (here / "mapping.toml").write_text(MAPPING.replace(old, new, 1))
    with pytest.raises(PastError) as caught:
        EventLog(here / "log", here / "mapping.toml", desk)
    assert said in str(caught.value)
