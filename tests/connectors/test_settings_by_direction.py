"""A setting is asked for only where the connector's direction needs it."""

from __future__ import annotations

import pytest

from duly_connectors import registry
from duly_dsl.build import build
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile


def missing(door: str) -> set[str]:
    """The settings a check says are missing."""
    found = build([SourceFile("doors.duly", door)], Environment(connector_kinds=registry.kinds())).diagnostics
    return {problem.values["name"] for problem in found if problem.name == "missing-setting"}


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ('connector "A" sends webhook {', {"url"}),
        ('connector "A" receives webhook {', set()),
        ('connector "A" sends whatsapp {', {"phone number id", "access token"}),
        ('connector "A" receives whatsapp {', {"phone number id", "verify token", "app secret"}),
        ('connector "A" connects whatsapp {', {"phone number id", "verify token", "app secret", "access token"}),
    ],
)
def test_required_settings_follow_the_direction(head: str, wanted: set[str]) -> None:
    assert missing(f'{head}\n  path "/in/a"\n}}\n') == wanted
