"""What a check knows of the world outside the files. Light: nothing is imported before a file needs it."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable

import msgspec

from duly_dsl import cache
from duly_dsl.program import ConnectorKind, Environment, TemplateAtMeta


@functools.cache
def regions() -> frozenset[str]:
    """Every region public holidays are known for, as files write it: `PT`, `BR`, `BR-SP`. The list is kept from start to
    start: importing the library takes longer than checking a file."""
    from importlib.metadata import version  # imported late: most checks need no holidays

    name = f"regions-{version('holidays')}.json"
    if kept := cache.read(name):
        try:
            return msgspec.json.decode(kept, type=frozenset[str])
        except msgspec.DecodeError:
            pass  # damaged, so it is written anew
    import holidays  # imported late: most checks need none

    supported = holidays.list_supported_countries()
    known = frozenset(supported) | {f"{country}-{part}" for country, parts in supported.items() for part in parts}
    cache.write(name, msgspec.json.encode(sorted(known)))
    return known


LAST_YEAR = 2099
"""Public holidays known to that year are known for ever, as far as anybody's clocks go."""


@functools.cache
def holidays_until() -> dict[str, int]:
    """The last year public holidays are known for, of the countries where that is soon. Kept from start to start."""
    from importlib.metadata import version  # imported late, as above

    name = f"holidays-until-{version('holidays')}.json"
    if kept := cache.read(name):
        try:
            return msgspec.json.decode(kept, type=dict[str, int])
        except msgspec.DecodeError:
            pass  # damaged, so it is written anew
    import holidays  # imported late: most checks need none

    known = {country: getattr(holidays, country).end_year for country in holidays.list_supported_countries()}
    known = {country: year for country, year in known.items() if year < LAST_YEAR}
    cache.write(name, msgspec.json.encode(known))
    return known


def pattern_ok(pattern: str) -> bool:
    """Whether RE2, which runs the patterns of fields, takes this one."""
    import re2  # imported late: most checks need none

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


def environment(
    texts: Iterable[str],
    *,
    kinds: tuple[ConnectorKind, ...] | None = None,
    secrets: frozenset[str] | None = None,
    people: frozenset[str] | None = None,
    today: dt.date | None = None,
    templates: tuple[tuple[TemplateAtMeta, ...], ...] | None = None,
) -> Environment:
    """The environment for a check of these files; None where something is not known, which complains of nothing."""
    holidays = any("holidays" in text for text in texts)
    return Environment(
        connector_kinds=kinds,
        regions=regions() if holidays else None,
        holidays_until=holidays_until() if holidays else None,
        today=today,
        secrets=secrets,
        people=people,
        pattern_ok=pattern_ok,
        templates=templates,
    )
