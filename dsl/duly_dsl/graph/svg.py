"""The rule graph as a picture that needs nothing else: no Graphviz, no script, no font. Light or dark, as the reader's."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from duly_dsl import i18n
from duly_dsl.graph.layout import Arrow, Box, lay_out
from duly_dsl.graph.model import ANY, Graph, Move, Promise, Stage
from duly_dsl.i18n import marked as _
from duly_dsl.program import METRICS

MARGIN = 24.0
LINE = 17.0
PAD = 11.0
LONGEST = 46
"""Characters of a line; what is longer is cut, and whole when pointed at."""
NARROWEST = 120.0
PANEL = 430.0
"""Width of a panel below the graph, at most."""

STYLE = """
.duly { --ink: #1a1f2c; --muted: #566075; --line: #868ea0; --ground: #fff; --box: #f4f5f8; --edge: #c9cedb; --auto: #7a3aa8;
  --start: #1f6b45; --finish: #3b5bdb; --breach: #b3261e;
  font: 13px ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  background: var(--ground); color: var(--ink); }
@media (prefers-color-scheme: dark) { .duly { --ink: #e8eaf1; --muted: #a3abbd; --line: #727b8f; --ground: #101218;
  --box: #1c202a; --edge: #3a4150; --auto: #d3a6f5; --start: #7fd6a6; --finish: #8ea6ff;
  --breach: #ff9b91; } }
.duly text { fill: currentColor; } .duly .name { font-weight: 650; } .duly .small { font-size: 12px; fill: var(--muted); }
.duly .title { font-size: 17px; font-weight: 700; } .duly .box { fill: var(--box); stroke: var(--edge); }
.duly .start { stroke: var(--start); stroke-width: 2; } .duly .finish { stroke: var(--finish); stroke-width: 2; }
.duly .any { stroke-dasharray: 4 4; fill: none; } .duly .arrow { fill: none; stroke: var(--line); stroke-width: 1.4; }
.duly .auto { stroke: var(--auto); stroke-dasharray: 5 4; } .duly .head { fill: var(--line); stroke: none; }
.duly .back { stroke-dasharray: 12 3 2 3; }
.duly .breach { stroke: var(--breach); stroke-width: 2.6; stroke-dasharray: 2 3; }
.duly .head.auto { fill: var(--auto); stroke: none; } .duly .head.breach { fill: var(--breach); stroke: none; }
.duly .label { font-size: 12px; fill: var(--auto); } .duly .unreached { stroke-dasharray: 4 4; }
"""

Say = Callable[[str], str]
BY_PEOPLE = ("next", "resume")


class Page(msgspec.Struct, frozen=True):
    """A page the picture stands in: it brings the style, so that none is in the picture, and shows promises, escalations
    and rules itself. Boxes are links to `link(stage)`; `notes` are lines more of a stage, by (pipeline, stage)."""

    link: Callable[[Stage], str]
    notes: Mapping[tuple[str, str], Sequence[str]] = {}
    title: str = ""
    """What the picture is called for those who can't see it."""


def draw(graphs: Iterable[Graph], language: str = "en", page: Page | None = None) -> str:
    """All pipelines below one another."""
    say = i18n.translations("duly_dsl", language).gettext
    parts: list[str] = []
    width, y = 0.0, MARGIN
    for graph in graphs:
        drawn, size = _pipeline(graph, say, page)
        parts.append(f'<g transform="translate({MARGIN:g} {y:g})">{drawn}</g>')
        width, y = max(width, size[0]), y + size[1] + 2 * MARGIN
    width, height = width + 2 * MARGIN, y - MARGIN
    named = f'role="group" aria-label="{_text(page.title)}"' if page is not None else 'role="img"'
    style = f"<style>{STYLE}</style>" if page is None else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="duly" {named} viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">{style}'
        f'<rect width="100%" height="100%" fill="var(--ground)"/>{"".join(parts)}</svg>\n'
    )


def summary(stage: Stage) -> list[str]:
    """What a stage promises and does, a line each."""
    lines = [promise(each) for each in stage.promises]
    if stage.pauses:
        every = set(stage.pauses) >= set(METRICS)
        lines.append("pauses all clocks" if every else "pauses " + ", ".join(stage.pauses))
    if stage.owner:
        lines.append(f"owner {stage.owner}")
    return lines


def promise(each: Promise) -> str:
    """`first reply 15m … 8h`: the first and the last of its rows."""
    amounts = list(dict.fromkeys(amount for _when, amount in each.rows if amount))
    if not amounts:
        return f"{each.clock}: –"
    return f"{each.clock} {amounts[0]}" if len(amounts) == 1 else f"{each.clock} {amounts[0]} … {amounts[-1]}"


def measured(text: str, size: float = 13) -> float:
    """About how wide a text is; rather more than less, for no font is known."""
    wide = sum(2 if unicodedata.east_asian_width(each) in "WF" else 1.25 if each in "MWmw@%" else 1 for each in text)
    return wide * size * 0.575


# --- a pipeline -------------------------------------------------------------------------------------------------------


def _pipeline(graph: Graph, say: Say, page: Page | None) -> tuple[str, tuple[float, float]]:
    names = [stage.name for stage in graph.stages]
    unreached = graph.unreachable()
    texts = [_stage_lines(stage, say, stage.name in unreached) for stage in graph.stages]
    if page is not None:
        for stage, lines in zip(graph.stages, texts, strict=True):
            lines += page.notes.get((graph.pipeline, stage.name), ())
    if any(move.source == ANY for move in graph.moves):
        names.insert(0, ANY)
        texts.insert(0, [say(_("any stage"))])
    boxes = [_box(lines) for lines in texts]
    groups: dict[tuple[str, str], list[Move]] = {}
    for move in graph.moves:
        if move.source in names and move.target in names:
            groups.setdefault((move.source, move.target), []).append(move)
    loops: dict[str, list[Move]] = {}
    arrows: list[Arrow] = []
    moves: list[list[Move]] = []
    for (source, target), found in groups.items():
        if source == target:
            loops[source] = found
            continue
        labels = [move.label for move in found if move.label]
        arrows.append(Arrow(names.index(source), names.index(target), _label_box(labels)))
        moves.append(found)
    for name, found in loops.items():
        number = names.index(name)
        texts[number] += [f"↻ {move.label or name}" for move in found]
        boxes[number] = _box(texts[number])
    width, height = lay_out(boxes, arrows)
    title, top = f'<text class="title" y="14">{_text(graph.pipeline)}</text>', 36.0
    order = {name: number for number, name in enumerate(names)}
    order |= {stage.name: len(names) for stage in graph.stages if stage.finish}  # no way to an end leads back
    parts = [_arrow(arrow, found, order) for arrow, found in zip(arrows, moves, strict=True)]
    stages = {stage.name: stage for stage in graph.stages}
    for name, box, lines in zip(names, boxes, texts, strict=True):
        stage = stages.get(name)
        drawn = _drawn(box, lines, stage, name in unreached)
        if page is not None and stage is not None:
            place = f'data-path="{_text(stage.path)}" data-line="{stage.line}" data-column="1"'
            drawn = f'<a href="{_text(page.link(stage))}" {place}>{drawn}</a>'
        parts.append(drawn)
    panels, below = _panels(graph, say, max(width, 2 * PANEL)) if page is None else ("", (0.0, 0.0))
    body = f'<g transform="translate(0 {top:g})">{"".join(parts)}</g>'
    body += f'<g transform="translate(0 {top + height + 34:g})">{panels}</g>'
    widest = max(width, below[0], measured(graph.pipeline, 17))
    return title + body, (widest, top + height + (34 + below[1] if below[1] else 0))


def _stage_lines(stage: Stage, say: Say, unreached: bool) -> list[str]:
    mark = say(_("starts here")) if stage.start else say(_("ends here")) if stage.finish else ""
    mark = say(_("nothing leads here")) if unreached else mark
    return [f"{stage.name} ({mark})" if mark else stage.name, *summary(stage)]


def _box(lines: Sequence[str]) -> Box:
    widths = [measured(_cut(line), 13 * 1.08 if not number else 12) for number, line in enumerate(lines)]
    return Box(max(NARROWEST, max(widths) + 2 * PAD), len(lines) * LINE + 2 * PAD - 4)


def _label_box(labels: Sequence[str]) -> Box:
    if not labels:
        return Box(2, 0)
    return Box(max(measured(_cut(label), 12) for label in labels) + 8, len(labels) * 15.0 + 4)


def _drawn(box: Box, lines: Sequence[str], stage: Stage | None, unreached: bool) -> str:
    kind = " any" if stage is None else " start" if stage.start else " finish" if stage.finish else ""
    kind += " unreached" if unreached else ""
    middle = box.x + box.width / 2
    texts = "".join(
        f'<text class="{"small" if number else "name"}" text-anchor="middle" x="{middle:g}" '
        f'y="{box.y + PAD + 10 + number * LINE:g}">{_titled(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<g><rect class="box{kind}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="9"/>'
        f"{texts}</g>"
    )


def _arrow(arrow: Arrow, moves: Sequence[Move], order: Mapping[str, int]) -> str:
    kind = _kind(moves, order)
    labels = [move.label for move in moves if move.label]
    points = arrow.points
    pieces = [points[: arrow.at_label + 1], points[arrow.at_label + 1 :]] if labels else [points]
    parts = [f'<path class="arrow{kind}" d="{_curve(piece)}"/>' for piece in pieces]
    x, y = points[0] if arrow.up else points[-1]
    tip = 7 if arrow.up else -7
    parts.append(f'<path class="head{kind}" d="M{x:g} {y:g}l-4.5 {tip:g}h9z"/>')
    box = arrow.label
    for number, label in enumerate(labels):
        at = f'x="{box.x + box.width / 2:g}" y="{box.y + 13 + number * 15:g}"'
        parts.append(f'<text class="label" text-anchor="middle" {at}>{_titled(label)}</text>')
    return f"<g>{''.join(parts)}</g>"


def _kind(moves: Sequence[Move], order: Mapping[str, int]) -> str:
    """How an arrow is drawn, by what one must know first: a missed promise, a way back, a move by itself."""
    if any(move.breach for move in moves):
        return " breach"
    if all(move.kind == "reopen" or order[move.target] < order[move.source] for move in moves):
        return " back" if any(move.kind in (*BY_PEOPLE, "reopen") for move in moves) else " back auto"
    return "" if any(move.kind in BY_PEOPLE for move in moves) else " auto"


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Straight through layers, curved between them, upright at every point."""
    x, y = points[0]
    path = [f"M{x:g} {y:g}"]
    for nx, ny in points[1:]:
        if (nx, ny) == (x, y):
            continue
        if nx == x:
            path.append(f"V{ny:g}")
        else:
            half = (y + ny) / 2
            path.append(f"C{x:g} {half:g} {nx:g} {half:g} {nx:g} {ny:g}")
        x, y = nx, ny
    return "".join(path)


# --- what no arrow shows ----------------------------------------------------------------------------------------------


def _panels(graph: Graph, say: Say, room: float) -> tuple[str, tuple[float, float]]:
    """Promises of the whole pipeline, escalations and rules, in rows of panels."""
    found: list[tuple[str, list[str]]] = []
    if graph.promises:
        lines: list[str] = []
        for each in graph.promises:
            conditions = (("start", each.start), ("pause", each.pause), ("resume", each.resume), ("stop", each.stop))
            lines += [promise(each), *(f"    {word} when {condition}" for word, condition in conditions if condition)]
        found.append((say(_("Promises everywhere")), lines))
    for ladder in graph.ladders:
        lines = [f"when {ladder.when}"]
        for level in ladder.levels:
            lines.append(f"{level.number}  {level.after}: {level.actions}")
            if level.repeat:
                lines.append(f"    {level.repeat}")
        if ladder.stop:
            lines.append(f"stop when {ladder.stop}")
        found.append((say(_('Escalation "{name}"')).format(name=ladder.name), lines))
    if graph.rules:
        lines = []
        for rule in graph.rules:
            mode = f" ({rule.mode})" if rule.mode else ""
            lines += [f"{rule.name}{mode}", f"    when {rule.when}", f"    then {rule.actions}"]
        found.append((say(_("Rules")), lines))
    parts: list[str] = []
    x = y = tallest = widest = 0.0
    for title, lines in found:
        widths = [measured(_cut(line, 64), 12) for line in lines] + [measured(title, 13 * 1.08)]
        width, height = max(widths) + 2 * PAD, (len(lines) + 1) * LINE + 2 * PAD - 4
        if x and x + width > room:
            x, y, tallest = 0.0, y + tallest + 16, 0.0
        texts = "".join(
            f'<text class="small" xml:space="preserve" x="{x + PAD:g}" y="{y + PAD + 10 + number * LINE:g}">'
            f"{_titled(line, 64)}</text>"
            for number, line in enumerate(lines, 1)
        )
        parts.append(
            f'<g><rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9"/>'
            f'<text class="name" x="{x + PAD:g}" y="{y + PAD + 10:g}">{_text(title)}</text>{texts}</g>'
        )
        x, tallest = x + width + 16, max(tallest, height)
        widest = max(widest, x - 16)
    return "".join(parts), (widest, y + tallest)


def _titled(line: str, longest: int = LONGEST) -> str:
    cut = _cut(line, longest)
    return _text(cut) if cut == line else f"{_text(cut)}<title>{_text(line)}</title>"


def _cut(line: str, longest: int = LONGEST) -> str:
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _text(text: str) -> str:
    """Escaped, without what XML can't hold."""
    return html.escape(re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text))
