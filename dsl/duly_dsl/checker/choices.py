"""What a message offers (`buttons`, `list`) and what stands above its text (`header`), within what WhatsApp takes."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import offers
from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import templates as kinds
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.placeholders import Placeholder, parse


def check(checking: Checking) -> Iterator[Diagnostic]:
    for template in checking.workspace.templates.values():
        for choices in template.choices:
            yield from _choices(choices)
        yield from _together(template)
        yield from _languages(template)
        yield from _headers(template)


def _choices(choices: s.Choices) -> Iterator[Diagnostic]:
    sort, most, longest = "buttons", offers.MOST_BUTTONS, offers.LONGEST_BUTTON
    if choices.label is not None:
        sort, most, longest = "list", offers.MOST_ROWS, offers.LONGEST_ROW
    if not 1 <= len(choices.rows) <= most:
        yield kinds.WRONG_COUNT.at(choices.span, sort=sort, most=most, found=len(choices.rows))
    if choices.label is not None:
        yield from _text(choices.label, offers.LONGEST_BUTTON)
    seen: set[str] = set()
    for row in choices.rows:
        yield from _text(row.title, longest)
        if row.description is not None:
            yield from _text(row.description, offers.LONGEST_DESCRIPTION)
        if row.title.value.strip() in seen:
            yield kinds.BAD_CHOICE.at(row.title.span, text=row.title.value, reason=_("it is there twice"))
        seen.add(row.title.value.strip())


def _text(text: s.Text, longest: int) -> Iterator[Diagnostic]:
    if not text.value.strip():
        yield kinds.BAD_CHOICE.at(text.span, text=text.value, reason=_("it is empty"))
    elif len(text.value) > longest:
        yield kinds.LONG_CHOICE.at(text.span, text=text.value, most=longest)
    elif any(isinstance(part, Placeholder) for part in parse(text.value)):
        yield kinds.BAD_CHOICE.at(text.span, text=text.value, reason=_("it holds a placeholder"))


def _together(template: s.Template) -> Iterator[Diagnostic]:
    name = template.name.text
    lists = [choices for choices in template.choices if choices.label is not None]
    if lists and len(lists) < len(template.choices):
        yield kinds.LIST_ALONE.at(lists[0].span, name=name, reason=_("it has buttons in another language"))
    elif lists and template.approval is not None:
        yield kinds.LIST_ALONE.at(lists[0].span, name=name, reason=_("Meta approves no template with a list"))
    elif lists and any(header.media for header in template.headers):
        yield kinds.LIST_ALONE.at(lists[0].span, name=name, reason=_("a file can't stand above a list"))
    for choices in template.choices:
        longest = offers.LONGEST_ABOVE_LIST if choices.label else offers.LONGEST_ABOVE_BUTTONS
        for variant in template.variants:
            if variant.language.value.casefold() == choices.language.value.casefold() and len(variant.text.value) > longest:
                yield kinds.LONG_CHOICE.at(variant.text.span, text=variant.text.value[:20] + "…", most=longest)


def _languages(template: s.Template) -> Iterator[Diagnostic]:
    """Each language of the text has its choices and its header, or none has; and there are no others."""
    texts = {variant.language.value.casefold(): variant.language for variant in template.variants}
    headers = [header for header in template.headers if header.language is not None]
    for sort, said in ((_("choices"), template.choices), (_("header"), headers)):
        tags = {each.language.value.casefold() for each in said if each.language is not None}
        for tag, language in texts.items():
            if tags and tag not in tags:
                yield kinds.HALF_SAID.at(language.span, name=template.name.text, language=language.value, sort=sort)
        for each in said:
            if texts and each.language is not None and each.language.value.casefold() not in texts:
                yield kinds.NOTHING_BELOW.at(each.span, name=template.name.text, language=each.language.value)


def _headers(template: s.Template) -> Iterator[Diagnostic]:
    media = [header for header in template.headers if header.media]
    if media and len(template.headers) > 1:
        yield kinds.BAD_HEADER.at(template.headers[1].span, reason=_("a file stands above every language by itself"))
    for header in template.headers:
        if header.media:
            if not header.text.value.startswith("https://") or any(c.isspace() for c in header.text.value):
                yield kinds.BAD_HEADER.at(header.text.span, reason=_("the link must begin with https://"))
            continue
        parts = parse(header.text.value)
        if sum(isinstance(part, Placeholder) for part in parts) > 1:
            yield kinds.BAD_HEADER.at(header.text.span, reason=_("a header takes one placeholder"))
        elif (
            not header.text.value.strip()
            or sum(len(part) for part in parts if isinstance(part, str)) > offers.LONGEST_HEADER
        ):
            yield kinds.BAD_HEADER.at(header.text.span, reason=_("a header has 1 to 60 characters"))
