"""Sentences the screens make of codes: history entries, states, channels, trace. One place, so one catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from duly_dsl.diagnostics import Diagnostic
from duly_dsl.i18n import translations
from duly_runtime.store.api import HistoryRow

Gettext = Callable[[str], str]


def for_scripts(_: Gettext) -> dict[str, str]:
    """Texts the browser modules need; `{x}` is filled in there."""
    return {
        "ok": _("On time"),
        "risk": _("At risk"),
        "late": _("Late"),
        "paused": _("Paused"),
        "moved": _("Card {card} moved to {stage}"),
        "refused": _("Card {card} stays: {reason}"),
        "offline": _("Not live since {time}"),
        "unreachable": _("The server does not answer; nothing was changed"),
        "checking": _("Checking…"),
        "clean": _("No problems"),
        "problems": _("{count} problem(s)"),
        "unchecked": _("The server does not answer: your text is kept here"),
        "saved": _("Draft saved"),
        "unsaved": _("Not saved yet"),
        "conflict": _("Not saved: {message}"),
        "nothing": _("Nothing to publish: the files are those of the live version"),
        "mend": _("Mend the errors first"),
    }


class Words:
    """Turns codes into the reader's words."""

    def __init__(self, gettext: Gettext) -> None:
        self._ = gettext

    def state(self, state: str) -> str:
        _ = self._
        return {
            "ok": _("On time"),
            "risk": _("At risk"),
            "late": _("Late"),
            "paused": _("Paused"),
            "met": _("Met"),
            "missed": _("Missed"),
            "cancelled": _("Cancelled"),
        }.get(state, state)

    def metric(self, metric: str) -> str:
        _ = self._
        return {
            "first reply": _("first reply"),
            "next reply": _("next reply"),
            "leave stage": _("leave stage"),
            "resolved": _("resolved"),
        }.get(metric, metric)

    def channel(self, channel: str) -> str:
        _ = self._
        names = {"whatsapp": "WhatsApp", "email": _("E-mail"), "webhook": "Webhook", "manual": _("By hand"), "app": "Duly"}
        return names.get(channel, channel)

    def role(self, role: str) -> str:
        _ = self._
        return {
            "viewer": _("viewer"),
            "agent": _("agent"),
            "manager": _("manager"),
            "admin": _("administrator"),
        }.get(role, role)

    def delivery(self, state: str) -> str:
        _ = self._
        return {
            "pending": _("waiting to be sent"),
            "leased": _("being sent"),
            "sent": _("sent"),
            "delivered": _("delivered"),
            "read": _("read"),
            "failed": _("not delivered"),
            "unknown": _("may not have arrived"),
            "parked": _("put aside"),
        }.get(state, state)

    def parked(self, what: str) -> str:
        _ = self._
        return {"raw": _("Request"), "event": _("Event"), "delivery": _("Delivery")}.get(what, what)

    def refusal(self, reason: str) -> str:
        """What the engine answers: `code: words`. Codes we know are said in the reader's language."""
        _ = self._
        code, _sep, rest = reason.partition(":")
        rest = rest.strip()
        known = {
            "unknown-stage": _("there is no such stage"),
            "same-stage": _("it is in that stage already"),
            "card-finished": _("the card is finished"),
        }
        return known.get(code, rest or reason)

    def permission(self, permission: str) -> str:
        _ = self._
        return {
            "cards.read": _("see cards"),
            "rules.read": _("read the rules"),
            "cards.work": _("work on cards"),
            "cards.assign": _("give cards to others"),
            "deliveries.read": _("see deliveries"),
            "parked.handle": _("handle what was put aside"),
            "rules.edit": _("edit the rules"),
            "rules.publish": _("publish the rules"),
            "users.manage": _("manage users"),
            "tokens.manage": _("manage API tokens"),
            "audit.read": _("read the audit log"),
        }.get(permission, permission)

    def event(self, kind: str) -> str:
        """The tag of an event's body, for the trace."""
        _ = self._
        return {
            "CustomerMessage": _("The customer wrote"),
            "OpenCard": _("The card was opened by hand"),
            "AgentMessage": _("A person replied"),
            "InternalNote": _("A note was added"),
            "MoveCard": _("A person moved the card"),
            "SetFields": _("Fields were changed"),
            "TagCard": _("Tags were changed"),
            "AssignCard": _("The card was given to someone"),
            "Acknowledge": _("An escalation was acknowledged"),
            "TimerFired": _("A time was reached"),
            "DeliveryStatus": _("News of a delivery"),
            "Recompute": _("New rules measured the card again"),
        }.get(kind, kind)

    def fact(self, kind: str, subject: str) -> str:
        _ = self._
        text = {
            "card is created": _("the card is created"),
            "card enters": _("the card enters {subject}"),
            "card leaves": _("the card leaves {subject}"),
            "card is reopened": _("the card is reopened"),
            "card is assigned": _("the card is assigned"),
            "customer replies": _("the customer replies"),
            "agent replies": _("an agent replies"),
            "changes": _("{subject} changes"),
            "missed": _("{subject} is missed"),
        }.get(kind, f"{kind} {{subject}}" if subject else kind)
        return text.format(subject=self.metric(subject))

    def history(self, row: HistoryRow, instant: Callable[[dt.datetime], str], person: Callable[[str], str]) -> str:
        """One entry of the history as a sentence. Details that are missing leave the shorter sentence."""
        _ = self._
        details = dict(row.details)
        for key in ("owner", "to", "person", "recipient", "previous"):
            if details.get(key):
                details[key] = person(details[key])
        if details.get("metric"):
            details["metric"] = self.metric(details["metric"])
        if details.get("channel"):
            details["channel"] = self.channel(details["channel"])
        for key in ("due_at", "was_due_at"):
            if details.get(key):
                details[key] = _instant(details[key], instant)
        for sentence in self._sentences(row.kind):
            filled = _fill(sentence, details)
            if filled is not None:
                return filled
        rest = ", ".join(f"{key} {value}" for key, value in details.items() if value)
        return f"{row.kind}: {rest}" if rest else row.kind

    def _sentences(self, kind: str) -> tuple[str, ...]:
        """Fullest first; the first whose every `{detail}` is known is said."""
        _ = self._
        match kind:
            case "card.created":
                return (_("The card was opened in {stage}"), _("The card was opened"))
            case "stage.entered":
                return (_("Entered {stage}: {reason}"), _("Entered {stage}"))
            case "stage.left":
                return (_("Left {stage}"),)
            case "owner.changed":
                return (
                    _("Given to {owner}, who takes it over from {previous}"),
                    _("Given to {owner}"),
                    _("Given to the team {team}"),
                    _("Nobody owns the card now"),
                )
            case "field.changed":
                return (
                    _("{field} changed from {old} to {new}"),
                    _("{field} set to {new}"),
                    _("{field} emptied (it was {old})"),
                    _("{field} changed"),
                )
            case "tag.added":
                return (_("Tagged {tag}"),)
            case "tag.removed":
                return (_("Tag {tag} removed"),)
            case "message.in":
                return (_("The customer wrote by {channel}"), _("The customer wrote"))
            case "message.out":
                return (
                    _("The template {template} was sent to the customer"),
                    _("A message was sent to the customer"),
                )
            case "note.added":
                return (_("A note was added"),)
            case "clock.started":
                return (
                    _("The clock {metric} started: {target}, due {due_at}"),
                    _("The clock {metric} started, due {due_at}"),
                    _("The clock {metric} started"),
                )
            case "clock.paused":
                return (_("The clock {metric} was paused"),)
            case "clock.resumed":
                return (_("The clock {metric} runs again, due {due_at}"), _("The clock {metric} runs again"))
            case "clock.met":
                return (_("The clock {metric} was met"),)
            case "clock.missed":
                return (_("The clock {metric} was missed; it was due {due_at}"), _("The clock {metric} was missed"))
            case "clock.cancelled":
                return (_("The clock {metric} was cancelled"),)
            case "clock.retargeted":
                return (
                    _("The clock {metric} has a new target, {target}: due {due_at}"),
                    _("The clock {metric} is now due {due_at}"),
                    _("The clock {metric} has a new target"),
                )
            case "alert.sent":
                return (
                    _("{person} was alerted about {metric}, due {due_at}"),
                    _("{person} was alerted about {metric}"),
                    _("An alert was sent about {metric}"),
                    _("An alert was sent"),
                )
            case "ladder.started":
                return (_("The escalation {ladder} began: {metric} was missed"), _("The escalation {ladder} began"))
            case "ladder.level":
                return (_("The escalation {ladder} reached level {level}"),)
            case "ladder.stopped":
                return (_("The escalation {ladder} stopped"),)
            case "silence.acted":
                return (_("After {amount} of silence: {action}"), _("The customer's silence was acted on"))
            case "rule.fired":
                return (_("The rule {rule} fired"),)
            case "card.finished":
                return (_("The card is finished"),)
            case "card.reopened":
                return (_("The card was opened again"),)
            case "refused":
                return (_("Refused: {reason}"), _("Refused"))
            case "cascade.stopped":
                return (_("Rules kept setting each other off: Duly stopped them"),)
            case _:
                return ()

    def author(self, author: str, person: Callable[[str], str]) -> str:
        _ = self._
        if author == "customer":
            return _("customer")
        return person(author) if author else "Duly"


def _instant(text: str, instant: Callable[[dt.datetime], str]) -> str:
    try:
        return instant(dt.datetime.fromisoformat(text))
    except ValueError:
        return text


class _Known(dict[str, str]):
    """Details for a sentence; one that is missing or empty makes the sentence unusable."""

    def __missing__(self, key: str) -> str:
        raise KeyError(key)


def _fill(sentence: str, details: dict[str, str]) -> str | None:
    try:
        return sentence.format_map(_Known({key: value for key, value in details.items() if value}))
    except KeyError:
        return None


def diagnostic(found: Diagnostic, language: str) -> dict[str, str]:
    """Message and help of a diagnostic in the reader's language."""
    gettext = translations("duly_dsl", language).gettext
    return {
        "message": gettext(found.template) % found.values,
        "help": gettext(found.help) % found.values if found.help else "",
    }
