"""What tests have tried of the files: as a summary for the terminal, as JSON for programs, as a page."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from duly_dsl import i18n
from duly_runtime.scenario import SORTS, Covered, Point

LANGUAGE = i18n.of_environment()
_catalogue = i18n.translations("duly_platform", LANGUAGE)
_ = _catalogue.gettext
_n = _catalogue.ngettext

FORMAT = 1
"""Of the JSON, as docs/testing.md tells it."""

TITLES = {
    "stage": _("stages entered"),
    "target": _("target rows chosen"),
    "assignment": _("assignment rows chosen"),
    "alert": _("alerts given"),
    "silence": _("silences acted on"),
    "resume": _("waits ended"),
    "level": _("escalation levels reached"),
    "rule": _("rules fired"),
    "condition": _("conditions true and false"),
}


class Tally(NamedTuple):
    hit: int
    found: int

    @property
    def percent(self) -> float:
        """Of nothing all is covered."""
        return 100 * self.hit / self.found if self.found else 100.0


class File(msgspec.Struct, frozen=True):
    """A file with something to cover. `path` is named from here."""

    path: str
    text: str
    covered: tuple[Covered, ...]

    @property
    def tally(self) -> Tally:
        return tally(self.covered)


class Report(msgspec.Struct, frozen=True):
    files: tuple[File, ...]

    @property
    def covered(self) -> list[Covered]:
        return [each for file in self.files for each in file.covered]

    @property
    def percent(self) -> float:
        return tally(self.covered).percent

    def sorts(self) -> dict[str, Tally]:
        """Those there are, in the order of SORTS."""
        found = {sort: tally(each for each in self.covered if each.point.sort == sort) for sort in SORTS}
        return {sort: each for sort, each in found.items() if each.found}


def tally(covered: Iterable[Covered]) -> Tally:
    counts = [each.count > 0 for each in covered]
    return Tally(sum(counts), len(counts))


def files(covered: Sequence[Covered], texts: Mapping[str, str], prefix: str) -> list[File]:
    """The covered points of a workspace by file; its paths are named from here with `prefix`."""
    by_path: dict[str, list[Covered]] = {}
    for each in covered:
        by_path.setdefault(each.point.span.path, []).append(each)
    return [File(prefix + path, texts[path], tuple(found)) for path, found in sorted(by_path.items())]


def percent(value: float) -> str:
    """Rounded down, so that 100 % means all: `87.5 %`."""
    text = f"{int(value * 10) / 10:.1f}".removesuffix(".0")
    return f"{text.replace('.', ',') if LANGUAGE == 'pt-BR' else text} %"


def remarks(source: Sequence[str], points: Sequence[Point]) -> list[str]:
    """What of a line was not tried, in a few words each. `points` are those of the line that were not reached."""
    found: dict[str, None] = {}
    for sort in SORTS:
        here = [point for point in points if point.sort == sort]
        if not here:
            continue
        name = ", ".join(dict.fromkeys(point.name for point in here))
        match sort:
            case "stage":
                found[_('stage "{name}" is never entered').format(name=name)] = None
            case "target":
                found[_("never chosen for {name}").format(name=name)] = None
            case "assignment":
                found[_("this row is never chosen")] = None
            case "alert":
                found[_("this alert about {name} is never given").format(name=name)] = None
            case "silence":
                found[_("this silence is never acted on")] = None
            case "resume":
                found[_("this wait never ends")] = None
            case "level":
                found[_("this level is never reached")] = None
            case "rule":
                found[_('rule "{name}" never fires').format(name=name)] = None
            case _:
                found |= dict.fromkeys(_conditions(source, here))
    return list(found)


def _conditions(source: Sequence[str], points: Sequence[Point]) -> list[str]:
    branches: dict[str, list[str]] = {}
    for point in points:
        branches.setdefault(_written(source, point), []).append(point.branch)
    told: list[str] = []
    for written, missing in branches.items():
        if len(missing) > 1:
            text = _("`{condition}` is never asked")
        elif missing == ["true"]:
            text = _("`{condition}` is never true")
        else:
            text = _("`{condition}` is never false")
        told.append(text.format(condition=written))
    return told


# --- for the terminal -------------------------------------------------------------------------------------------------


def as_text(report: Report) -> str:
    """The sums, and every line with something that no test has tried."""
    whole = tally(report.covered)
    rows = [(TITLES[sort], each) for sort, each in report.sorts().items()]
    head = _("coverage {percent}, {hit} of {found}").format(
        percent=percent(whole.percent), hit=whole.hit, found=whole.found
    )
    width = max((len(title) for title, _tally in rows), default=0)
    lines = [head, ""]
    for title, each in rows:
        lines.append(f"  {title:<{width}}  {f'{each.hit}/{each.found}':>9}  {percent(each.percent):>7}")
    for file in report.files:
        source = file.text.splitlines()
        missing = [each.point for each in file.covered if not each.count]
        if missing:
            lines += ["", file.path]
        for line in dict.fromkeys(point.span.line for point in missing):
            lines.append(f"  {line:>4}  {source[line - 1].strip()}")
            here = [point for point in missing if point.span.line == line]
            lines += [f"        {remark}" for remark in remarks(source, here)]
    return "\n".join(lines)


def _written(source: Sequence[str], point: Point) -> str:
    """A condition as the file has it, its first line."""
    span = point.span
    line = source[span.line - 1]
    return line[span.column - 1 : span.end_column - 1 if span.end_line == span.line else len(line)].strip()


# --- for programs -----------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """By file and line, as docs/testing.md describes it."""

    def sums(each: Tally) -> dict[str, object]:
        return {"hit": each.hit, "found": each.found, "percent": round(each.percent, 2)}

    def point(each: Covered) -> dict[str, object]:
        told: dict[str, object] = {
            "line": each.point.span.line,
            "column": each.point.span.column,
            "sort": each.point.sort,
            "pipeline": each.point.pipeline,
            "name": each.point.name,
            "count": each.count,
        }
        return {**told, "branch": each.point.branch == "true"} if each.point.branch else told

    def file(each: File) -> dict[str, object]:
        lines: dict[int, int] = {}
        for one in each.covered:
            line = one.point.span.line
            lines[line] = min(lines.get(line, one.count), one.count)
        return {
            "path": each.path,
            **sums(each.tally),
            "lines": {str(line): count for line, count in sorted(lines.items())},
            "points": [point(one) for one in each.covered],
        }

    told = {
        "format": FORMAT,
        **sums(tally(report.covered)),
        "sorts": {sort: sums(each) for sort, each in report.sorts().items()},
        "files": [file(each) for each in report.files],
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# --- as a page --------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --ground: light-dark(#f4f5f8, #101218); --surface: light-dark(#fff, #191c24);
  --line: light-dark(#dfe2ea, #2d323e); --text: light-dark(#1a1f2c, #e8eaf1); --muted: light-dark(#566075, #a3abbd);
  --ok: light-dark(#1f6b45, #7fd6a6); --ok-soft: light-dark(#e2f3e9, #17332a); --part: light-dark(#85510a, #f2c063);
  --part-soft: light-dark(#fdf0d5, #3a2d13); --none: light-dark(#b3261e, #ff9b91);
  --none-soft: light-dark(#fce6e4, #43201f);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, "DejaVu Sans Mono", monospace; }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem clamp(1rem, 4vw, 3rem) 4rem; background: var(--ground); color: var(--text);
  font: .9rem/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 76rem; margin: auto; display: grid; gap: 1.4rem; grid-template-columns: minmax(0, 1fr); }
h1 { font-size: 1.4rem; margin: 0; letter-spacing: -.015em; } h2 { font-size: 1rem; margin: 0; }
header { display: flex; flex-wrap: wrap; gap: .3rem 1rem; align-items: baseline; }
header p { margin: 0; color: var(--muted); } .whole { font-size: 2rem; font-weight: 700;
  font-variant-numeric: tabular-nums; }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.sums { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1px; }
.sums > div { box-shadow: 0 0 0 1px var(--line); padding: .7rem 1rem; } .sums b { font-variant-numeric: tabular-nums; }
.sums span { color: var(--muted); display: block; font-size: .82rem; }
.bar { height: 4px; border-radius: 2px; background: var(--none-soft); margin-top: .4rem; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--ok); }
nav { display: grid; } nav a { display: grid; grid-template-columns: minmax(0, 1fr) 8rem 4.5rem; gap: 1rem;
  align-items: center;
  padding: .5rem 1rem; color: inherit; text-decoration: none; border-top: 1px solid var(--line); }
nav a:first-child { border: 0; } nav a:hover { background: var(--ground); } nav .bar { margin: 0; }
nav b { text-align: right; font-variant-numeric: tabular-nums; }
section > h2 { padding: .7rem 1rem; border-bottom: 1px solid var(--line); display: flex; justify-content: space-between; }
section > h2 small { color: var(--muted); font-weight: 500; }
.code { overflow-x: auto; padding: .4rem 0; font: .8rem/1.6 var(--mono); }
.row { display: grid; grid-template-columns: 3.5rem 4rem minmax(max-content, 1fr); border-left: 4px solid transparent; }
.row > * { padding-right: 1rem; white-space: pre; } .row > :nth-child(-n+2) { text-align: right; color: var(--muted);
  user-select: none; }
.row.all { border-color: var(--ok); } .row.all .count { color: var(--ok); }
.row.some { border-color: var(--part); background: var(--part-soft); } .row.some .count { color: var(--part); }
.row.never { border-color: var(--none); background: var(--none-soft); } .row.never .count { color: var(--none); }
.said { color: var(--none); font-style: italic; } .some .said { color: var(--part); }
footer { color: var(--muted); font-size: .82rem; } .key { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .4rem;
  vertical-align: -.1rem; }
"""


