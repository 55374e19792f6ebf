"""What a test expects, held against what happened.

What happens at a moment (an alert, a level, a notice, a template, a clock met or missed) must have happened at exactly the
moment of the step. What is so (a value, a stage, a tag, a clock running or due) is looked at when the step is reached. `no
alert` says that none was given at that very moment; `nothing else`, that in the whole test nobody was told of anything that
the test doesn't expect: a level that is expected covers the notices it sends.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

import msgspec

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.actions import actor as graph_actor
from duly_dsl.compiler.conditions import scalar_for
from duly_dsl.i18n import marked as _
from duly_dsl.scope import Scope
from duly_dsl.source import Span
from duly_runtime.card import Card, Clock, ClockState
from duly_runtime.engine import people, values
from duly_runtime.scenario.play import Endless, Happened, Player
from duly_runtime.scenario.reasons import Reasons
from duly_runtime.scenario.story import Teller

AHEAD = dt.timedelta(days=14)
"""How far past the last step is looked for what came too late."""

STATES = {
    "running": _("running"),
    "paused": _("paused"),
    "done": _("done"),
    "cancelled": _("cancelled"),
    "met": _("met"),
    "missed": _("missed"),
}
"""How a clock stands, in words for a person."""

TELLING = ("alert", "notice", "level", "template")
"""What `nothing else` is about."""


class Unmet(msgspec.Struct, frozen=True):
    """An expectation that failed: what was so instead, and why."""

    at: dt.datetime
    instead: str
    why: tuple[str, ...] = ()


class _Awaited(msgspec.Struct, frozen=True):
    """Something expected at a moment; judged when the test is over, so that it can be said when it came instead."""

    span: Span
    at: dt.datetime
    what: str
    """In words, for the failure."""
    fits: Callable[[Happened], bool]
    covers: Callable[[Happened], bool]
    rules: tuple[p.Rule, ...] = ()
    metric: str = ""
    once: bool = False
    ladder: str = ""
    people: bool = False
    """It is about who was told."""


class Judge:
    def __init__(self, player: Player, scope: Scope, teller: Teller, wall: Callable[[s.Moment], dt.datetime]) -> None:
        self._player = player
        self._scope = scope
        self._teller = teller
        self._reasons = Reasons(player, teller)
        self._wall = wall
        self._awaited: list[_Awaited] = []
        self._nothing_else: list[Span] = []
        self._unmet: list[tuple[Span, Unmet]] = []
        self._over = dt.datetime.max.replace(tzinfo=dt.UTC)
        self._clocks: dict[tuple[str, dt.datetime], Clock | None] = {}

    # --- at each step -------------------------------------------------------------------------------------------------

    def state(self, expect: s.Expect, span: Span) -> None:
        card = self._player.card
        if card is None:
            self._unmet.append((span, Unmet(self._player.now, self._teller.say(_("the card could not be opened")))))
            return
        expect = self._scope.expectation(expect)
        metric = expect.metric.name if expect.metric else ""
        match expect.kind:
            case "alert" if expect.actor:
                self._await_alert(expect.actor, metric, card, span)
            case "missed" | "met":
                self._await_clock(expect.kind, metric, card, span)
            case "level" if expect.name:
                self._await_level(expect.name.text, expect.number or 0, span)
            case "notice" if expect.person:
                self._await_notice(expect.person.text, expect.channel.text if expect.channel else "", span)
            case "held" if expect.name:
                self._await_held(expect.name.text, span)
            case "template" if expect.name:
                self._await_template(expect.name.text, expect.once, span)
            case "nothing else":
                self._nothing_else.append(span)
            case _:
                unmet = self._now(expect, metric, card)
                if unmet is not None:
                    self._unmet.append((span, unmet))

    def _now(self, expect: s.Expect, metric: str, card: Card) -> Unmet | None:
        """What is so at this moment."""
        match expect.kind:
            case "paused" | "running":
                return self._standing(ClockState(expect.kind), metric, card)
            case "excused":
                return self._excused(metric, card)
            case "due in" if expect.amount:
                return self._due(metric, card, expect.amount, None)
            case "due at" if expect.moment:
                return self._due(metric, card, None, self._wall(expect.moment))
            case "stage" if expect.name:
                moves = self._rules(lambda action: isinstance(action, p.Move))
                return self._equal("stage", "stage", expect.name.text, card.stage, moves)
            case "set" if expect.operand and expect.value:
                return self._value(expect.operand, expect.value, card)
            case "tag" if expect.text:
                return self._tag(expect.text.value, card)
            case "refused":
                return None if self._player.refused else self._fail(_("it was carried out"))
            case "no alert":
                given = [each for each in self._player.happened if each.kind == "alert" and each.at == self._player.now]
                if not given:
                    return None
                return self._fail(
                    _("this came: {what}"), self._clock_lines(given[0].metric, alerts=True), what=self._told(given[0])
                )
            case _:
                raise ValueError(f"a test can't expect {expect.kind!r}")

    def _standing(self, state: ClockState, metric: str, card: Card) -> Unmet | None:
        clock = _last(card, metric)
        if clock is None:
            return self._fail(_("no clock for {metric} was ever started"), self._clock_lines(metric), metric=metric)
        if clock.state is state:
            return None
        why = self._clock_lines(metric)
        if clock.open:
            paused = clock.state is ClockState.PAUSED
            why = (*self._reasons.refused(), *why, *self._reasons.pausing(self._pipeline, metric, paused=paused))
        return self._fail(_("{metric} is {state}"), why, metric=metric, state=self._teller.say(STATES[clock.state.value]))

    def _excused(self, metric: str, card: Card) -> Unmet | None:
        if any(clock.metric == metric and clock.excuse is not None for clock in card.clocks):
            return None
        rules = self._rules(lambda action: isinstance(action, p.ExcuseMiss) and action.metric == metric)
        why = (*self._clock_lines(metric), *self._why(rules))
        return self._fail(_("no miss of {metric} is excused"), why, metric=metric)

    def _due(self, metric: str, card: Card, amount: s.Amount | None, at: dt.datetime | None) -> Unmet | None:
        clock = next((each for each in card.clocks if each.metric == metric and each.open), None)
        if clock is None:
            return self._fail(_("no clock for {metric} is running"), self._clock_lines(metric), metric=metric)
        if amount is not None:
            calendar = self._player.graph.calendars.of(clock.calendar)
            at = calendar.add(self._player.now, amount.value)
        if clock.due_at == at:
            return None
        if clock.due_at is None:
            return self._fail(_("{metric} is paused"), self._clock_lines(metric), metric=metric)
        wanted = self._teller.moment(at) if at else "–"
        due = self._teller.moment(clock.due_at)
        return self._fail(
            _("{metric} is due {due}, not {wanted}"), self._clock_lines(metric), metric=metric, due=due, wanted=wanted
        )

    def _value(self, name: s.Operand, value: s.Value, card: Card) -> Unmet | None:
        operand = self._scope.operand(name.name)
        if operand is None:
            return self._fail(_("the pipeline has no field {field}"), field=name.name.text)
        wanted = scalar_for(operand, value)
        if operand.key.startswith(values.FIELD):
            real = card.fields.get(operand.key.removeprefix(values.FIELD))
        else:
            real = getattr(card, operand.key)
        setters = self._rules(lambda action: _sets(action, operand.key))
        return self._equal(operand.key, operand.label, wanted, real, setters)

    def _equal(self, operand: str, label: str, wanted: object, real: object, rules: tuple[p.Rule, ...]) -> Unmet | None:
        if wanted == real:
            return None
        shown = values.text_of(real) if isinstance(real, (str, float, bool)) and real != "" else "–"
        why = (*self._reasons.refused(), *self._reasons.changed(operand), *self._why(rules))
        return self._fail(_("{label} is {real}"), why, label=label, real=shown)

    def _tag(self, tag: str, card: Card) -> Unmet | None:
        if tag in card.tags:
            return None
        tags = ", ".join(card.tags) or "–"
        rules = self._rules(lambda action: isinstance(action, p.Tag) and action.tag == tag)
        why = (*self._reasons.refused(), *self._why(rules))
        return self._fail(_("the card's tags are: {tags}"), why, tags=tags)

    # --- what is awaited ----------------------------------------------------------------------------------------------

    def _await_alert(self, actor: s.Actor, metric: str, card: Card, span: Span) -> None:
        who = set(people.recipients(self._player.graph, card, (graph_actor(actor),)))

        def fits(each: Happened) -> bool:
            return each.kind == "alert" and each.metric == metric and each.who in who

        what = self._teller.say(_("alert about {metric} to {who}"), metric=metric, who=", ".join(sorted(who)) or "–")
        self._add(span, what, fits, metric=metric, people=True)

    def _await_clock(self, kind: str, metric: str, card: Card, span: Span) -> None:
        text = _("{metric} is missed") if kind == "missed" else _("{metric} is met")
        what = self._teller.say(text, metric=metric)
        self._add(span, what, lambda each: each.kind == kind and each.metric == metric, metric=metric)

    def _await_level(self, ladder: str, number: int, span: Span) -> None:
        what = self._teller.say(_('level {level} of "{ladder}"'), level=number, ladder=ladder)

        def of_it(each: Happened) -> bool:
            return each.kind in ("level", "notice") and (each.name, each.number) == (ladder, number)

        metrics = next((e.metrics for e in self._pipeline.escalations if e.name == ladder), ())
        metric = metrics[0] if metrics else ""
        self._add(span, what, lambda each: each.kind == "level" and of_it(each), covers=of_it, metric=metric, ladder=ladder)

    def _await_notice(self, person: str, channel: str, span: Span) -> None:
        def fits(each: Happened) -> bool:
            if each.kind not in ("notice", "alert") or each.who != person:
                return False
            return not channel or each.channel == channel

        what = self._teller.say(_("notice to {person}"), person=person)
        rules = self._rules(lambda action: isinstance(action, p.Notify))
        self._add(span, what, fits, rules=rules, people=True)

    def _await_template(self, template: str, once: bool, span: Span) -> None:
        what = self._teller.say(_('template "{template}" to the customer'), template=template)
        rules = self._rules(lambda action: isinstance(action, p.Send) and action.template == template)
        self._add(span, what, lambda each: each.kind == "template" and each.name == template, rules=rules, once=once)

    def _await_held(self, template: str, span: Span) -> None:
        what = self._teller.say(_('template "{template}" is held'), template=template)
        rules = self._rules(lambda action: isinstance(action, p.Send) and action.template == template)
        self._add(span, what, lambda each: each.kind == "held" and each.name == template, rules=rules)

    def _add(
        self,
        span: Span,
        what: str,
        fits: Callable[[Happened], bool],
        *,
        covers: Callable[[Happened], bool] | None = None,
        rules: tuple[p.Rule, ...] = (),
        metric: str = "",
        once: bool = False,
        ladder: str = "",
        people: bool = False,
    ) -> None:
        wish = _Awaited(span, self._player.now, what, fits, covers or fits, rules, metric, once, ladder, people)
        self._awaited.append(wish)

    # --- when the test is over ----------------------------------------------------------------------------------------

    def look_ahead(self, over: dt.datetime) -> None:
        """The test's last moment has come. Where something was awaited in vain, see whether it comes later."""
        self._over = over
        if all(any(each.at == wish.at and wish.fits(each) for each in self._player.happened) for wish in self._awaited):
            return
        try:
            self._player.advance(over + AHEAD, inclusive=True)
        except Endless:
            return

    def verdicts(self) -> list[tuple[Span, Unmet]]:
        """Every expectation that failed, in the order of the file."""
        found = list(self._unmet)
        for wish in self._awaited:
            unmet = self._verdict(wish)
            if unmet is not None:
                found.append((wish.span, unmet))
        for span in self._nothing_else:
            more = [each for each in self._within() if each.kind in TELLING and not self._expected(each)]
            if more:
                told = "; ".join(self._told(each) for each in more)
                found.append((span, Unmet(self._over, self._teller.say(_("this came as well: {what}"), what=told))))
        return sorted(found, key=lambda pair: pair[0])

    def _verdict(self, wish: _Awaited) -> Unmet | None:
        fitting = [each for each in self._player.happened if wish.fits(each)]
        then = [each for each in fitting if each.at == wish.at]
        during = [each for each in fitting if each.at <= self._over]
        if then and not (wish.once and len(during) > 1):
            return None
        if then:
            moments = ", ".join(self._teller.moment(each.at) for each in during)
            instead = self._teller.say(
                _("{what}: {count} times, {moments}"), what=wish.what, count=len(during), moments=moments
            )
        elif fitting:
            nearest = min(fitting, key=lambda each: abs(each.at - wish.at))
            moment = self._teller.moment(nearest.at)
            instead = self._teller.say(_("{what}: not now but {moment}"), what=wish.what, moment=moment)
        else:
            instead = self._teller.say(_("{what}: that never happened"), what=wish.what)
        why = self._clock_lines(wish.metric, alerts=wish.people)
        if wish.ladder:
            why = (*why, *self._reasons.ladder(self._pipeline, wish.ladder, self._over))
        if wish.people and not then:
            why = (*why, *self._reasons.told_then(wish.at, wish.metric))
        why = (*why, *self._teller.rules(wish.rules, self._traces(wish.at)))
        return Unmet(wish.at, instead, why)

    def _within(self) -> Iterable[Happened]:
        return (each for each in self._player.happened if each.at <= self._over)

    def _expected(self, each: Happened) -> bool:
        return any(wish.at == each.at and wish.covers(each) for wish in self._awaited)

    # --- words --------------------------------------------------------------------------------------------------------

    @property
    def _pipeline(self) -> p.Pipeline:
        return self._player.graph.program.pipelines[self._scope.pipeline.name.text]

    def _rules(self, acts: Callable[[p.AnyAction], bool]) -> tuple[p.Rule, ...]:
        """The pipeline's rules that do a certain thing."""
        return tuple(
            rule
            for rule in self._player.graph.program.rules
            if rule.pipeline == self._pipeline.name and any(acts(action) for action in rule.actions)
        )

    def _traces(self, until: dt.datetime):
        return [(at, fact) for at, fact in self._player.traces if at <= until]

    def _why(self, rules: tuple[p.Rule, ...]) -> tuple[str, ...]:
        return self._teller.rules(rules, self._traces(self._player.now))

    def _clock_lines(self, metric: str, *, alerts: bool = False) -> tuple[str, ...]:
        """How the clocks of a metric stand, for the reader to see where the instants come from."""
        card = self._player.card
        if not metric or card is None:
            return ()
        lines: list[str] = []
        for clock in card.clocks:
            if clock.metric != metric:
                continue
            due = self._teller.moment(clock.due_at) if clock.due_at else "–"
            lines.append(
                self._teller.say(
                    _('clock {metric}, cycle {cycle}: {target} from {start} on "{calendar}", due {due}, {state}'),
                    metric=metric,
                    cycle=clock.cycle,
                    target=clock.target,
                    start=self._teller.moment(clock.started_at),
                    calendar=clock.calendar,
                    due=due,
                    state=self._teller.say(STATES[clock.outcome or clock.state.value]),
                )
            )
            if clock is card.clocks[-1] or clock.open:
                lines += self._reasons.target(clock)
                lines += self._reasons.alerts(clock) if alerts else ()
        return tuple(lines) or (self._teller.say(_("no clock for {metric} was ever started"), metric=metric),)

    def _told(self, each: Happened) -> str:
        moment = self._teller.moment(each.at)
        match each.kind:
            case "alert":
                what = self._teller.say(_("alert about {metric} to {who}"), metric=each.metric, who=each.who)
            case "level":
                what = self._teller.say(_('level {level} of "{ladder}"'), level=each.number, ladder=each.name)
            case "template":
                what = self._teller.say(_('template "{template}" to the customer'), template=each.name)
            case _:
                what = self._teller.say(_("notice to {person}"), person=each.who)
        return f"{moment} {what}"

    def _fail(self, text: str, why: tuple[str, ...] = (), **details: object) -> Unmet:
        return Unmet(self._player.now, self._teller.say(text, **details), why)


def _last(card: Card, metric: str) -> Clock | None:
    return next((clock for clock in reversed(card.clocks) if clock.metric == metric), None)


def _sets(action: p.AnyAction, operand: str) -> bool:
    match action:
        case p.SetField(operand=other):
            return other == operand
        case p.ShiftPriority():
            return operand == "priority"
        case p.AssignTo():
            return operand in ("owner", "team")
        case p.Move():
            return operand == "stage"
        case _:
            return False
