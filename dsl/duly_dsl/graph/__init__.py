"""The rule graph for people to look at: stages, the moves between them, clocks, escalations and rules.

`graphs(program)` is the documented form (docs/tools.md); `svg.draw` and `dot.write` show it. Pure and deterministic.
"""

from __future__ import annotations

from duly_dsl.graph.model import ANY, Graph, Ladder, Level, Move, Promise, RuleLine, Stage, graphs

__all__ = ["ANY", "Graph", "Ladder", "Level", "Move", "Promise", "RuleLine", "Stage", "graphs"]
