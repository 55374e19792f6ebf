"""What a rule in `shadow` would have done, in the words of the file and with the people it would have told."""

from __future__ import annotations

from duly_dsl import program as p
from duly_dsl.meaning.side import Side
from duly_runtime.engine import people
from duly_runtime.engine.work import Work


def would(work: Work, rule: p.Rule) -> str:
    """One line: `raise priority; notify manager (diogo)`."""
    side = Side(work.graph.program)
    return "; ".join(side.text(action) + _whom(work, action) for action in rule.actions)


def _whom(work: Work, action: p.AnyAction) -> str:
    if not isinstance(action, p.Notify):
        return ""
    told = people.recipients(work.graph, work.card, action.actors)
    return f" ({', '.join(told) or '–'})"
