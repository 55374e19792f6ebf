"""Texts: their languages and their placeholders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import templates as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking
from duly_dsl.diagnostics import Diagnostic, Fix, no_statement
from duly_dsl.nearest import nearest
from duly_dsl.placeholders import BUILT_IN, Placeholder, parse
from duly_dsl.scope import Scope
from duly_dsl.source import Span

OF_A_CLOCK = ("clock", "due")
"""Placeholders that only an alert or an escalation has a value for."""


def check(checking: Checking) -> Iterator[Diagnostic]:
    used: dict[str, list[Scope]] = {}
    to_customers: set[str] = set()
    for scope in checking.scopes:
        for name, to_customer in _sent(scope.pipeline):
            if scope not in used.setdefault(name.text, []):
                used[name.text].append(scope)
            if to_customer:
                to_customers.add(name.text)
        for action in c.actions_of(scope.pipeline):
            if isinstance(action, s.Reply | s.AddNote):
                reply = isinstance(action, s.Reply)
                yield from _placeholders(action.text, [scope], to_customer=reply)
    for name, template in checking.workspace.templates.items():
        yield from _languages(template, used.get(name, []))
        for variant in (*template.variants, *template.subject, *(each for each in template.headers if not each.media)):
            scopes = used.get(name) or list(checking.scopes)
            yield from _placeholders(variant.text, scopes, name in to_customers, some=name not in used)


def _sent(pipeline: s.Pipeline) -> Iterator[tuple[s.Name, bool]]:
    """Templates a pipeline uses, and whether a customer gets them."""
    for alert in c.alerts_of(pipeline):
        if alert.template is not None:
            yield alert.template, False
    for action in c.actions_of(pipeline):
        for name in c.templates_of(action):
            yield name, not isinstance(action, s.Notify)


def _languages(template: s.Template, scopes: Iterable[Scope]) -> Iterator[Diagnostic]:
    name = template.name.text
    if not template.variants:
        yield kinds.EMPTY_TEMPLATE.at(template.name.span, name=name)
        return
    for variants in (template.variants, template.subject, template.headers, template.choices):
        seen: set[str] = set()
        for variant in variants:
            tag = variant.language.value if variant.language is not None else ""
            if not tag:
                continue
            if tag.casefold() in seen:
                fixes = (no_statement(variant.span, titles.OMIT, sure=False),)
                yield kinds.DUPLICATE_LANGUAGE.at(variant.span, fixes=fixes, name=name, language=tag)
            seen.add(tag.casefold())
    have = {variant.language.value.casefold() for variant in template.variants}
    for scope in scopes:
        for language in scope.pipeline.languages:
            if language.value.casefold() not in have:
                yield kinds.MISSING_LANGUAGE.at(
                    template.name.span, name=name, language=language.value, pipeline=scope.pipeline.name.text
                )


def _placeholders(text: s.Text, scopes: list[Scope], to_customer: bool, some: bool = False) -> Iterator[Diagnostic]:
    """`some`: the text is used nowhere yet, so one pipeline that has its fields is enough."""
    for part in parse(text.value):
        if not isinstance(part, Placeholder):
            continue
        if part.name in BUILT_IN:
            if to_customer and part.name in OF_A_CLOCK:
                yield kinds.EMPTY_PLACEHOLDER.at(text.span, name=part.name)
            continue
        lacking = [scope for scope in scopes if scope.field(part.name) is None]
        if not lacking or (some and len(lacking) < len(scopes)):
            continue
        close = nearest(part.name, (*BUILT_IN, *lacking[0].fields))
        written, fixes = "{" + part.name + "}", tuple[Fix, ...]()
        plain = text.span.end_column - text.span.column == len(text.value) + 2  # no escapes: columns are the value's own
        if close and plain and text.value.count(written) == 1:
            column = text.span.column + 1 + text.value.index(written)
            there = Span(text.span.path, text.span.line, column, text.span.line, column + len(written))
            fixes = (Fix(titles.WRITE, there, "{" + close + "}"),)
        yield kinds.UNKNOWN_PLACEHOLDER.at(
            text.span,
            nearest=close,
            fixes=fixes,
            name=part.name,
            pipeline=lacking[0].pipeline.name.text,
            known=", ".join(f"`{{{name}}}`" for name in BUILT_IN),
        )
