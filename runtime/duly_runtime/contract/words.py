"""Amounts, conditions, people and actions as a customer reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duly_dsl import i18n
from duly_dsl import program as p
from duly_dsl.i18n import marked as _
from duly_dsl.meaning.side import Side, word
from duly_dsl.units import HOUR, MINUTE, SECOND, Duration, Unit

METRICS = {
    "first reply": _("first reply"),
    "next reply": _("next reply"),
    "leave stage": _("time in a step"),
    "resolved": _("solution"),
}
OPERANDS = {
    "priority": _("priority"),
    "type": _("kind of request"),
    "owner": _("person in charge"),
    "team": _("team"),
    "stage": _("step"),
    "channel": _("channel"),
    "connector": _("entrance"),
}
VALUES = {
    "urgent": _("urgent"),
    "high": _("high"),
    "normal": _("normal"),
    "low": _("low"),
    "email": _("e-mail"),
    "whatsapp": "WhatsApp",
    "app": _("Duly"),
}
"""Words of the language; those of the files' authors stay as they are."""
EVENTS = {
    "card is created": _("a request comes in"),
    "card enters": _("the request comes to a step"),
    "card leaves": _("the request leaves a step"),
    "card is reopened": _("the request is opened again"),
    "card is assigned": _("somebody takes the request"),
    "customer replies": _("you write to us"),
    "agent replies": _("we reply"),
    "changes": _("something about the request changes"),
    "missed": _("a promise is not kept"),
}


