"""What connectors are told by themselves: `send events …`. A line of history is news where the catalogue has an event for
it and a connector asks for that; the posts are made at the end of the step, with the card as it then is.
"""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from duly_runtime.card import AT_RISK, Card, Clock, ClockState
from duly_runtime.catalogue import CardData
from duly_runtime.effects import CallWebhook
from duly_runtime.engine import alerts
from duly_runtime.engine.telling import instant, told
from duly_runtime.engine.work import Due, News, Work

AT_RISK_EVENT = "clock.at_risk"
AT_RISK_MARK = "at risk"
"""In `Clock.sent`, once it has been told."""


def post(work: Work) -> None:
    """Make the posts of a step. What it did in an imported past is no news."""
    number = 0
    for news in work.news:
        for connector in work.subscribed.get(news.event, ()):
            number += 1
            key = f"event/{work.card.id}/{work.revision}/{number}/{news.event}/{connector}"
            work.do(
                CallWebhook(
                    key=key, connector=connector, event=news.event, details=news.details, author=news.author, at=news.at
                )
            )
    card: CardData | None = None
    for key, effect in work.effects.items():
        if isinstance(effect, CallWebhook):
            card = card or card_data(work.card)
            work.effects[key] = replace(effect, card=card)


def at_risk(work: Work, clock: Clock) -> Due | None:
    """When to tell that a clock is at risk: at its first alert, or late in its time where it has none."""
    if AT_RISK_EVENT not in work.subscribed or AT_RISK_MARK in clock.sent or clock.missed_at is not None:
        return None
    if clock.state is not ClockState.RUNNING:
        return None
    found = [each for each in alerts.alerts_of(work, clock) if each.after is None]
    if found:
        moments = [moment for each in found if (moment := alerts.threshold(work, clock, each)) is not None]
    else:
        time = work.working(clock.calendar)
        late = time.threshold(clock.started_at, clock.target, clock.pauses, clock.carried, percent=round(AT_RISK * 100))
        moments = [late] if late is not None else []
    if not moments:
        return None
    at = min(moments)

    def act(work: Work, until: dt.datetime) -> None:
        work.put_clock(clock, replace(clock, sent=(*clock.sent, AT_RISK_MARK)))
        if not work.quiet:
            work.news.append(News(AT_RISK_EVENT, work.at, {**told(clock), "threshold_at": instant(at)}))

    return Due.of(at, 0, f"{clock.metric}/{clock.cycle}/{AT_RISK_MARK}", act)


def card_data(card: Card) -> CardData:
    return CardData(
        id=card.id,
        number=card.number,
        revision=card.revision,
        pipeline=card.pipeline,
        stage=card.stage,
        title=card.title,
        priority=card.priority,
        type=card.type,
        owner=card.owner,
        team=card.team,
        channel=card.channel,
        customer=card.contact,
        fields=card.fields,
        tags=card.tags,
        created_at=card.created_at,
        finished_at=card.finished_at,
    )
