"""What a message offers to choose from, and what stands above it: for channels that show such things, and as plain lines
for all others. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from duly_dsl import i18n, offers
from duly_dsl import program as p
from duly_runtime.doors import Choices, Header, Rich
from duly_runtime.events import Choice


def of_template(found: p.Template, language: str, header: str) -> tuple[Header | None, Choices | None]:
    """What a template has in a language; `header` is its line of text, filled in."""
    above = found.header
    shown = None
    if above is not None and above.media:
        shown = Header(media=above.media, link=above.link)
    elif header:
        shown = Header(text=header)
    offered = found.choices.get(language)
    if offered is None:
        return shown, None
    rows = tuple(Choice(title=row.title, description=row.description) for row in offered.rows)
    return shown, Choices(rows=rows, label=offered.label)


def of_person(rows: Sequence[Choice], language: str) -> Choices | None:
    """Buttons where they fit, else a list."""
    if not rows:
        return None
    short = all(len(row.title) <= offers.LONGEST_BUTTON and not row.description for row in rows)
    if short and len(rows) <= offers.MOST_BUTTONS:
        return Choices(rows=tuple(rows))
    _ = i18n.translations("duly_runtime", i18n.choose(language)).gettext
    return Choices(rows=tuple(rows), label=_("Choose"))


def wrong(rows: Sequence[Choice], text: str) -> bool:
    """Whether a person offers more, or longer, than fits."""
    titles = [row.title.strip() for row in rows]
    return (
        len(rows) > offers.MOST_ROWS
        or any(not title or len(title) > offers.LONGEST_ROW for title in titles)
        or any(len(row.description) > offers.LONGEST_DESCRIPTION for row in rows)
        or len(set(titles)) < len(titles)
        or len(text) > offers.LONGEST_ABOVE_BUTTONS
    )


def rich(body: str, header: Header | None, choices: Choices | None) -> Rich | None:
    """The parts of a message; None where it is a text and nothing else."""
    if header is None and choices is None:
        return None
    return Rich(body=body, header=header, choices=choices)


def plain(body: str, header: Header | None, choices: Choices | None) -> str:
    """All of it as lines."""
    parts = [(header.text or header.link)] if header is not None else []
    parts.append(body)
    if choices is not None:
        rows = (f"{row.title}: {row.description}" if row.description else row.title for row in choices.rows)
        parts.append("\n".join(f"{number}. {row}" for number, row in enumerate(rows, 1)))
    return "\n\n".join(part for part in parts if part)
