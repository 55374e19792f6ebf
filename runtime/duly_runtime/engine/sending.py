"""What rules send, and when it may go: quiet hours, the rate, digests (`send limits` in the files).

A person's own words never come here. What must wait is kept with the card, and has a timer like everything else the card
waits for; so it survives restarts, and a test in simulated time sees it.

Limits protect whoever gets the messages, so they look at the moment of sending (`now`), not at the instant a late timer
was due.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_dsl.program import SendLimits
from duly_dsl.units import DAY, Duration, Unit
from duly_runtime import window
from duly_runtime.card import Held
from duly_runtime.effects import AnyEffect, MessageCustomer, NotifyPerson
from duly_runtime.engine import answers
from duly_runtime.engine.facts import MICROSECOND
from duly_runtime.engine.telling import instant
from duly_runtime.engine.work import Work

NO_LIMITS = SendLimits()
MOST_TRIES = 100
"""Moments looked at for one message; with more, lines contradict one another and the last one has to do."""


def message(
    work: Work,
    effect: MessageCustomer,
    rule: str,
    *,
    visit: int = 0,
    since: dt.datetime | None = None,
    answer: bool | None = None,
) -> bool:
    """Send it to the customer, or hold it; False where it must not go at all. `visit` and `since` mark a reminder: of which
    visit, and since when it has been silent. `answer`: a message of the customer set it off (None: the present one)."""
    if answer is None:
        answer = bool(work.answering)
    until, why = (work.now, "") if work.quiet or _awaited(work, effect) else _free(work)
    if not work.quiet:
        # Of what waits it is asked again when its time comes, also whether the address was answered meanwhile.
        reason, address = answers.why_not(work, answer=answer and until <= work.now)
        if reason:
            work.say("message.dropped", {**_what(effect), "why": reason, "to": address, "rule": rule})
            return False
        if answer and address and until <= work.now:
            work.answered = (*work.answered, address)
    if until > work.now:
        held = Held(effect=effect, until=until, why=why, rule=rule, visit=visit, silent_since=since, answer=answer)
        _hold(work, held)
    else:
        _send(work, effect, rule)
    return True


def _awaited(work: Work, effect: MessageCustomer) -> bool:
    """A code to sign in with (Meta's category `authentication`): somebody is waiting for it."""
    template = work.graph.program.templates.get(effect.template)
    return template is not None and template.approval is not None and template.approval.category == "authentication"


def notice(work: Work, effect: NotifyPerson) -> None:
    """Tell somebody who works here, or hold it."""
    kind = kind_of(effect)
    if not work.quiet and kind != "escalations":
        until = _loud(work, work.now, people=True)
        if until > work.now:
            _hold(work, Held(effect=effect, until=until, why="quiet hours", rule=effect.details.get("rule", "")))
            return
    work.do(_gathered(work, effect, kind))


def kind_of(effect: NotifyPerson) -> str:
    """As a digest names it: `alerts` before a promise is broken, `escalations` after, `notices` of everything else."""
    if effect.about == "alert":
        return "escalations" if effect.details.get("after") else "alerts"
    return "escalations" if effect.about == "escalation" or effect.details.get("metric") else "notices"


def release(work: Work, held: Held) -> None:
    """The time of something held has come. It is asked anew whether it may go, under the limits that hold now."""
    work.update(held=tuple(each for each in work.card.held if each is not held))
    effect = held.effect
    if isinstance(effect, NotifyPerson):
        notice(work, effect)
    elif isinstance(effect, MessageCustomer):
        if _pointless(work, held):
            work.say("message.dropped", {**_what(effect), "why": "pointless", "rule": held.rule})
        else:
            message(work, effect, held.rule, visit=held.visit, since=held.silent_since, answer=held.answer)


def _pointless(work: Work, held: Held) -> bool:
    """A reminder, and the card has moved on or somebody has written."""
    if not held.visit:
        return False
    card, since = work.card, held.silent_since
    if card.visit.number != held.visit or since is None:
        return True
    return any(moment is not None and moment > since for moment in (card.last_customer_at, card.last_agent_at))


def _send(work: Work, effect: MessageCustomer, rule: str) -> None:
    card = work.card
    if card.channel == window.CHANNEL and not window.is_open(card, work.now) and not work.quiet:
        if effect.outside:
            effect = replace(effect, template=effect.outside, text="", outside="")
        template = work.graph.program.templates.get(effect.template)
        if template is None or template.approval is None:
            work.say("message.dropped", {**_what(effect), "why": "window", "rule": rule})
            return
    longest = max((_wall(rate.period) for rate in _limits(work).rates), default=None)
    if longest is not None and not work.quiet:
        recent = [moment for moment in work.card.messaged if moment > work.now - longest]
        work.update(messaged=(*recent, work.now))
    work.do(effect)
    work.say("message.out", {**_what(effect), "rule": rule})


def _hold(work: Work, held: Held) -> None:
    if any(each.effect.key == held.effect.key for each in work.card.held):
        return
    work.update(held=(*work.card.held, held))
    kind = "notice.held" if isinstance(held.effect, NotifyPerson) else "message.held"
    work.say(kind, {**_what(held.effect), "until": instant(held.until), "why": held.why, "rule": held.rule})


def _what(effect: AnyEffect) -> dict[str, str]:
    match effect:
        case MessageCustomer(template=template, text=text):
            return {"template": template} if template else {"text": text}
        case NotifyPerson(person=person, details=details):
            return {"to": person, "metric": details.get("metric", "")}
        case _:
            return {}


# --- moments ---------------------------------------------------------------------------------------------------------


def _limits(work: Work) -> SendLimits:
    return work.pipeline.limits or NO_LIMITS


def _free(work: Work) -> tuple[dt.datetime, str]:
    """The first moment a message may go, and what kept it from going at once."""
    taken = sorted(
        (*work.card.messaged, *(held.until for held in work.card.held if isinstance(held.effect, MessageCustomer)))
    )
    at, why = work.now, ""
    for _ in range(MOST_TRIES):
        loud = _loud(work, at, people=False)
        room = _room(work, loud, taken)
        if loud > at:
            why = "quiet hours"
        if room > loud:
            why = "rate"
        if room == at:
            break
        at = room
    return at, why


def _loud(work: Work, at: dt.datetime, *, people: bool) -> dt.datetime:
    """`at`, or the end of the quiet hours it lies in, however many lines make them up."""
    for _ in range(MOST_TRIES):
        ends = [
            time.next_close(at)
            for quiet, time in work.graph.quiet_hours(work.pipeline)
            if (quiet.people if people else quiet.customers) and time.is_open(at)
        ]
        known = [end for end in ends if end is not None]
        if not known:
            break
        at = max(known)
    return at


def _room(work: Work, at: dt.datetime, taken: list[dt.datetime]) -> dt.datetime:
    """`at`, or the first later moment at which no period holds more messages than its rate allows."""
    for rate in _limits(work).rates:
        period = _wall(rate.period)
        within = [moment for moment in taken if at - period < moment <= at]
        if len(within) >= rate.messages:
            at = within[-rate.messages] + period
    return at


def _gathered(work: Work, effect: NotifyPerson, kind: str) -> NotifyPerson:
    """With the digest it belongs to; what is only shown in the app interrupts nobody and is not gathered."""
    for digest in _limits(work).digests:
        if kind in digest.kinds and effect.channel != "app":
            start, ends = work.time.midnight(work.now), work.time.midnight(work.now, 1)
            period = _wall(digest.every)
            next_one = start + ((work.now - start) // period + 1) * period
            return replace(effect, digest=", ".join(digest.kinds), gather_until=min(next_one, ends))
    return effect


def _wall(amount: Duration) -> dt.timedelta:
    """Limits count on the wall: hours are hours, days are 24 of them."""
    days = amount.unit in (Unit.CALENDAR_DAYS, Unit.WORKING_DAYS)
    return amount.amount * (DAY if days else 1) * MICROSECOND
