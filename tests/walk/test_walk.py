"""The walk over the grammar: nothing is parsed and ignored.

For every production there must be a pair of texts in `entries` that differ in it and in little else, whose graphs differ
(or whose tests do), and of which everything that runs makes something else. What only the checker answers to is listed
there, with why.
"""

from __future__ import annotations

import pytest

from walk.desk import Entry
from walk.entries import CHECKED, ENTRIES
from walk.machine import Production, loaded, productions, see, used

MOST = 14
"""Productions a pair may differ in: what is proved must be the construct, not a whole file."""

CONSTRUCTS = productions()


def differing(entry: Entry) -> set[Production]:
    """The productions that one of the texts uses more often than the other, or with other names and amounts."""
    one, other = (used(text) for text in entry.texts())
    return {production for production, _ in (one - other) + (other - one)} & CONSTRUCTS


@pytest.mark.parametrize(
    "entry", ENTRIES, ids=lambda entry: f"{entry.place}: {entry.one or '(nothing)'} | {entry.other}"[:120]
)
def test_a_pair_does_something_else(entry: Entry) -> None:
    one, other = (see(text, entry.requests, broken=entry.checker) for text in entry.texts())
    if entry.checker:
        assert one.problems != other.problems
    else:
        assert (one.program, one.tests) != (other.program, other.tests)
        assert one.outcome != other.outcome
    assert 0 < len(differing(entry)) <= MOST, differing(entry)


def test_every_production_has_a_pair() -> None:
    assert len(CONSTRUCTS) > 300
    ran: set[Production] = set()
    checked: set[Production] = set()
    for entry in ENTRIES:
        (checked if entry.checker else ran).update(differing(entry))
    missing = sorted(str(each) for each in CONSTRUCTS - ran - checked)
    assert missing == [], f"{len(missing)} productions have no pair in the lists of tests/walk"
    # What has no pair that runs is known, and nothing else is excused.
    assert {str(each) for each in checked - ran} == CHECKED.keys()
    assert all(CHECKED.values())


def test_a_file_brings_the_files_it_uses() -> None:
    other = 'calendar "Office" {\n  time zone "UTC"\n  open every day 09:00-18:00\n}\n'
    assert loaded({"a.duly": 'use "b.duly"\n', "b.duly": other}, "a.duly") == ["a.duly", "b.duly"]
    assert loaded({"a.duly": "# nothing\n", "b.duly": other}, "a.duly") == ["a.duly"]


def test_the_walk_sees_a_construct_that_nothing_uses() -> None:
    """A pair that differs in words the graph does not hold is no proof."""
    entry = Entry("pipeline", "# one", "# two")
    one, other = (see(text) for text in entry.texts())
    assert (one.program, one.outcome) == (other.program, other.outcome)
    assert differing(entry) == set()
