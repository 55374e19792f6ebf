"""The entries of a card's history as sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from duly_admin_ui.words import Words
from duly_runtime.engine.refusal import SENTENCES, sentence
from duly_runtime.store.api import HistoryRow

PEOPLE = ("owner", "to", "from")
INSTANTS = ("due_at", "occasion", "until", "was_due_at", "withdrawn")


class Teller:
    """Tells entries to one reader. `instant` and `person` write an instant and a user name."""

    def __init__(
        self,
        gettext: Callable[[str], str],
        language: str,
        instant: Callable[[dt.datetime], str],
        person: Callable[[str], str],
    ) -> None:
        self._ = gettext
        self._language = language
        self._instant = instant
        self._person = person
        self._words = Words(gettext)

    def tell(self, row: HistoryRow) -> str:
        """The fullest sentence for which every `{detail}` is known; an entry of a kind we don't know is spelt out."""
        if row.kind == "refused" and row.details.get("code") in SENTENCES:
            return self._("Refused: {why}").format(why=sentence(row.details, self._language))
        details = self._readable(row)
        for candidate in self._sentences(row.kind, details):
            filled = _fill(candidate, details)
            if filled is not None:
                return filled + self._because(row.kind, details)
        rest = ", ".join(f"{key} {value}" for key, value in details.items())
        return f"{row.kind}: {rest}" if rest else row.kind

    def quote(self, row: HistoryRow) -> str:
        """What was said or noted, to stand below the sentence."""
        return row.details.get("text", "")

    def _readable(self, row: HistoryRow) -> dict[str, str]:
        details = {key: value for key, value in row.details.items() if value}
        if row.kind in ("owner.changed", "alert.sent", "notice.held", "clock.missed", "stage.over"):
            for key in PEOPLE:
                if key in details:
                    details[key] = ", ".join(self._person(name) for name in details[key].split(", "))
        for key in INSTANTS:
            if key in details:
                details[key] = self._instant(dt.datetime.fromisoformat(details[key]))
        if "metric" in details:
            details["metric"] = self._words.metric(details["metric"])
        for key in ("target", "silence", "before", "after"):
            if key in details:
                details[key] = self._words.target(details[key])
        if "percent" in details:
            details["percent"] += "%"
        if "channel" in details:
            details["channel"] = self._words.channel(details["channel"])
        if "field" in details:
            details["field"] = self._field(details["field"].removeprefix("field:"))
        return details

    def _field(self, name: str) -> str:
        _ = self._
        return {"priority": _("Priority"), "type": _("Type"), "title": _("Title")}.get(name, name)

    def _because(self, kind: str, details: dict[str, str]) -> str:
        """Which rule did it, where the sentence doesn't say so itself."""
        if kind == "rule.fired" or "rule" not in details:
            return ""
        return " " + self._("(rule {rule})").format(rule=details["rule"])

    def _sentences(self, kind: str, details: dict[str, str]) -> tuple[str, ...]:
        _ = self._
        ours = "ours" in details
        match kind:
            case "card.created":
                return (_("The card was opened: {title}"), _("The card was opened"))
            case "card.finished":
                return (_("The card is finished"),)
            case "card.reopened":
                return (_("The card was opened again"),)
            case "card.merged":
                return (_("The card became part of #{number}"),)
            case "card.unmerged":
                return (_("The card is its own again; it was part of #{number}"),)
            case "card.absorbed":
                return (_("#{number} became part of this card: {title}"), _("#{number} became part of this card"))
            case "card.released":
                return (_("#{number} is its own again; what came meanwhile stayed here"),)
            case "card.split":
                return (
                    _("Messages went to a card of their own, #{number} ({messages})"),
                    _("Messages went to another card"),
                )
            case "card.split_off":
                return (_("The card began with messages of #{number}"),)
            case "stage.entered":
                return (_("Entered {stage}: {reason}"), _("Entered {stage}"))
            case "stage.left":
                return (_("Left {stage}"),)
            case "owner.changed":
                return (
                    _("Given to {to}; before it was with {from}"),
                    _("Given to {to}"),
                    _("Given to the team {to_team}"),
                    _("Nobody owns the card now"),
                )
            case "field.changed":
                return (
                    _("{field} changed from {from} to {to}"),
                    _("{field} set to {to}"),
                    _("{field} emptied; it was {from}"),
                )
            case "tag.added":
                return (_("Tagged {tag}"),)
            case "tag.removed":
                return (_("Tag {tag} removed"),)
            case "participant.added":
                return (_("{address} may write on the card"),)
            case "participant.removed":
                return (_("{address} may no longer write on the card"),)
            case "message.in":
                return (_("The customer wrote"),)
            case "message.out":
                return (_("The template {template} was sent to the customer"), _("A message was sent to the customer"))
            case "message.elsewhere":
                return (_("A message was sent to the customer without Duly"),)
            case "delivery.again":
                return (_("A message to the customer is sent again"),)
            case "delivery.marked":
                return (_("A message to the customer was marked as sent"),)
            case "delivery.unmarked":
                return (_("A message to the customer is no longer marked as sent"),)
            case "message.edited":
                return (_("We edited a message") if ours else _("The customer edited a message"),)
            case "message.deleted":
                return (_("We deleted a message") if ours else _("The customer deleted a message"),)
            case "message.reacted":
                return (_("We reacted to a message") if ours else _("The customer reacted to a message"),)
            case "message.unreacted":
                return (_("We took a reaction back") if ours else _("The customer took a reaction back"),)
            case "contact.changed":
                return (
                    _("The customer goes by another name: {to}; before it was {from}"),
                    _("The customer goes by another name: {to}"),
                    _("Something changed about the customer"),
                )
            case "message.held":
                why = self._why(details)
                return (
                    _("The template {template} is held until {until} because of {why}").replace("{why}", why),
                    _("A message to the customer is held until {until} because of {why}").replace("{why}", why),
                )
            case "message.dropped" if details.get("why") == "window":
                return (
                    _("The template {template} is not sent: WhatsApp's 24-hour window is closed, and it has no approval"),
                    _("A message is not sent: WhatsApp's 24-hour window is closed"),
                )
            case "message.dropped" if why := self._why_no_answer(details):
                return (
                    _("The template {template} is not sent to {to}: {why}").replace("{why}", why),
                    _("The template {template} is not sent: {why}").replace("{why}", why),
                    _("A message is not sent to {to}: {why}").replace("{why}", why),
                    _("A message is not sent: {why}").replace("{why}", why),
                )
            case "message.dropped":
                return (
                    _("The template {template}, which was held, is not sent: it has become pointless"),
                    _("A message that was held is not sent: it has become pointless"),
                )
            case "notice.held":
                return (_("A notice to {to} is held until {until} because of {why}").replace("{why}", self._why(details)),)
            case "note.added":
                return (_("A note was added"),)
            case "stage.over":
                return (
                    _("{stage} held {cards} cards, more than {limit}: told {to}"),
                    _("{stage} held {cards} cards, more than {limit}"),
                )
            case "silence.acted":
                return (_("The customer was silent for {silence}"),)
            case "rule.fired":
                if "shadow" in details:
                    return (
                        _("The rule {rule} would have fired (shadow): {would}"),
                        _("The rule {rule} would have fired (shadow)"),
                    )
                return (_("The rule {rule} fired"),)
            case "cascade.stopped":
                return (_("Rules kept setting each other off: Duly stopped them at {limit}"),)
            case _:
                return self._of_clocks(kind, details)

    def _why(self, details: dict[str, str]) -> str:
        _ = self._
        return {"quiet hours": _("quiet hours"), "rate": _("the limit of messages")}.get(details.get("why", ""), "–")

    def _why_no_answer(self, details: dict[str, str]) -> str:
        _ = self._
        return {
            "automatic": _("no person has written, and machines must not answer each other"),
            "nobody": _("this address takes no answers"),
            "own": _("this address is one of ours"),
            "hourly": _("it was answered automatically less than an hour ago"),
        }.get(details.get("why", ""), "")

    def _of_clocks(self, kind: str, details: dict[str, str]) -> tuple[str, ...]:
        _ = self._
        match kind:
            case "clock.started":
                return (_("The clock {metric} started: {target}, due {due_at}"), _("The clock {metric} started: {target}"))
            case "clock.paused":
                return (_("The clock {metric} was paused"),)
            case "clock.resumed":
                return (_("The clock {metric} runs again, due {due_at}"), _("The clock {metric} runs again"))
            case "clock.met":
                return (_("The clock {metric} was met; it was due {due_at}"), _("The clock {metric} was met"))
            case "clock.missed":
                return (_("The clock {metric} was missed; it was due {due_at}"), _("The clock {metric} was missed"))
            case "clock.stopped":
                return (_("The clock {metric} stopped, late; it was due {due_at}"), _("The clock {metric} stopped, late"))
            case "clock.excused":
                return (_("The missed clock {metric} was excused: {reason}"),)
            case "clock.unexcused":
                return (_("The excuse of the missed clock {metric} was withdrawn: {reason}"),)
            case "clock.cancelled":
                return (_("The clock {metric} was cancelled"),)
            case "clock.retargeted":
                return (
                    _("The clock {metric} has another target, {target}: due {due_at}"),
                    _("The clock {metric} has another target, {target}"),
                )
            case "alert.sent":
                return (
                    _("Alert at {percent} of {metric}, due {due_at}: told {to}"),
                    _("Alert {before} before {metric} is due, {due_at}: told {to}"),
                    _("Alert {after} after {metric} was missed, due {due_at}: told {to}"),
                    _("An alert about {metric} was due; everyone had been told"),
                )
            case "ladder.started":
                return (_("The escalation {ladder} began: {metric} was missed"),)
            case "ladder.level":
                return (
                    _("The escalation {ladder} reached level {level} again (repeat {repeat})"),
                    _("The escalation {ladder} reached level {level}"),
                )
            case "ladder.stopped":
                reasons = {
                    "stop": _("what it waited for came"),
                    "left stage": _("the card left the stage"),
                    "acknowledged": _("it was acknowledged"),
                    "finished": _("it has no more levels"),
                    "merged": _("the card became part of another"),
                }
                if reason := reasons.get(details.get("why", "")):
                    return (_("The escalation {ladder} stopped: {reason}").replace("{reason}", reason),)
                return (_("The escalation {ladder} stopped"),)
            case _:
                return ()


class _Known(dict[str, str]):
    """Details for a sentence; a missing one makes it unusable."""

    def __missing__(self, key: str) -> str:
        raise KeyError(key)


def _fill(text: str, details: dict[str, str]) -> str | None:
    try:
        return text.format_map(_Known(details))
    except KeyError:
        return None
