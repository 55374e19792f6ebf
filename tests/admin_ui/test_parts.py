"""The parts of the pages that can be told without a browser."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import jinja2
import msgspec
import pytest
from babel.messages.pofile import read_po
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec.structs import replace

from admin_ui.theatre import HASH, PROGRAM, MemoryStore, Theatre, stage
from duly_admin_ui import badges, why
from duly_admin_ui.history import Teller
from duly_admin_ui.page import STATIC, local, templates
from duly_admin_ui.pages.board import Filters, columns
from duly_admin_ui.pages.card import read_field
from duly_admin_ui.pages.live import messages
from duly_admin_ui.pages.parked import readable
from duly_admin_ui.rule_files import proper
from duly_admin_ui.services import Change, Refused
from duly_admin_ui.timeline import timeline
from duly_admin_ui.times import Times, amount, zone_of
from duly_admin_ui.words import REFUSALS, Words
from duly_dsl.i18n import LANGUAGES, translations
from duly_dsl.program import Alert, Field, NamedClock, Tag, Target
from duly_dsl.source import Span
from duly_dsl.units import HOUR, Duration, Unit
from duly_runtime.card import Card, Clock, ClockState, Pause, Visit
from duly_runtime.decision import RuleTrace
from duly_runtime.permissions import PERMISSIONS
from duly_runtime.store.api import HistoryRow, VisitRow
from duly_runtime.time import FakeClock
from support.services import missing

NOON = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
ADMIN_UI = Path(__file__).parents[2] / "admin_ui"
CATALOGUE = ADMIN_UI / "duly_admin_ui" / "locale" / "pt_BR" / "LC_MESSAGES" / "duly_admin_ui.po"


def at(minute: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minute)


# --- amounts and instants


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0m 00s"),
        (59, "0m 59s"),
        (65, "1m 05s"),
        (-65, "1m 05s"),
        (3600, "1h 00m"),
        (5640, "1h 34m"),
        (86_400, "1d 0h"),
        (100_000, "1d 3h"),
    ],
)
def test_amounts(seconds: float, written: str) -> None:
    assert amount(seconds) == written


def test_instants_are_told_in_the_zone_of_the_pipeline_and_the_language_of_the_reader() -> None:
    zone = zone_of(PROGRAM, "Customer support")
    english, portuguese = Times("en", zone, NOON), Times("pt-BR", zone, NOON)
    assert english.short(NOON) == "09:00"
    assert english.short(at(-24 * 60)) == "Mon, Nov 23, 09:00"
    assert portuguese.short(at(-24 * 60)) == "seg., 23 de nov., 09:00"
    assert english.after(at(1), NOON) == "09:01"
    assert english.after(at(24 * 60), NOON) == "Nov 25, 09:00"
    assert 'datetime="2026-11-24T12:00:00+00:00"' in english.tag(NOON)
    assert "Brasilia" in english.exact(NOON)
    assert zone_of(None) is dt.UTC


# --- badges


def clock(**more: object) -> Clock:
    values = {"metric": "first reply", "cycle": 1, "stage": "New", "calendar": "Office", "version": HASH}
    values |= {"target": Duration(Unit.BUSINESS, HOUR), "started_at": NOON, "due_at": at(60)} | more
    return Clock(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "state", "left"),
    [(at(0), "ok", "1h 00m"), (at(48), "risk", "12m 00s"), (at(60), "late", "0m 00s"), (at(75), "late", "15m 00s")],
)
def test_a_running_clock(now: dt.datetime, state: str, left: str) -> None:
    badge = badges.of_clock(clock(), at(48), now)
    assert (badge.state, badge.left, badge.due) == (state, left, at(60))


def test_a_clock_that_stands_or_is_over() -> None:
    still = badges.of_clock(clock(state=ClockState.PAUSED, due_at=None, pauses=(Pause(at(10)),)), None, at(104))
    assert (still.state, still.left, still.since) == ("paused", "1h 34m", at(10))
    assert badges.of_clock(clock(state=ClockState.DONE), None, NOON).state == "met"
    assert badges.of_clock(clock(state=ClockState.DONE, missed_at=at(60)), None, NOON).state == "missed"
    assert badges.of_clock(clock(state=ClockState.CANCELLED), None, NOON).state == "cancelled"


def test_when_a_clock_is_at_risk() -> None:
    bare = PROGRAM.pipelines["Customer support"]
    warned = msgspec.structs.replace(bare, alerts=(Alert(key="80%", metric="first reply", actors=(), percent=80),))
    assert badges.risk_of(clock(), bare) == at(48), "without alerts from 80 % of the time on"
    assert badges.risk_of(clock(), warned) is None, "the alert will tell"
    after = Alert(key="1h after", metric="first reply", actors=(), after=Duration(Unit.BUSINESS, HOUR))
    assert badges.risk_of(clock(), msgspec.structs.replace(bare, alerts=(after,))) == at(48), "it comes too late to tell"
    own = NamedClock(name="first reply", target=Target(metric="first reply", rows=()), alerts=warned.alerts)
    assert badges.risk_of(clock(), msgspec.structs.replace(bare, clocks=(own,))) is None, "a named clock's own alerts"
    assert badges.risk_of(clock(sent=("80%",)), warned) == NOON
    assert badges.risk_of(clock(due_at=None, state=ClockState.PAUSED), bare) is None


# --- board


def test_columns_stand_in_the_order_of_stages_and_cards_by_what_is_due_first() -> None:
    store = MemoryStore(NOON)
    cards = asyncio.run(store.board("Customer support", NOON))
    found = columns(PROGRAM.pipelines["Customer support"], cards, Filters(), NOON)
    assert [(column.stage, [tile.card.number for tile in column.tiles], column.late) for column in found] == [
        ("New", [1, 2], 1),
        ("In progress", [3], 0),
        ("Waiting for customer", [4], 0),
        ("Done", [5], 0),
    ]


def test_a_column_over_its_limit_says_so_whatever_is_filtered() -> None:
    line = PROGRAM.pipelines["Customer support"]
    limited = replace(line, stages=tuple(replace(stage, limit=1) for stage in line.stages))
    cards = asyncio.run(MemoryStore(NOON).board("Customer support", NOON))
    found = columns(limited, cards, Filters(owner="ana"), NOON)
    assert [(column.stage, column.held, column.limit, column.over) for column in found] == [
        ("New", 2, 1, True),
        ("In progress", 1, 1, False),
        ("Waiting for customer", 1, 1, False),
        ("Done", 1, None, False),
    ]
    assert not any(column.over for column in columns(line, cards, Filters(), NOON))


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(owner="ana"), [1, 4]),
        (Filters(owner="-"), [2]),
        (Filters(state="late"), [1]),
        (Filters(state="paused"), [4]),
        (Filters(query="silva refund"), [1]),
        (Filters(query="#3"), [3]),
        (Filters(query="BILLING", owner="bruno"), []),
    ],
)
def test_filters(filters: Filters, numbers: list[int]) -> None:
    cards = asyncio.run(MemoryStore(NOON).board("Customer support", NOON))
    found = columns(PROGRAM.pipelines["Customer support"], cards, filters, NOON)
    assert [tile.card.number for column in found for tile in column.tiles] == numbers


def test_a_card_of_a_stage_that_is_gone_is_still_shown() -> None:
    store = MemoryStore(NOON)
    store.known = {1: Card(id=1, number=1, pipeline="p", stage="Old", created_at=NOON, visits=(Visit(
        number=1, stage="Old", entered_at=NOON),))}  # fmt: skip
    found = columns(PROGRAM.pipelines["Customer support"], asyncio.run(store.board("p", NOON)), Filters(), NOON)
    assert [column.stage for column in found][-1] == "Old"


# --- timeline


def test_the_timeline_measures_stages_and_pauses() -> None:
    pauses = (Pause(at(50), at(60)), Pause(at(80)))
    card = Card(
        id=1,
        number=1,
        pipeline="p",
        stage="Wait",
        created_at=at(0),
        clocks=(
            clock(due_at=at(40), missed_at=at(40)),
            clock(metric="resolved", stage="", due_at=None, state=ClockState.PAUSED, pauses=pauses),
            clock(metric="next reply", stage="Wait", due_at=at(150)),
        ),
    )  # fmt: skip
    visits = [
        VisitRow(number=1, stage="New", entered_at=at(0), left_at=at(50), owner="", business_seconds=1800.0),
        VisitRow(number=2, stage="Wait", entered_at=at(50), left_at=None, owner="", business_seconds=None),
    ]
    shown = timeline(card, visits, ["New", "Other", "Wait", "Done"], at(100))
    new, wait = shown.lanes
    assert [lane.stage for lane in shown.lanes] == ["New", "Wait"]
    assert (new.wall, new.paused, new.business, new.visits) == (3000, 0, 1800.0, 1)
    assert (wait.wall, wait.paused, wait.business) == (3000, 1800, None)
    # the stretch ends at the last due instant, minute 150
    assert shown.now == pytest.approx(66.667, abs=0.001)
    assert [(segment.x, segment.paused) for segment in wait.segments] == [(33.333, False), (33.333, True), (53.333, True)]
    assert [(mark.kind, mark.x, mark.beyond) for mark in new.marks] == [("missed", 26.667, False)]
    assert [(mark.kind, mark.x, mark.beyond) for mark in wait.marks] == [("due", 100.0, False)]
    assert [tick[1] for tick in shown.ticks] == [at(0), at(37.5), at(75), at(112.5), at(150)]


def test_a_far_due_instant_does_not_squeeze_the_past() -> None:
    card = Card(id=1, number=1, pipeline="p", stage="New", created_at=at(0), clocks=(clock(due_at=at(5000)),))
    visits = [VisitRow(number=1, stage="New", entered_at=at(0), left_at=None, owner="", business_seconds=None)]
    shown = timeline(card, visits, ["New"], at(60))
    assert shown.now == 50
    assert [(mark.x, mark.beyond) for mark in shown.lanes[0].marks] == [(100.0, True)]


# --- why


def test_the_trace_names_the_first_condition_that_was_false() -> None:
    store = MemoryStore(NOON)
    (happening,) = asyncio.run(why.happenings(store, asyncio.run(store.trace(1))))  # type: ignore[arg-type]
    created, changed = happening.facts
    assert created.candidates[0].outcome == "not"
    assert created.candidates[0].failed == why.Line(path="support.duly", line=10, text="tier is gold")
    assert changed.candidates[0].outcome == "fired"
    assert changed.candidates[0].source is not None
    assert changed.candidates[0].source.text == 'rule "VIP goes first"'


def test_a_rule_in_shadow_says_what_it_would_have_done() -> None:
    text = 'rule "VIP goes first" {\n  when card is created and tier is gold\n  then raise priority\n}\n'
    shadow = msgspec.structs.replace(PROGRAM.rules[0], mode="shadow", actions=(Tag(tag="vip"),))
    version = why._Version(msgspec.structs.replace(PROGRAM, rules=(shadow, *PROGRAM.rules[1:])), {"support.duly": text})
    found = why._candidate(RuleTrace(0, True, shadow=True), version)
    assert (found.outcome, found.would) == ("shadow", ('tag "vip"',))
    assert why._candidate(RuleTrace(0, True), version).would == ()


def test_a_span_outside_the_text_is_no_line() -> None:
    assert why.line({"a.duly": "one"}, Span("a.duly", 2, 1, 2, 3)) is None
    assert why.line({}, Span("a.duly", 2, 1, 2, 3)) is None


# --- history

ENTRIES = {
    "card.created": {"title": "Lost"},
    "card.finished": {"stage": "Done"},
    "card.reopened": {"from": "Done", "stage": "New"},
    "stage.entered": {"stage": "New"},
    "stage.left": {"stage": "New", "to": "Done"},
    "owner.changed": {"to": "ana"},
    "field.changed": {"field": "priority", "from": "low", "to": "high", "rule": "VIP"},
    "tag.added": {"tag": "vip"},
    "tag.removed": {"tag": "vip"},
    "message.dropped": {"template": "Welcome", "why": "hourly", "to": "ana@cliente.example"},
    "participant.added": {"address": "eva@cliente.example"},
    "participant.removed": {"address": "eva@cliente.example"},
    "message.in": {"text": "Hi"},
    "message.out": {"template": "Welcome"},
    "note.added": {"text": "Hm"},
    "delivery.again": {"text": "Hi", "delivery": "7"},
    "delivery.marked": {"text": "Hi", "delivery": "7"},
    "delivery.unmarked": {"text": "Hi", "delivery": "7"},
    "clock.started": {"metric": "first reply", "target": "1h", "due_at": NOON.isoformat()},
    "clock.paused": {"metric": "first reply"},
    "clock.resumed": {"metric": "first reply", "due_at": NOON.isoformat()},
    "clock.met": {"metric": "first reply", "due_at": NOON.isoformat()},
    "clock.missed": {"metric": "first reply", "due_at": NOON.isoformat(), "owner": "ana"},
    "clock.stopped": {"metric": "first reply", "due_at": NOON.isoformat()},
    "clock.cancelled": {"metric": "first reply", "why": "resolved"},
    "card.merged": {"number": "3"},
    "card.unmerged": {"number": "3"},
    "card.absorbed": {"number": "3", "title": "Where is it?"},
    "card.released": {"number": "3"},
    "card.split": {"number": "8", "messages": "2"},
    "card.split_off": {"number": "3"},
    "clock.retargeted": {"metric": "first reply", "target": "30m", "due_at": NOON.isoformat()},
    "alert.sent": {"metric": "first reply", "percent": "80", "to": "ana", "due_at": NOON.isoformat()},
    "ladder.started": {"ladder": "Late", "metric": "first reply"},
    "ladder.level": {"ladder": "Late", "level": "2"},
    "stage.over": {"stage": "New", "cards": "9", "limit": "8", "to": "ana"},
    "clock.excused": {"metric": "first reply", "reason": "Carrier strike"},
    "clock.unexcused": {"metric": "first reply", "reason": "Carrier strike"},
    "ladder.stopped": {"ladder": "Late", "why": "acknowledged"},
    "silence.acted": {"silence": "2 calendar days"},
    "rule.fired": {"rule": "VIP"},
    "refused": {"code": "already-there", "stage": "New"},
    "cascade.stopped": {"why": "depth", "limit": "8"},
}


def teller(language: str) -> Teller:
    gettext = translations("duly_admin_ui", language).gettext
    return Teller(gettext, language, lambda instant: f"{instant:%H:%M}", lambda name: name.title())


def entry(kind: str, details: dict[str, str]) -> HistoryRow:
    return HistoryRow(id=1, event_id=1, kind=kind, at=NOON, author="", details=details)


@pytest.mark.parametrize("kind", ENTRIES)
def test_every_entry_is_a_sentence_in_both_languages(kind: str) -> None:
    said = [teller(language).tell(entry(kind, ENTRIES[kind])) for language in LANGUAGES]
    assert said[0] != said[1]
    for sentence in said:
        assert kind not in sentence
        assert "{" not in sentence


def test_sentences() -> None:
    english = teller("en")
    assert (
        english.tell(entry("clock.missed", ENTRIES["clock.missed"])) == "The clock first reply was missed; it was due 12:00"
    )
    assert english.tell(entry("alert.sent", ENTRIES["alert.sent"])) == "Alert at 80% of first reply, due 12:00: told Ana"
    late = {"metric": "Vendor answer", "after": "2h", "to": "ana", "due_at": NOON.isoformat()}
    assert english.tell(entry("alert.sent", late)) == "Alert 2h after Vendor answer was missed, due 12:00: told Ana"
    named = {"metric": "Vendor answer", "due_at": NOON.isoformat()}
    assert teller("pt-BR").tell(entry("clock.met", named)) == "O relógio Vendor answer foi cumprido; vencia 12:00"
    assert english.tell(entry("field.changed", ENTRIES["field.changed"])) == "Priority changed from low to high (rule VIP)"
    assert english.tell(entry("owner.changed", {"from": "ana"})) == "Nobody owns the card now"
    assert english.tell(entry("rule.fired", {"rule": "VIP", "shadow": "yes"})) == "The rule VIP would have fired (shadow)"
    shadow = entry("rule.fired", {"rule": "VIP", "shadow": "yes", "would": "raise priority"})
    assert english.tell(shadow) == "The rule VIP would have fired (shadow): raise priority"
    assert english.tell(entry("of.tomorrow", {"x": "1"})) == "of.tomorrow: x 1"
    target = entry("clock.started", {"metric": "resolved", "target": "3 working days"})
    assert teller("pt-BR").tell(target) == "O relógio resolvido começou: 3 dias úteis"
    assert english.quote(entry("note.added", {"text": "Hm"})) == "Hm"


# --- words and templates


def test_the_catalogue_is_complete() -> None:
    with CATALOGUE.open("rb") as file:
        messages = [message for message in read_po(file, locale="pt_BR") if message.id]
    empty = [m.id for m in messages if not (all(m.string) if isinstance(m.string, tuple) else m.string)]
    assert empty == []
    spoken = translations("duly_admin_ui", "pt-BR")
    assert [text for text in REFUSALS if spoken.gettext(text) == text] == []
    words = Words(spoken.gettext)
    assert [name for name in PERMISSIONS if words.permission(name) == name] == []


def test_every_template_compiles_in_every_language() -> None:
    for language in LANGUAGES:
        environment = templates(language)
        names = environment.list_templates(extensions=["html"])
        assert len(names) > 20
        for name in names:
            environment.get_template(name)


def test_templates_have_no_inline_script_or_style() -> None:
    environment = templates("en")
    for name in environment.list_templates(extensions=["html"]):
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        assert " style=" not in source, name
        assert "<style" not in source, name
        assert " on" + "click" not in source, name
        assert source.count("<script") == source.count('type="module"') + source.count('type="application/json"'), name
        assert "|safe" not in source.replace("{{ texts|safe }}", "").replace("{{ state|safe }}", ""), name


def test_forms_carry_the_csrf_token() -> None:
    environment = templates("en")
    assert isinstance(environment, jinja2.Environment)
    for name in environment.list_templates(extensions=["html"]):
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        assert source.count('method="post"') == source.count("{{ csrf_field(csrf) }}"), name


# --- access


PUBLIC = {"/login", "/setup", "/logout", "/preferences", "/static/{file_path:path}"}
SIGNED_IN = {"/help", "/notices", "/changes"}


def test_every_route_says_who_may_use_it() -> None:
    app: Litestar = stage(Theatre(FakeClock(NOON)))
    open_to_all, needed = set(), {}
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if handler.http_methods == {"OPTIONS"}:
                continue
            guards = handler.guards or ()
            names = [getattr(guard, "permission", getattr(guard, "__name__", "")) for guard in guards]
            if not names:
                open_to_all.add(route.path)
            needed[(route.path, *sorted(handler.http_methods - {"HEAD", "OPTIONS"}))] = names
    assert open_to_all == PUBLIC
    assert {key[0] for key, names in needed.items() if names == ["signed_in"]} == SIGNED_IN
    permissions = {name for names in needed.values() for name in names} - {"signed_in"}
    assert permissions <= set(PERMISSIONS)
    assert needed[("/rules/publish", "POST")] == ["rules.publish"]
    assert needed[("/cards/{number:int}/reply", "POST")] == ["cards.work"]
    for path in ("/cards/{number:int}/files/{key:str}", "/cards/{number:int}/files/{key:str}/view"):
        assert needed[(path, "GET")] == ["cards.read"]
    assert needed[("/cards/{number:int}/messages/{message:int}/original", "GET")] == ["cards.read"]
    for path, method in (
        ("/parked", "GET"), ("/parked/replay", "POST"), ("/parked/{what:str}/{item:int}/replay", "POST"),
        ("/parked/{what:str}/{item:int}/discard", "POST"), ("/parked/{what:str}/{item:int}/restore", "POST"),
        ("/deliveries/{number:int}/replay", "POST"), ("/deliveries/{number:int}/cancel", "POST"),
        ("/requests/{number:int}", "GET"),
    ):  # fmt: skip
        assert needed[(path, method)] == ["parked.handle"]
    for path in ("/deliveries", "/deliveries/{number:int}", "/requests"):
        assert needed[(path, "GET")] == ["deliveries.read"]
    assert needed[("/cards/{number:int}/participants", "POST")] == ["cards.work"]
    assert needed[("/quarantine", "GET")] == ["quarantine.review"]
    for action in ("admit", "discard", "restore"):
        assert needed[("/quarantine/{event:int}/" + action, "POST")] == ["quarantine.review"]


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/rules?file=a", "/rules?file=a"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_only_our_own_addresses_are_gone_to(target: str, kept: str) -> None:
    assert local(target) == kept


# --- small things


def test_bodies_are_made_readable_and_lose_nothing() -> None:
    assert readable(b'{"a":"\xc3\xa9"}') == '{\n  "a": "é"\n}'
    assert readable(b"plain") == "plain"
    assert readable(b"\xff\xfe") == "\\xff\\xfe"


def test_file_names() -> None:
    good = {"a.duly": "", "teams/front desk.duly": "", "support.tests.duly": ""}
    assert proper(good) == good
    for bad in ("../a.duly", "/a.duly", "a.txt", "", ".duly", "a/../b.duly", "a//b.duly"):
        with pytest.raises(Refused):
            proper({bad: ""})


def test_fields_are_read_as_their_type() -> None:
    assert read_field(Field(name="n", type="number"), "12,5") == 12.5
    assert read_field(Field(name="n", type="yes/no"), "no") is False
    assert read_field(Field(name="n", type="text"), "") is None
    with pytest.raises(ValueError, match="abc"):
        read_field(Field(name="n", type="number"), "abc")


def test_changes_become_events_and_the_stream_is_closed() -> None:
    closed: list[bool] = []

    async def source() -> AsyncIterator[Change]:
        try:
            yield Change(topic="card", pipeline="Support", card=7)
        finally:
            closed.append(True)

    async def read() -> list[tuple[str | None, object]]:
        return [(message.event, message.data) async for message in messages(source())]

    assert asyncio.run(read()) == [("hello", "{}"), ("change", '{"topic":"card","pipeline":"Support","card":7}')]
    assert closed == [True]


def test_built_files_are_what_the_sources_make(tmp_path: Path) -> None:
    if not (ADMIN_UI / "node_modules" / "esbuild").exists() or shutil.which("node") is None:
        missing("Node's packages are missing: run `npm ci` in admin_ui")
    shutil.copytree(ADMIN_UI / "src", tmp_path / "src")
    for name in ("build.mjs", "package.json"):
        shutil.copy(ADMIN_UI / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(ADMIN_UI / "node_modules")
    (tmp_path / "duly_admin_ui" / "static").mkdir(parents=True)
    subprocess.run(["node", "build.mjs"], cwd=tmp_path, check=True, timeout=120)
    built = {file.name: file.read_bytes() for file in (tmp_path / "duly_admin_ui" / "static").iterdir()}
    assert built == {file.name: file.read_bytes() for file in STATIC.iterdir()}
