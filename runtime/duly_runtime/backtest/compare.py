"""Two replays side by side, and limits on what may come of a change."""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable

import msgspec

from duly_runtime.backtest.outcomes import MEASURES, Tally


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One number under the new rules, and under the old ones where there are two. The counters tell the cards: how often
    each counts now, how often more than before, and how often less."""

    measure: str
    values: tuple[str, ...] = ()
    """Of the dimensions it is broken down by."""
    before: int | None
    after: int
    cards: Counter[int]
    more: Counter[int]
    less: Counter[int]

    @property
    def change(self) -> int:
        return 0 if self.before is None else self.after - self.before


def differences(after: Tally, before: Tally | None, measure: str, *dimensions: str) -> list[Difference]:
    """A measure in every place where it counts something, in the order of the places."""
    new = after.by(measure, *dimensions)
    old = before.by(measure, *dimensions) if before is not None else {}
    return [
        _difference(measure, values, new.get(values, Counter()), old.get(values, Counter()), before is None)
        for values in sorted({*new, *old})
    ]


def totals(after: Tally, before: Tally | None) -> list[Difference]:
    """Every measure that counts anything under either version."""
    return [found for measure in MEASURES for found in differences(after, before, measure)]


def _difference(
    measure: str, values: tuple[str, ...], after: Counter[int], before: Counter[int], alone: bool
) -> Difference:
    return Difference(
        measure=measure,
        values=values,
        before=None if alone else before.total(),
        after=after.total(),
        cards=after,
        more=Counter() if alone else after - before,
        less=Counter() if alone else before - after,
    )


def new_breaches(after: Tally, before: Tally) -> int:
    """Breaches that were none under the old rules: not set off against those that are gone."""
    return sum(found.more.total() for found in differences(after, before, "breaches", "subject"))


# --- limits -----------------------------------------------------------------------------------------------------------

_FORM = re.compile(
    r"""\s*(?P<measure>[a-z][a-z ]*?)(?:\s+"(?P<subject>[^"]*)")?\s*(?P<op>>=|<=|>|<)\s*"""
    r"""(?P<sign>[+-]?)(?P<number>[0-9]{1,12}(?:\.[0-9]{1,6})?)\s*(?P<percent>%?)\s*"""
)
_OPS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """`breaches > +5%`: crossed where the comparison is true.

    A number with a sign is compared with the change, one with `%` with the change in per cent of the old number, a bare one
    with the new number.
    """

    text: str
    measure: str
    subject: str | None
    op: str
    number: float
    relative: bool
    percent: bool

    def found(self, after: Tally, before: Tally | None) -> float:
        """What is compared; ValueError where it needs two versions and there is one."""
        new = after.total(self.measure, self.subject)
        if not self.relative:
            return new
        if before is None:
            raise ValueError(self.text)
        old = before.total(self.measure, self.subject)
        if not self.percent:
            return new - old
        return (new - old) / old * 100 if old else (float("inf") if new else 0.0)

    def crossed(self, after: Tally, before: Tally | None) -> bool:
        return _OPS[self.op](self.found(after, before), self.number)


def limit(text: str) -> Limit:
    """Read one; ValueError where it can't be read."""
    form = _FORM.fullmatch(text)
    if form is None or form["measure"] not in MEASURES:
        raise ValueError(text)
    number = float(form["number"])
    return Limit(
        text=text.strip(),
        measure=form["measure"],
        subject=form["subject"],
        op=form["op"],
        number=-number if form["sign"] == "-" else number,
        relative=bool(form["sign"] or form["percent"]),
        percent=bool(form["percent"]),
    )
