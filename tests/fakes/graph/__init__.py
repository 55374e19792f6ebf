"""A stand-in for Meta's Graph API, as far as WhatsApp goes: a small program that is faithful where we lean on it.

It checks what Meta checks (token, number, the message's shape, the window, templates and their state, files and their
sizes, rate limits of a number and of a pair), answers in Meta's shapes, keeps a log of every message it took with the key
we gave it, and posts signed webhooks back, again until they are acknowledged. Faults come on demand. In a test:
`with FakeGraph(...) as graph:`; as a process of its own: `python -m fakes.graph --help`.
"""

from __future__ import annotations

from fakes.graph.limits import Limits
from fakes.graph.server import FAULTS, FakeGraph
from fakes.graph.templates import Template

__all__ = ("FAULTS", "FakeGraph", "Limits", "Template")
