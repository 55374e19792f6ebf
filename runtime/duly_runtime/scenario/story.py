"""A failed test told as a story: what happened to the card, by the clock on the wall, and why."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from duly_dsl import i18n
from duly_dsl import program as p
from duly_dsl.i18n import marked as _
from duly_dsl.predicates import reads
from duly_dsl.source import Span
from duly_dsl.units import SECOND, clock_text
from duly_runtime.decision import Entry, FactTrace
from duly_runtime.engine import refusal

Traces = Sequence[tuple[dt.datetime, FactTrace]]


WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))

SENTENCES = {
    "card.created": _("the card is opened"),
    "stage.entered": _('the card enters "{stage}"'),
    "owner.changed": _("the card goes to {to} ({to_team})"),
    "field.changed": _("{field} becomes {to}"),
    "tag.added": _('tag "{tag}" is added'),
    "tag.removed": _('tag "{tag}" is removed'),
    "message.in": _("the customer writes"),
    "message.out": _("a message goes to the customer: {what}"),
    "note.added": _("a note is added: {text}"),
    "clock.started": _("{metric} starts, due {due}"),
    "clock.paused": _("{metric} is paused"),
    "clock.resumed": _("{metric} goes on, due {due}"),
    "clock.met": _("{metric} is met"),
    "clock.stopped": _("{metric} stops, after it was missed"),
    "clock.missed": _("{metric} is missed"),
    "clock.excused": _('{metric}: the miss is excused, "{reason}"'),
    "clock.unexcused": _("{metric}: the excuse is withdrawn"),
    "clock.cancelled": _("{metric} is cancelled ({why})"),
    "clock.retargeted": _("{metric} is measured anew: {target}, due {due}"),
    "alert.sent": _("alert about {metric} to {to}"),
    "ladder.started": _('escalation "{ladder}" begins'),
    "ladder.level": _('level {level} of "{ladder}"'),
    "ladder.stopped": _('escalation "{ladder}" stops ({why})'),
    "stage.over": _('"{stage}" holds {cards} cards, more than {limit}'),
    "silence.acted": _("{silence} of silence have passed"),
    "rule.fired": _('rule "{rule}" fires'),
    "card.finished": _("the card is finished"),
    "card.reopened": _("the card is opened again"),
    "participant.added": _("{address} may write on the card"),
    "participant.removed": _("{address} may no longer write on the card"),
    "message.held": _("a message to the customer waits until {due} ({why}): {what}"),
    "message.dropped": _("a message to the customer is not sent ({why}): {what}"),
    "notice.held": _("the notice to {to} waits until {due} ({why})"),
    "cascade.stopped": _("the rules were stopped: too many things led to one another"),
}
"""Entry kind -> sentence. `stage.left` is told by the entering that follows."""

_OWNERS = {
    (True, True): SENTENCES["owner.changed"],
    (True, False): _("the card goes to {to}"),
    (False, True): _("the card goes to the team {to_team}"),
    (False, False): _("nobody has the card any more"),
}
"""Whether there is an owner, and a team."""

_KEPT_LINES = 40
"""Of a long story the last lines: what led to the failure is near its end."""


class Teller:
    """Knows the language, the zone of the test and the texts of the files (`lines`, by path)."""

    def __init__(self, language: str, zone: str, program: p.Program, lines: Mapping[str, Sequence[str]]) -> None:
        self._say = i18n.translations("duly_runtime", language).gettext
        self._language = language
        self._zone = ZoneInfo(zone)
        self._program = program
        self._lines = lines

    def say(self, text: str, /, **details: object) -> str:
        return self._say(text).format_map(_Known(details))

    def moment(self, at: dt.datetime) -> str:
        local = at.astimezone(self._zone)
        seconds = local.strftime(":%S") if local.second else ""
        return f"{self._say(WEEKDAYS[local.weekday()])} {local:%Y-%m-%d %H:%M}{seconds}"

    def line(self, span: Span) -> str:
        """The line a node stands on, without its margin."""
        lines = self._lines.get(span.path, [])
        return lines[span.line - 1].strip() if 0 < span.line <= len(lines) else ""

    def source(self, span: Span) -> str:
        """What is written at a span of one line."""
        lines = self._lines.get(span.path, [])
        if span.line != span.end_line or not 0 < span.line <= len(lines):
            return self.line(span)
        return lines[span.line - 1][span.column - 1 : span.end_column - 1].strip()

    # --- what happened ------------------------------------------------------------------------------------------------

    def timeline(self, entries: Iterable[Entry]) -> tuple[str, ...]:
        told = [f"{self.moment(entry.at)}  {line}" for entry in entries if (line := self._entry(entry))]
        return ("…", *told[-_KEPT_LINES:]) if len(told) > _KEPT_LINES else tuple(told)

    def _entry(self, entry: Entry) -> str:
        details = entry.details
        if entry.kind == "refused":
            return self.say(_("refused: {why}"), why=refusal.sentence(details, self._language))
        sentence = SENTENCES.get(entry.kind)
        if sentence is None:
            return ""
        more: dict[str, str] = {}
        if due := details.get("due_at"):
            more["due"] = self.moment(dt.datetime.fromisoformat(due))
        if until := details.get("until"):
            more["due"] = self.moment(dt.datetime.fromisoformat(until))
        if entry.kind in ("message.out", "message.held", "message.dropped"):
            more["what"] = details.get("template") or details.get("text", "")
        if entry.kind == "owner.changed":
            sentence = _OWNERS[bool(details.get("to")), bool(details.get("to_team"))]
        if entry.kind == "field.changed":
            more["field"] = details["field"].removeprefix("field:")
        line = self.say(sentence, **{**details, **more})
        if entry.kind == "rule.fired" and details.get("shadow"):
            line += self.say(_(" (in shadow, so it does not: {would})"), would=details.get("would", "–"))
        elif details.get("rule") and entry.kind != "rule.fired":
            line += self.say(_(' (by "{rule}")'), rule=details["rule"])
        return line

    # --- why ----------------------------------------------------------------------------------------------------------

    def rules(self, rules: Iterable[p.Rule], traces: Traces) -> tuple[str, ...]:
        """For each rule: when it fired, or the first condition that kept it from firing the last time it was asked."""
        return tuple(self._rule(rule, traces) for rule in rules)

    def _rule(self, rule: p.Rule, traces: Traces) -> str:
        at = f"{rule.span.path}:{rule.span.line}"
        if rule.mode == "off":
            return self.say(_('rule "{rule}" ({at}) is off'), rule=rule.name, at=at)
        asked = [(moment, fact, answer) for moment, fact in traces for answer in fact.rules if answer.rule == rule.id]
        fired = next((each for each in reversed(asked) if each[2].fired), None)
        if fired is not None:
            moment, fact, answer = fired
            text = _('rule "{rule}" ({at}) fired at {moment} ({fact})')
            if answer.shadow:
                text = _('rule "{rule}" ({at}) would have fired at {moment} ({fact}), but is in shadow')
            return self.say(text, rule=rule.name, at=at, moment=self.moment(moment), fact=self._fact(fact))
        if not asked:
            return self.say(
                _('rule "{rule}" ({at}) was never asked: nothing happened that it waits for'), rule=rule.name, at=at
            )
        moment, fact, answer = asked[-1]
        read = reads(self._program.predicates, (rule.terms[answer.failed_term],))
        values = ", ".join(f"{key.removeprefix('field:')} = {_shown(key, fact.values.get(key, ''))}" for key in read)
        text = _('rule "{rule}" ({at}) did not fire at {moment} ({fact}): `{term}` was false')
        if values:
            text = _('rule "{rule}" ({at}) did not fire at {moment} ({fact}): `{term}` was false; {values}')
        return self.say(
            text,
            rule=rule.name,
            at=at,
            moment=self.moment(moment),
            fact=self._fact(fact),
            term=self.source(rule.term_spans[answer.failed_term]) or self.line(rule.span),
            values=values,
        )

    def _fact(self, fact: FactTrace) -> str:
        return f"{fact.kind} {fact.subject.removeprefix('field:')}".rstrip()


def _shown(operand: str, value: str) -> str:
    """A recorded value as a person writes it: `300` for `300.0`, an age in hours and minutes."""
    if operand == "card age":
        return clock_text(int(value.removesuffix("s") or 0) * SECOND)
    return value.removesuffix(".0") if re.fullmatch(r"-?\d+\.0", value) else value or "–"


class _Known(dict[str, object]):
    """Details an entry leaves out because they are empty."""

    def __missing__(self, key: str) -> str:
        return "–"
