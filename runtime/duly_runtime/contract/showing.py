"""A document of headings, paragraphs, lists and tables, as Markdown and as a page that prints."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

import msgspec


class Heading(msgspec.Struct, frozen=True):
    level: int
    text: str


class Paragraph(msgspec.Struct, frozen=True):
    text: str


class Items(msgspec.Struct, frozen=True):
    items: tuple[str, ...]


class Table(msgspec.Struct, frozen=True):
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Items | Table

STYLE = """
:root { color-scheme: light dark; --ground: light-dark(#fff, #101218); --text: light-dark(#1a1f2c, #e8eaf1);
  --muted: light-dark(#566075, #a3abbd); --line: light-dark(#dfe2ea, #2d323e); --head: light-dark(#f4f5f8, #191c24); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.6 ui-serif, Georgia, "Noto Serif", "Liberation Serif", serif; }
main { max-width: 46rem; margin: auto; padding: 3rem 1.2rem 5rem; }
h1, h2, h3, h4, table { font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  line-height: 1.25; }
h1 { font-size: 2rem; letter-spacing: -.02em; margin: 0 0 1rem; }
h2 { font-size: 1.45rem; margin: 2.6rem 0 .8rem; padding-top: 1.4rem; border-top: 2px solid var(--text); }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h4 { font-size: .95rem; margin: 1.4rem 0 .4rem; color: var(--muted); }
p { margin: .5rem 0; } ul { margin: .4rem 0; padding-left: 1.3rem; } li { margin: .15rem 0; }
table { width: 100%; border-collapse: collapse; margin: .7rem 0 1.2rem; font-size: .92rem; }
th, td { text-align: left; padding: .45rem .7rem; border: 1px solid var(--line); vertical-align: top; }
th { background: var(--head); } td:last-child { font-weight: 600; }
@media print { :root { color-scheme: light; } main { max-width: none; padding: 0; } h2, h3, h4 { break-after: avoid; }
  table, li { break-inside: avoid; } @page { margin: 2cm; } }
"""


def as_markdown(blocks: Iterable[Block]) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(level=level, text=text):
            return f"{'#' * level} {_plain(text)}"
        case Paragraph(text=text):
            return _plain(text)
        case Items(items=items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Table(head=head, rows=rows):
            cells = [[_plain(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
            widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
            lines = [_row(row, widths) for row in cells]
            return "\n".join([lines[0], _row(["-" * width for width in widths], widths), *lines[1:]])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _plain(text: str) -> str:
    """Text that Markdown takes as it is, on one line."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", " ".join(text.split()))


def as_html(blocks: Sequence[Block], language: str) -> str:
    """A page that needs nothing else."""
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    body = "\n".join(_html(block) for block in blocks)
    return f"""<!doctype html>
<html lang="{html.escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _html(block: Block) -> str:
    match block:
        case Heading(level=level, text=text):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Paragraph(text=text):
            return f"<p>{html.escape(text)}</p>"
        case Items(items=items):
            return "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
        case Table(head=head, rows=rows):
            top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
            return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
