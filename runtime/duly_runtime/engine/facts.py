"""What conditions read: one fact an event led to, and the card as it was then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import msgspec

from duly_dsl.units import Duration
from duly_runtime.card import Card

MICROSECOND = dt.timedelta(microseconds=1)


def _unknown_age() -> int:
    raise ValueError("these facts were made without the business age of the card")


def _unknown_days(amount: Duration) -> int:
    raise ValueError(f"these facts were made without a way to tell whether the card is older than {amount}")


class Facts(msgspec.Struct):
    """One fact. The card is as it is after what happened, except for `card leaves`: there it is still in the stage it
    leaves, and for `card enters` it is in the new one."""

    kind: str
    """A word of `duly_dsl.program.FACT_KINDS`."""
    card: Card
    stage: str = ""
    """The stage entered or left."""
    metric: str = ""
    """The clock that was missed."""
    subject: str = ""
    """The operand that changed (`priority`, `field:Tier`)."""
    message: str = ""
    """The text of the event's message as `duly_dsl.words.fold` leaves it, empty where it has none."""
    at: dt.datetime | None = None
    """The instant at which it is judged; None: when the card was made."""
    business: Callable[[], int] = _unknown_age
    """Works out `age_business`."""
    past: Callable[[Duration], int] = _unknown_days
    """For an amount in days: microseconds since the instant the card was that old, negative before it."""
    _business: int | None = None

    @property
    def age_elapsed(self) -> int:
        """Microseconds on the wall since the card was made."""
        return 0 if self.at is None else (self.at - self.card.created_at) // MICROSECOND

    @property
    def age_business(self) -> int:
        """Open microseconds on the pipeline's calendar since the card was made; worked out once, when asked for."""
        if self._business is None:
            self._business = self.business()
        return self._business
