"""Running one `test` block.

Moments: `at +2d4h` is that much elapsed time after the start, a wall time is in the zone of the test's calendar, a step
without `at` happens at the moment of the step before. A step that does something comes before what falls due at the same
instant; a step that expects something comes after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.conditions import scalar_for
from duly_dsl.i18n import marked as _
from duly_dsl.scope import Operand, Scope, Workspace
from duly_dsl.source import SourceFile, Span
from duly_runtime import events
from duly_runtime.decision import FactTrace
from duly_runtime.engine.step import load
from duly_runtime.scenario.coverage import Coverage, Covered, merged
from duly_runtime.scenario.expect import Judge, Unmet
from duly_runtime.scenario.play import Endless, Player
from duly_runtime.scenario.story import Teller

AGENT = "agent"
"""Who acts in a test on a card that nobody owns."""


class Failure(msgspec.Struct, frozen=True):
    """`expected` is the line of the test; `instead` says in a sentence what was so; `happened` is the card's story up to
    there, `why` the rules and clocks concerned."""

    span: Span
    expected: str
    moment: str
    instead: str
    happened: tuple[str, ...]
    why: tuple[str, ...]


class Result(msgspec.Struct, frozen=True):
    name: str
    span: Span
    failures: tuple[Failure, ...] = ()
    expectations: int = 0
    seconds: float = 0.0
    """How long it took to run, where that was measured."""

    @property
    def passed(self) -> bool:
        return not self.failures


class Runner:
    """Runs tests of one workspace that compiled without errors (`files` are its parsed files). What the tests share is made
    once: a workspace may hold thousands. With `coverage`, what they reach is counted; `covered` tells it."""

    def __init__(
        self,
        program: p.Program,
        files: Sequence[s.File],
        sources: Iterable[SourceFile],
        language: str = "en",
        *,
        coverage: bool = False,
    ) -> None:
        self.program = program
        self.language = language
        self._coverage = Coverage(program) if coverage else None
        self.graph = self._coverage or load(program)
        self._workspace = Workspace(files)
        self._lines = {source.path: source.text.splitlines() for source in sources}
        self._tellers: dict[str, Teller] = {}
        self._scope_of_stage: dict[str, Scope] = {}
        for scope in self._workspace.scopes.values():
            for stage in scope.stages:
                self._scope_of_stage.setdefault(stage, scope)

    def run(self, test: s.Test) -> Result:
        return _Run(self, test).result()

    def played(self, traces: Iterable[FactTrace]) -> None:
        """A test has come to its last step: what follows is only looked at to explain failures."""
        if self._coverage is not None:
            self._coverage.judged(traces)
            self._coverage.counting = False

    def begins(self) -> None:
        if self._coverage is not None:
            self._coverage.counting = True

    def forget(self) -> None:
        """Count what is covered anew."""
        if self._coverage is not None:
            self._coverage.counts = [0] * len(self._coverage.points)

    def covered(self) -> tuple[Covered, ...]:
        """Every point and how often it was reached so far, in the order of the files; empty without `coverage`."""
        if self._coverage is None:
            return ()
        found = zip(self._coverage.points, self._coverage.counts, strict=True)
        return merged([Covered(point, count) for point, count in found])

    def teller(self, zone: str) -> Teller:
        if zone not in self._tellers:
            self._tellers[zone] = Teller(self.language, zone, self.program, self._lines)
        return self._tellers[zone]

    def scope(self, given: s.Given) -> Scope:
        """The pipeline of a test's card: the one named, or the first with its stage."""
        if given.pipeline is not None:
            return self._workspace.scopes[given.pipeline.text]
        return self._scope_of_stage[given.stage.text]


def run(
    program: p.Program, files: Sequence[s.File], test: s.Test, sources: Iterable[SourceFile], language: str = "en"
) -> Result:
    """Play one test of a workspace that compiled without errors."""
    return Runner(program, files, sources, language).run(test)