class Words:
    def __init__(self, program: p.Program, language: str) -> None:
        catalogue = i18n.translations("duly_runtime", language)
        self._say, self._count = catalogue.gettext, catalogue.ngettext
        self._program = program
        self._side = Side(program)

    def say(self, text: str, /, **details: object) -> str:
        return self._say(text).format(**details)

    # --- small words

    def both(self, parts: Sequence[str]) -> str:
        return self._joined(parts, _("{all} and {last}"))

    def either(self, parts: Sequence[str]) -> str:
        return self._joined(parts, _("{all} or {last}"))

    def _joined(self, parts: Sequence[str], text: str) -> str:
        found = list(dict.fromkeys(parts))
        if len(found) < 2:
            return "".join(found)
        return self.say(text, all=", ".join(found[:-1]), last=found[-1])

    def metric(self, name: str) -> str:
        return self._say(METRICS[name]) if name in METRICS else self.say(_("“{name}”"), name=name)

    def operand(self, name: str) -> str:
        return self._say(OPERANDS[name]) if name in OPERANDS else name.removeprefix("field:")

    def value(self, value: str | float | bool) -> str:
        if isinstance(value, bool):
            return self.say(_("yes")) if value else self.say(_("no"))
        text = value if isinstance(value, str) else word(value)
        return self._say(VALUES[text]) if text in VALUES else text

    def amount(self, amount: Duration) -> str:
        """`1 hour and 30 minutes`, `2 working days`."""
        match amount.unit:
            case Unit.WORKING_DAYS:
                return self._n("{n} working day", "{n} working days", amount.amount)
            case Unit.CALENDAR_DAYS:
                return self._n("{n} calendar day", "{n} calendar days", amount.amount)
            case _unit:
                text = self._hours(amount.amount)
                return self.say(_("{amount}, day and night"), amount=text) if amount.unit is Unit.ELAPSED else text

    def _hours(self, microseconds: int) -> str:
        hours, rest = divmod(microseconds, HOUR)
        minutes, rest = divmod(rest, MINUTE)
        seconds = rest // SECOND
        parts = [self._n("{n} hour", "{n} hours", hours)] if hours else []
        if minutes:
            parts.append(self._n("{n} minute", "{n} minutes", minutes))
        if seconds or not parts:
            parts.append(self._n("{n} second", "{n} seconds", seconds))
        return self.both(parts)

    def _n(self, one: str, many: str, count: int) -> str:
        return self._count(one, many, count).format(n=count)

    # --- conditions

    def condition(self, index: int) -> str:
        match self._program.predicates[index]:
            case p.EventAtom() as atom:
                return self._event(atom)
            case p.ContainsAny(words=words):
                return self.say(_("the message says {words}"), words=self.either([f"“{each}”" for each in words]))
            case p.HasTag(tag=tag):
                return self.say(_("it is marked “{tag}”"), tag=tag)
            case p.CardAge(op=op, amount=amount):
                older = op in (">", ">=")
                text = _("it is older than {amount}") if older else _("it is not older than {amount}")
                return self.say(text, amount=self.amount(amount))
            case p.OneOf(operand=operand, values=values):
                said = self.either([self.value(each) for each in values])
                return self.say(_("the {what} is {value}"), what=self.operand(operand), value=said)
            case p.Empty(operand=operand):
                return self.say(_("the {what} is not known"), what=self.operand(operand))
            case p.Compare(operand=operand, op=op, value=value):
                texts = {
                    "<": _("the {what} is below {value}"),
                    "<=": _("the {what} is at most {value}"),
                    ">": _("the {what} is above {value}"),
                    ">=": _("the {what} is at least {value}"),
                }
                return self.say(texts[op], what=self.operand(operand), value=self.value(value))
            case p.Not(term=term):
                return self.say(_("it is not so that {condition}"), condition=self.condition(term))
            case p.AllOf(terms=terms):
                return self.both([self.condition(each) for each in terms])
            case p.AnyOf(terms=terms):
                return self.either([self.condition(each) for each in terms])

    def _event(self, atom: p.EventAtom) -> str:
        if atom.kind == "missed" and atom.metric:
            return self.say(_("the {clock} is late"), clock=self.metric(atom.metric))
        if atom.kind == "card enters" and atom.stage:
            return self.say(_("the request comes to “{stage}”"), stage=atom.stage)
        if atom.kind == "card leaves" and atom.stage:
            return self.say(_("the request leaves “{stage}”"), stage=atom.stage)
        if atom.kind == "changes" and atom.subject:
            return self.say(_("the {what} changes"), what=self.operand(atom.subject))
        return self._say(EVENTS[atom.kind]) if atom.kind in EVENTS else atom.kind

    # --- people and actions

    def actor(self, actor: p.Actor) -> str:
        texts = {
            "owner": _("the person in charge"),
            "lead": _("the team's lead"),
            "manager": _("the manager"),
            "lead_of": _("the lead of {team}"),
            "manager_of": _("the manager of {team}"),
            "team": _("the team {team}"),
            "least_busy": _("a colleague of {team}"),
            "round_robin": _("a colleague of {team}"),
            "level_of": _("level {level} of {team}"),
            "level": _("level {level} of the team"),
        }
        return self.say(texts.get(actor.kind, _("a colleague named for it")), team=actor.name, level=actor.level)

    def actions(self, actions: Iterable[p.AnyAction]) -> str:
        return self.both([text for action in actions if (text := self.action(action))])

    def action(self, action: p.AnyAction) -> str:
        """What an action does, for who reads it from outside."""
        match action:
            case p.Notify(actors=actors, channel=channel):
                who = self.both([self.actor(each) for each in actors])
                if channel:
                    return self.say(_("we tell {who} by {channel}"), who=who, channel=self.value(channel))
                return self.say(_("we tell {who}"), who=who)
            case p.SetField(operand=operand, value=value):
                return self.say(_("the {what} becomes {value}"), what=self.operand(operand), value=self.value(value))
            case p.AssignTo(actor=actor):
                return self.say(_("the request goes to {who}"), who=self.actor(actor))
            case p.Move(stage=stage):
                return self.say(_("the request moves to “{stage}”"), stage=stage)
            case p.Send() | p.Reply():
                return self.say(_("we write to you"))
            case p.Call():
                return self.say(_("another system is told"))
            case p.ShiftPriority(raised=raised):
                return self.say(_("its priority goes up") if raised else _("its priority goes down"))
            case p.Tag(tag=tag, remove=False):
                return self.say(_("it is marked “{tag}”"), tag=tag)
            case p.AddNote() | p.Tag():
                return self.say(_("it is noted"))
            case p.ExcuseMiss(reason=reason):
                return self.say(_("the delay is excused ({reason})"), reason=reason)
            case _:
                return self._side.text(action)
