"""Who, what and when: the phrases that many statements share."""

from __future__ import annotations

from typing import Any

from duly_dsl import syntax
from duly_dsl.parsing import tables, values
from duly_dsl.parsing.base import Nodes
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.source import Span
from duly_dsl.units import Unit


class PhraseNodes(Nodes):
    """Actors, actions, conditions, values and durations."""

    def _actor(self, kind: str, span: Span, parts: list[Any]) -> Any:
        name = self._name(parts[0]) if parts else None
        return self._made(syntax.Actor, span, kind=kind, name=name)

    def owner(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("owner", span, parts)

    def manager(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("manager", span, parts)

    def manager_of(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("manager_of", span, parts)

    def lead(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("lead_of_owner", span, parts)

    def lead_of(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("lead", span, parts)

    def team_actor(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("team", span, parts)

    def agent(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("agent", span, parts)

    def least_busy(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("least_busy", span, parts)

    def round_robin(self, span: Span, parts: list[Any]) -> Any:
        return self._actor("round_robin", span, parts)

    def level_of(self, span: Span, parts: list[Any]) -> Any:
        level, name = self._count(parts[0]), self._name(parts[1])
        return self._made(syntax.Actor, span, kind="level_of", name=name, level=level)

    def level_here(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Actor, span, kind="level", level=self._count(parts[0]))

    def metric(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Metric(span=span, name=" ".join(part.text for part in parts))

    def named_clock(self, span: Span, parts: list[Any]) -> Any:
        name = self._name(parts[0])
        return BROKEN if isinstance(name, Broken) else syntax.Metric(span=span, name=name.text, quoted=True)

    def notify(self, span: Span, parts: list[Any]) -> Any:
        actors, more = self._actors(parts)
        return self._made(syntax.Notify, span, actors=actors, **more)

    def by_channel(self, span: Span, parts: list[Any]) -> Any:
        return {"channel": self._name(parts[0])}

    def using(self, span: Span, parts: list[Any]) -> Any:
        name = self._name(parts[0])
        return BROKEN if isinstance(name, Broken) else {"template": name}

    def set(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Set, span, operand=parts[0], value=parts[1])

    def tag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Tag, span, tag=self._text(parts[0]))

    def untag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Tag, span, tag=self._text(parts[0]), remove=True)

    def assign_to(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.AssignTo, span, actor=parts[0])

    def move(self, span: Span, parts: list[Any]) -> Any:
        reason = parts[1] if len(parts) > 1 else None
        return self._made(syntax.Move, span, stage=self._name(parts[0]), reason=reason)

    def because(self, span: Span, parts: list[Any]) -> Any:
        return self._text(parts[0])

    def send(self, span: Span, parts: list[Any]) -> Any:
        outside = parts[-1] if isinstance(parts[-1], syntax.Name) else None
        return self._made(syntax.Send, span, template=self._name(parts[0]), once=True in parts, outside=outside)

    def once(self, span: Span, parts: list[Any]) -> Any:
        return True

    def reply(self, span: Span, parts: list[Any]) -> Any:
        outside = parts[1] if len(parts) > 1 else None
        return self._made(syntax.Reply, span, text=self._text(parts[0]), outside=outside)

    def outside(self, span: Span, parts: list[Any]) -> Any:
        return self._name(parts[0])

    def call(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Call, span, connector=self._name(parts[0]))

    def raise_priority(self, span: Span, parts: list[Any]) -> Any:
        return syntax.ShiftPriority(span=span, raised=True)

    def lower_priority(self, span: Span, parts: list[Any]) -> Any:
        return syntax.ShiftPriority(span=span, raised=False)

    def add_note(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.AddNote, span, text=self._text(parts[0]))

    def excuse(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.ExcuseMiss, span, metric=parts[0], reason=parts[1])

    def start_clock(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.RunClock, span, clock=self.named_clock(self._span(parts[0]), parts), starts=True)

    def stop_clock(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.RunClock, span, clock=self.named_clock(self._span(parts[0]), parts), starts=False)

    def or_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Or(span=span, terms=tuple(parts))

    def and_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.And(span=span, terms=tuple(parts))

    def not_(self, span: Span, parts: list[Any]) -> Any:
        return syntax.Not(span=span, term=parts[0])

    def group(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def contains(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Contains, span, words=self._texts(parts))

    def has_tag(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.HasTag, span, tag=self._text(parts[0]))

    def card_age(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.CardAge, span, op=parts[0].text, amount=parts[1])

    def is_value(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Is, span, operand=parts[0], values=tuple(parts[1:]))

    def is_one_of(self, span: Span, parts: list[Any]) -> Any:
        return self.is_value(span, parts)

    def is_not(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Is, span, operand=parts[0], values=tuple(parts[1:]), negated=True)

    def is_empty(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.IsEmpty, span, operand=parts[0])

    def is_filled(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.IsEmpty, span, operand=parts[0], negated=True)

    def compare(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Compare, span, operand=parts[0], op=parts[1].text, value=parts[2])

    def _event(self, kind: str, span: Span, parts: list[Any]) -> Any:
        stage = self._name(parts[0]) if parts else None
        return self._made(syntax.EventIs, span, kind=kind, stage=stage)

    def card_created(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is created", span, parts)

    def card_enters(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card enters", span, parts)

    def card_leaves(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card leaves", span, parts)

    def card_reopened(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is reopened", span, parts)

    def card_assigned(self, span: Span, parts: list[Any]) -> Any:
        return self._event("card is assigned", span, parts)

    def customer_replies(self, span: Span, parts: list[Any]) -> Any:
        return self._event("customer replies", span, parts)

    def agent_replies(self, span: Span, parts: list[Any]) -> Any:
        return self._event("agent replies", span, parts)

    def changes(self, span: Span, parts: list[Any]) -> Any:
        return syntax.EventIs(span=span, kind="changes", operand=parts[0])

    def too_many_cards(self, span: Span, parts: list[Any]) -> Any:
        return self._event("too many cards", span, parts)

    def missed(self, span: Span, parts: list[Any]) -> Any:
        asked = parts[0]
        if isinstance(asked, syntax.Operand) and not asked.name.quoted:
            return syntax.Is(span=span, operand=asked, values=(self._state(span, "missed"),))
        if isinstance(asked, syntax.Operand):
            asked = syntax.Metric(span=asked.span, name=asked.name.text, quoted=True)
        event = syntax.EventIs(span=span, kind="missed", metric=asked)
        if asked.quoted:
            self.misses.append(event)
        return event

    def every_time(self, span: Span, parts: list[Any]) -> Any:
        minutes = self._checked(values.read_time(parts[1].text, self._span(parts[1])))
        days = None if parts[0] == "working" else tuple(sorted(parts[0]))
        schedule = self._made(syntax.Schedule, span, days=days, minutes=minutes)
        return self._made(syntax.EventIs, span, kind="every", schedule=schedule)

    def any_day(self, span: Span, parts: list[Any]) -> Any:
        return tuple(range(7))

    def open_day(self, span: Span, parts: list[Any]) -> Any:
        return "working"

    def every_interval(self, span: Span, parts: list[Any]) -> Any:
        schedule = self._made(syntax.Schedule, span, interval=parts[0])
        return self._made(syntax.EventIs, span, kind="every", schedule=schedule)

    def operand(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Operand, span, name=self._name(parts[0]))

    def value(self, span: Span, parts: list[Any]) -> Any:
        part = parts[0]
        if isinstance(part, syntax.Amount):
            return syntax.Value(span=span, kind="duration", value=part.value)
        return self._checked(tables.literal(part, self.path))

    def clock_duration(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_clock(parts[0].text, len(parts) > 1, span))
        return self._made(syntax.Amount, span, value=value)

    def elapsed(self, span: Span, parts: list[Any]) -> Any:
        return True

    def working_days(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_days(parts[0].text, Unit.WORKING_DAYS, span))
        return self._made(syntax.Amount, span, value=value)

    def calendar_days(self, span: Span, parts: list[Any]) -> Any:
        value = self._checked(values.read_days(parts[0].text, Unit.CALENDAR_DAYS, span))
        return self._made(syntax.Amount, span, value=value)

    def unclear_days(self, span: Span, parts: list[Any]) -> Any:
        count = self._count(parts[0])
        if not isinstance(count, Broken):
            self.problems.append(values.unclear(count, f"{count} {'day' if count == 1 else 'days'}", span))
        return BROKEN

    def spelled_duration(self, span: Span, parts: list[Any]) -> Any:
        return self._checked(values.read_spelled(parts[0].text, parts[1], len(parts) > 2, span))

    def unit(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text