class _Run:
    def __init__(self, runner: Runner, test: s.Test) -> None:
        if test.starts is None or test.zone_of is None or test.given is None:
            raise ValueError(f"the test {test.name.text!r} says no start or no card: the checker refuses it")
        self._runner = runner
        self._test = test
        self._given = test.given
        zone = runner.program.calendars[test.zone_of.text].zone
        self._zone = ZoneInfo(zone)
        self._start = self._wall(test.starts)
        self._scope = runner.scope(self._given)
        self._teller = runner.teller(zone)
        self._player = Player(runner.graph, self._start)
        self._judge = Judge(self._player, self._scope, self._teller, self._wall)
        self._failures: list[Failure] = []

    def result(self) -> Result:
        expectations = 0
        self._runner.begins()
        try:
            self._open()
            for step in self._test.steps:
                moment = self._player.now if step.at is None else self._moment(step.at)
                if moment < self._player.now:
                    instead = self._teller.say(_("the step before it is later"))
                    self._fail(step.span, Unmet(self._player.now, instead))
                    break
                if isinstance(step.what, s.Expect):
                    expectations += 1
                    self._player.advance(moment, inclusive=True)
                    self._judge.state(step.what, step.span)
                else:
                    self._player.advance(moment, inclusive=False)
                    self._do(step.what)
            last = self._player.now
            self._played()
            # Whatever was awaited in vain: the story tells when it comes after all.
            self._judge.look_ahead(last)
        except Endless:
            instead = self._teller.say(_("the card never comes to rest: something happens again and again"))
            self._fail(self._test.name.span, Unmet(self._player.now, instead))
            self._played()
        for span, unmet in self._judge.verdicts():
            self._fail(span, unmet)
        return Result(self._test.name.text, self._test.span, tuple(self._failures), expectations)

    def _played(self) -> None:
        self._runner.played(trace for _, trace in self._player.traces)

    # --- moments ------------------------------------------------------------------------------------------------------

    def _moment(self, moment: s.Moment) -> dt.datetime:
        if moment.offset is not None:
            return self._start + dt.timedelta(microseconds=moment.offset)
        return self._wall(moment)

    def _wall(self, moment: s.Moment) -> dt.datetime:
        if moment.date is None:
            raise ValueError("a wall time has a date")
        wall = dt.datetime.combine(moment.date, dt.time(), self._zone) + dt.timedelta(minutes=moment.minutes)
        return wall.astimezone(dt.UTC)

    # --- what the test does -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        given = self._given
        for others in self._test.others:
            self._player.others[self._scope.pipeline.name.text, others.stage.text] = others.count
        values: dict[str, events.Scalar] = {}
        loose: dict[str, str] = {}
        for name, value in given.values:
            operand = self._scope.operand(name.name)
            if operand is None or operand.key in ("owner", "team", "channel", "connector"):
                loose[operand.key if operand else name.name.text] = str(value.value)
            else:
                values[operand.key] = scalar_for(operand, value)
        pipeline, stage = self._scope.pipeline.name.text, given.stage.text
        channel, text = loose.get("channel", ""), loose.get("message")
        starts = self._scope.stages[stage].start
        connector = loose.get("connector", "")
        if text is not None and starts:
            body = events.CustomerMessage(text=text, channel=channel, connector=connector, pipeline=pipeline, fields=values)
        else:
            body = events.OpenCard(
                pipeline=pipeline,
                stage=stage,
                channel=channel or "manual",
                connector=connector,
                fields=values,
                text=text or "",
            )
        self._do_now(body)
        if "owner" in loose or "team" in loose:
            self._do_now(events.AssignCard(owner=loose.get("owner", ""), team=loose.get("team", "")))
        if self._player.refused:
            self._fail(given.span, Unmet(self._player.now, self._player.refused))

    def _do(self, what: s.Happens) -> None:
        card = self._player.card
        if card is None:
            return
        author = card.owner or AGENT
        text = what.text.value if what.text else "…"
        match what.kind:
            case "customer replies":
                message = events.CustomerMessage(text=text, channel=card.channel, pipeline=card.pipeline)
                self._do_now(message)
            case "agent replies":
                self._do_now(events.AgentMessage(text=text, author=author))
            case "agent moves card" if what.stage:
                self._do_now(events.MoveCard(stage=what.stage.text, author=author))
            case "set" if what.operand and what.value:
                self._set(what.operand, what.value, author)
            case "agent acknowledges":
                running = {ladder.name for ladder in card.ladders if ladder.stopped_at is None}
                for ladder in sorted(running) or [""]:
                    self._do_now(events.Acknowledge(ladder=ladder, author=author))
            case "excuse" if what.metric and what.text:
                body = events.ExcuseMiss(metric=what.metric.name, reason=what.text.value, author=author, role=what.role)
                self._do_now(body)
            case "withdraw excuse" if what.metric:
                self._do_now(events.WithdrawExcuse(metric=what.metric.name, author=author, role=what.role))
            case "assign" if what.person:
                self._do_now(events.AssignCard(owner=what.person.text, author=author))
            case "note":
                self._do_now(events.InternalNote(text=text, author=author))
            case _:
                raise ValueError(f"a test can't do {what.kind!r}")

    def _set(self, name: s.Operand, value: s.Value, author: str) -> None:
        operand = self._scope.operand(name.name) or Operand(name.name.text, "text")
        match operand.key:
            case "owner":
                self._do_now(events.AssignCard(owner=str(value.value), author=author))
            case "team":
                self._do_now(events.AssignCard(team=str(value.value), author=author))
            case "stage":
                self._do_now(events.MoveCard(stage=str(value.value), author=author))
            case key:
                self._do_now(events.SetFields(values={key: scalar_for(operand, value)}, author=author))

    def _do_now(self, body: events.AnyBody) -> None:
        self._player.do(body)

    # --- failures -----------------------------------------------------------------------------------------------------

    def _fail(self, span: Span, unmet: Unmet) -> None:
        told = [entry for entry in self._player.entries if entry.at <= unmet.at]
        self._failures.append(
            Failure(
                span=span,
                expected=self._teller.line(span),
                moment=self._teller.moment(unmet.at),
                instead=unmet.instead,
                happened=self._teller.timeline(told),
                why=unmet.why,
            )
        )
