"""docs/tools.md and docs/testing.md name every key that programs read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from duly_dsl import graph
from duly_runtime import explaining, scenario

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "struct",
    [
        explaining.Explanation,
        explaining.Told,
        explaining.Stretch,
        explaining.Source,
        explaining.Next,
        explaining.Happening,
        explaining.Judged,
        explaining.Condition,
        graph.Graph,
        graph.Stage,
        graph.Promise,
        graph.Move,
        graph.Ladder,
        graph.Level,
        graph.RuleLine,
    ],
    ids=lambda struct: struct.__name__,
)
def test_every_key_of_the_json_stands_in_the_docs(struct: type[msgspec.Struct]) -> None:
    text = (DOCS / "tools.md").read_text("utf-8")
    assert [field for field in struct.__struct_fields__ if f"`{field}`" not in text] == []


def test_every_sort_of_coverage_stands_in_the_docs() -> None:
    text = (DOCS / "testing.md").read_text("utf-8")
    assert [sort for sort in scenario.SORTS if f"`{sort}`" not in text] == []