def as_html(report: Report) -> str:
    """One page that needs nothing else: the sums, and the files with what every line is worth."""
    whole = tally(report.covered)
    told = _("{hit} of {found}").format(hit=whole.hit, found=whole.found)
    sums = "".join(
        f"<div><b>{percent(each.percent)}</b> <small>{each.hit}/{each.found}</small>"
        f"<span>{html.escape(TITLES[sort])}</span>{_bar(each)}</div>"
        for sort, each in report.sorts().items()
    )
    links = "".join(
        f'<a href="#file-{number}"><span>{html.escape(file.path)}</span>{_bar(file.tally)}'
        f"<b>{percent(file.tally.percent)}</b></a>"
        for number, file in enumerate(report.files, 1)
    )
    sections = "".join(_section(number, file) for number, file in enumerate(report.files, 1))
    key = "".join(
        f'<span><i style="background:var(--{color})"></i>{html.escape(text)}</span>'
        for color, text in (("ok", _("tried")), ("part", _("tried in part")), ("none", _("never tried")))
    )
    title = html.escape(_("What the tests have tried"))
    return f"""<!doctype html>
<html lang="{LANGUAGE}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}: {percent(whole.percent)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><span class="whole">{percent(whole.percent)}</span><div><h1>{title}</h1><p>{html.escape(told)}</p></div></header>
<div class="panel sums">{sums}</div>
<nav class="panel">{links}</nav>
{sections}
<footer class="key">{key}</footer>
</main>
</body>
</html>
"""


def _bar(each: Tally) -> str:
    return f'<div class="bar"><i style="width:{each.percent:.1f}%"></i></div>'


def _section(number: int, file: File) -> str:
    by_line: dict[int, list[Covered]] = {}
    for each in file.covered:
        by_line.setdefault(each.point.span.line, []).append(each)
    source = file.text.splitlines()
    rows: list[str] = []
    for line, text in enumerate(source, 1):
        here = by_line.get(line, [])
        never = [each.point for each in here if not each.count]
        state = "" if not here else "all" if not never else "never" if len(never) == len(here) else "some"
        count = f"{max(each.count for each in here)}×" if here else ""
        said = "; ".join(remarks(source, never))
        remark = f'  <span class="said">{html.escape(said)}</span>' if said else ""
        rows.append(
            f'<div class="row {state}"><span>{line}</span><span class="count">{count}</span>'
            f"<span>{html.escape(text)}{remark}</span></div>"
        )
    each = file.tally
    return (
        f'<section class="panel" id="file-{number}"><h2>{html.escape(file.path)}'
        f"<small>{percent(each.percent)} · {each.hit}/{each.found}</small></h2>"
        f'<div class="code">{"".join(rows)}</div></section>'
    )
