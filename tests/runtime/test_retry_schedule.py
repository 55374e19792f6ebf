"""`retry N times over T`: growing gaps that add up to T, then the delivery is parked."""

from __future__ import annotations

import pytest

from duly_dsl.program import Connector
from duly_dsl.units import DAY, HOUR, Duration, Unit
from duly_runtime.delivery import scheduled
from duly_runtime.doors import Retry


def connector(times: int, over: Duration) -> Connector:
    return Connector(name="Mail", kind="email", direction="sends", retry_times=times, retry_over=over)


@pytest.mark.parametrize(
    ("over", "seconds"),
    [
        (Duration(Unit.CALENDAR_DAYS, 3), 259_200),
        (Duration(Unit.ELAPSED, 48 * HOUR), 172_800),
        (Duration(Unit.BUSINESS, DAY), 86_400),
    ],
)
@pytest.mark.parametrize("times", [1, 6, 8])
def test_the_gaps_grow_and_add_up(times: int, over: Duration, seconds: int) -> None:
    outcomes = [scheduled(Retry(reason="busy"), attempt, connector(times, over)) for attempt in range(1, times + 1)]
    gaps = [outcome.after for outcome in outcomes]
    assert not any(outcome.give_up for outcome in outcomes)
    assert gaps == sorted(set(gaps))
    assert sum(gaps) == pytest.approx(seconds)
    last = scheduled(Retry(reason="busy"), times + 1, connector(times, over))
    assert last == Retry(reason="busy", give_up=True)


def test_a_provider_that_names_a_longer_wait_gets_it() -> None:
    rules = connector(2, Duration(Unit.ELAPSED, HOUR))  # gaps of 12 and 48 minutes
    assert scheduled(Retry(reason="slow down", after=5), 1, rules).after == 720
    assert scheduled(Retry(reason="slow down", after=5000), 1, rules).after == 5000


def test_rules_that_say_nothing_try_for_a_day() -> None:
    gaps = [scheduled(Retry(reason="busy"), attempt, None).after for attempt in range(1, 9)]
    assert sum(gaps) == pytest.approx(86_400)
    assert scheduled(Retry(reason="busy"), 9, None).give_up


def test_a_webhook_whose_rules_say_nothing_is_tried_for_three_days() -> None:
    webhook = Connector(name="CRM", kind="webhook", direction="sends")
    outcomes = [scheduled(Retry(reason="busy"), attempt, webhook) for attempt in range(1, 12)]
    gaps = [outcome.after for outcome in outcomes[:-1]]
    assert gaps == sorted(set(gaps))
    assert sum(gaps) == 3 * 86_400
    assert outcomes[-1] == Retry(reason="busy", give_up=True)
    assert scheduled(Retry(reason="busy", after=50), 1, webhook).after == 50
