"""The rule graph as DOT, for Graphviz and all that reads it."""

from __future__ import annotations

from collections.abc import Iterable

from duly_dsl.graph.model import ANY, Graph, Move
from duly_dsl.graph.svg import summary

STYLES = {"next": "solid", "resume": "solid"}
"""Of what a person or a customer does; the rest moves by itself and is dashed."""


def write(graphs: Iterable[Graph]) -> str:
    lines = ["digraph duly {", "  node [shape=box, style=rounded];", "  compound=true;"]
    for number, graph in enumerate(graphs):
        lines += [f"  subgraph cluster_{number} {{", f"    label={quoted(graph.pipeline)};"]
        for stage in graph.stages:
            label = "\n".join([stage.name, *summary(stage)])
            shape = ", peripheries=2" if stage.finish else ", penwidth=2" if stage.start else ""
            lines.append(f"    {_id(number, stage.name)} [label={quoted(label)}{shape}];")
        if any(move.source == ANY for move in graph.moves):
            lines.append(f'    {_id(number, ANY)} [label="any stage", style="rounded,dashed"];')
        lines += [f"    {_arrow(number, move)}" for move in graph.moves]
        for ladder in graph.ladders:
            levels = [f"level {level.number} {level.after}: {level.actions}" for level in ladder.levels]
            label = "\n".join([f"escalation {ladder.name}", f"when {ladder.when}", *levels])
            lines.append(f"    {_id(number, 'ladder ' + ladder.name)} [label={quoted(label)}, shape=note];")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """A string of DOT; line breaks become its own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n") + '"'


def _id(number: int, name: str) -> str:
    return quoted(f"{number}/{name}")


def _arrow(number: int, move: Move) -> str:
    style = STYLES.get(move.kind, "dashed")
    label = f"label={quoted(move.label)}, " if move.label else ""
    return f"{_id(number, move.source)} -> {_id(number, move.target)} [{label}style={style}];"
