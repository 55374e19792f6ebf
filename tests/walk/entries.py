"""The list: for each production of the grammar a pair of texts that differ in it.

An entry is two texts for one place of the desk. `machine.see` runs the desk with each; the test asks for another graph (or
another test) and another outcome. A new production fails the walk until a pair is added to one of the lists.
"""

from __future__ import annotations

from walk.doors import DOORS
from walk.flows import FLOWS
from walk.said import CHECKED, SAID

__all__ = ["CHECKED", "ENTRIES"]

ENTRIES = [*FLOWS, *DOORS, *SAID]
