"""WhatsApp's 24-hour window: what is sent outside it must be a template Meta has approved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import templates as kinds
from duly_dsl.checker import context as c
from duly_dsl.checker.context import Checking, unknown
from duly_dsl.checker.logic import Case, cases, together
from duly_dsl.compiler.doors import meta_name
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.placeholders import Placeholder, names, parse
from duly_dsl.program import TemplateAtMeta
from duly_dsl.scope import Scope

CATEGORIES = ("utility", "marketing", "authentication")
LONGEST = 1024
"""Characters of the body of a template at Meta."""
JUST_WROTE = ("customer replies", "card is created")
"""Events that come with a message of the customer."""

_NAME = re.compile(r"[a-z0-9_]{1,512}")


def check(checking: Checking) -> Iterator[Diagnostic]:
    yield from _approvals(checking)
    for account in checking.environment.templates or ():
        yield from _at_meta(checking, {(each.name, each.language): each for each in account})
    doors = [door for door in checking.workspace.connectors.values() if door.kind.text == "whatsapp"]
    if not any(door.direction != "receives" for door in doors):
        return
    for scope in checking.scopes:
        opens = any(door.pipeline is None or door.pipeline.text == scope.pipeline.name.text for door in doors)
        for action, when in _outside(scope.pipeline) if opens else ():
            if when is None or _by_whatsapp(when, scope):
                yield from _unapproved(checking, action)
        for told in _told(scope.pipeline):
            if told.channel is not None and told.channel.text == "whatsapp" and not _approved(checking, told.template):
                yield kinds.UNAPPROVED.at(told.span)


def _approvals(checking: Checking) -> Iterator[Diagnostic]:
    named: dict[str, s.Template] = {}
    for template in checking.workspace.templates.values():
        if template.approval is None:
            continue
        name, category = meta_name(template), template.approval.category
        if category is not None and category.text not in CATEGORIES:
            yield unknown(kinds.BAD_CATEGORY, category, CATEGORIES)
        place = template.approval.name.span if template.approval.name else template.approval.span
        if not _NAME.fullmatch(name):
            yield kinds.BAD_META_NAME.at(place, name=name)
        other = named.setdefault(name, template)
        if other is not template:
            yield kinds.SAME_META_NAME.at(place, name=name, other=other.name.text)
        for variant in template.variants:
            parts = parse(variant.text.value)
            ends = [part for part in (*parts[:1], *parts[-1:]) if isinstance(part, Placeholder)]
            if ends or len(variant.text.value) > LONGEST:
                yield kinds.NOT_FOR_META.at(variant.text.span, name=template.name.text)


def _at_meta(checking: Checking, known: Mapping[tuple[str, str], TemplateAtMeta]) -> Iterator[Diagnostic]:
    """What the templates of the files are at Meta, where a server has asked."""
    for template in checking.workspace.templates.values():
        if template.approval is None:
            continue
        name = meta_name(template)
        for variant in template.variants:
            language = variant.language.value.replace("-", "_")
            found = known.get((name, language))
            if found is None or found.status == "DELETED":
                yield kinds.NOT_AT_META.at(variant.span, name=name, language=language)
            elif found.status != "APPROVED":
                yield kinds.NOT_APPROVED.at(variant.span, name=name, language=language, state=found.status)
            elif found.variables is not None:
                for reason, ours, theirs in _differences(template, variant, found):
                    yield kinds.DIFFERS_AT_META.at(variant.span, name=name, reason=reason, ours=ours, theirs=theirs)


def _differences(
    template: s.Template, variant: s.Variant, found: TemplateAtMeta
) -> Iterator[tuple[str, str | int, str | int]]:
    ours = len(names(variant.text.value))
    if ours != found.variables:
        yield _("variables"), ours, found.variables or 0
    tag = variant.language.value.casefold()
    media = next((each.media for each in template.headers if each.media), "")
    line = next((each for each in template.headers if each.language and each.language.value.casefold() == tag), None)
    header = media.upper() if media else "TEXT" if line is not None else ""
    if header != found.header:
        yield _("header"), header.lower() or "–", found.header.lower() or "–"
    choices = next((each.rows for each in template.choices if each.language.value.casefold() == tag), ())
    buttons = tuple(row.title.value for row in choices)
    if buttons != found.buttons:
        yield _("buttons"), ", ".join(buttons) or "–", ", ".join(found.buttons) or "–"
    category = template.approval.category.text if template.approval and template.approval.category else "utility"
    if found.category and found.category != category:
        yield _("category"), category, found.category


def _told(pipeline: s.Pipeline) -> Iterator[s.Alert | s.Notify]:
    yield from c.alerts_of(pipeline)
    yield from (action for action in c.actions_of(pipeline) if isinstance(action, s.Notify))


def _outside(pipeline: s.Pipeline) -> Iterator[tuple[s.Action, list[Case] | None]]:
    """What may be sent when the customer has not just written, with the cases in which it is."""
    for stage in pipeline.stages:
        for silence in stage.silences:
            yield silence.action, None
    for ladder in pipeline.escalations:
        spread = cases(ladder.when) if ladder.when is not None else None
        for level in ladder.levels:
            yield from ((action, spread) for action in level.actions)
    for rule in pipeline.rules:
        spread = cases(rule.when) if rule.when is not None else None
        if spread is not None:
            spread = [case for case in spread if not any(_just_wrote(atom, wanted) for atom, wanted in case)]
        if spread is None or spread:
            yield from ((action, spread) for action in rule.actions)


def _just_wrote(atom: s.Expr, wanted: bool) -> bool:
    return wanted and isinstance(atom, s.EventIs) and atom.kind in JUST_WROTE


def _by_whatsapp(spread: list[Case], scope: Scope) -> bool:
    """Whether one of the cases could be of a card that came by WhatsApp."""
    span = scope.pipeline.span
    channel = s.Operand(span=span, name=s.Name(span=span, text="channel"))
    value = s.Value(span=span, kind="word", value="whatsapp")
    return together([((s.Is(span=span, operand=channel, values=(value,)), True),)], spread, scope)


def _unapproved(checking: Checking, action: s.Action) -> Iterator[Diagnostic]:
    if isinstance(action, s.Send | s.Reply):
        free = action.template if isinstance(action, s.Send) else None
        if not _approved(checking, action.outside or free):
            yield kinds.UNAPPROVED.at(action.span)


def _approved(checking: Checking, name: s.Name | None) -> bool:
    """One that is not defined is told of elsewhere."""
    template = checking.workspace.templates.get(name.text) if name is not None else None
    return (name is not None and template is None) or (template is not None and template.approval is not None)
