"""The known name closest to one that isn't known, for `did you mean`."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str, limit: int = 3) -> int:
    """Letters to add, drop, change or swap with a neighbour to make `a` into `b` (optimal string alignment); `limit`
    where it is that or more."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, last = last, row
    return min(last[-1], limit)


def nearest(name: str, known: Iterable[str]) -> str:
    """The closest of `known`, whatever the case, or "" where none is close: one change in short names, two in longer."""
    folded = name.casefold()
    allowed = 0 if len(folded) < 3 else 1 if len(folded) < 5 else 2
    found = min(((distance(folded, other.casefold()), other) for other in known), default=(9, ""))
    return found[1] if found[0] <= allowed else ""
