"""Plans as people and tools read them: text for a terminal, Markdown for a merge request, JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from duly_dsl import i18n
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.meaning import Change, Words
from duly_dsl.render import Words as Problems
from duly_runtime.planning import CardEffect, Effects, Plan

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext
_n = i18n.translations("duly_platform", LANGUAGE).ngettext


def as_json(plan: Plan, choice: str) -> str:
    """The plan, the choice it was made for, and its changes as sentences."""
    words = Words(LANGUAGE)
    whole = msgspec.to_builtins(plan)
    whole["choice"] = choice
    for change, said in zip(whole["changes"], plan.changes, strict=True):
        change["sentence"] = words.sentence(said)
    return msgspec.json.format(msgspec.json.encode(whole)).decode()


def as_text(plan: Plan, choice: str) -> str:
    parts = [*_changes(plan.changes), *_problems(plan.diagnostics)]
    effects = plan.choices.get(choice)
    if effects is not None and plan.open_cards:
        parts += ["", _open(plan.open_cards, choice)]
        parts += [f"  {line}" for line in counted(effects)] or [f"  {_('no open card is affected')}"]
        parts += [f"    {card_line(effect)}" for effect in effects.cards]
        parts += [line for line in _others(plan, choice)]
    if effects is not None and plan.base != plan.version:
        parts += ["", _("Plan {id} (version {version}).").format(id=effects.id, version=plan.version[:12])]
    return "\n".join(parts).strip("\n")


def as_markdown(plan: Plan, choice: str) -> str:
    words = Words(LANGUAGE)
    parts = ["## " + _("Duly plan"), ""]
    parts += [f"- {words.sentence(change)}{_place(change)}" for change in plan.changes] or [
        _("Nothing changes by meaning.")
    ]
    if plan.diagnostics:
        parts += ["", "### " + _("Problems"), ""]
        parts += [f"- **{each.code}** {Problems(LANGUAGE).message(each)} (`{each.span}`)" for each in plan.diagnostics]
    effects = plan.choices.get(choice)
    if effects is not None and plan.open_cards:
        parts += ["", "### " + _open(plan.open_cards, choice), ""]
        parts += [f"- {line}" for line in counted(effects)] or [_("no open card is affected")]
        if effects.cards:
            parts += ["", f"| {_('card')} | {_('effect')} |", "|---|---|"]
            parts += [f"| #{each.card} {_cell(each.title)} | {_cell(effect_text(each))} |" for each in effects.cards]
    if effects is not None and plan.base != plan.version:
        parts += ["", _("Plan {id} (version {version}).").format(id=f"`{effects.id}`", version=f"`{plan.version[:12]}`")]
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _changes(changes: Sequence[Change]) -> list[str]:
    words = Words(LANGUAGE)
    if not changes:
        return [_("Nothing changes by meaning.")]
    marks = {"added": "+", "removed": "-"}
    title = _n("{count} change:", "{count} changes:", len(changes)).format(count=len(changes))
    return [title, *(f"  {marks.get(each.kind, '~')} {words.sentence(each)}{_place(each)}" for each in changes)]


def _place(change: Change) -> str:
    span = change.new if change.new.path else change.old
    return f"  ({span.path}:{span.line})" if span.path else ""


def _problems(problems: Sequence[Diagnostic]) -> list[str]:
    words = Problems(LANGUAGE)
    lines = [""] if problems else []
    for each in problems:
        lines.append(f"{each.severity.value}[{each.code}] {each.span}: {words.message(each)}")
        if help_ := words.help(each):
            lines.append(f"  {help_}")
    return lines


def _open(count: int, choice: str) -> str:
    return _n("{count} open card, `{choice}`:", "{count} open cards, `{choice}`:", count).format(count=count, choice=choice)


def _others(plan: Plan, choice: str) -> list[str]:
    """What the choices not taken would do."""
    lines: list[str] = []
    for name, effects in plan.choices.items():
        if name != choice:
            said = "; ".join(counted(effects)) or _("no open card is affected")
            lines.append("  " + _("with `{choice}`: {effects}").format(choice=name, effects=said))
    return lines


def counted(effects: Effects) -> list[str]:
    """How many cards each kind of effect has."""
    return [_count(kind, count) for kind, count in effects.counts.items()]


def _count(kind: str, count: int) -> str:
    match kind:
        case "stranded":
            text = _n("{count} card is stranded", "{count} cards are stranded", count)
        case "late":
            text = _n("{count} card is late at once", "{count} cards are late at once", count)
        case "on time":
            text = _n("{count} card is no longer late", "{count} cards are no longer late", count)
        case "moved":
            text = _n("the deadline of {count} card moves", "the deadlines of {count} cards move", count)
        case "ended":
            text = _n("a promise to {count} card ends", "promises to {count} cards end", count)
        case "started":
            text = _n("a clock starts for {count} card", "clocks start for {count} cards", count)
        case "ladder":
            text = _n("{count} card is escalated at once", "{count} cards are escalated at once", count)
        case _:
            text = _n("alerts of {count} card go out at once", "alerts of {count} cards go out at once", count)
    return text.format(count=count)


def card_line(effect: CardEffect) -> str:
    title = f" {effect.title}" if effect.title else ""
    return "".join(letter if letter.isprintable() else " " for letter in f"#{effect.card}{title}: {effect_text(effect)}")


def effect_text(effect: CardEffect) -> str:
    metric = i18n.translations("duly_dsl", LANGUAGE).gettext(effect.metric) if effect.metric else ""
    was, due = _instant(effect.was), _instant(effect.due)
    match effect.kind:
        case "stranded":
            what = effect.detail.removeprefix("field:")
            text = _("{what} `{value}` is no more")
            return text.format(what=i18n.translations("duly_dsl", LANGUAGE).gettext(what), value=effect.value)
        case "late":
            return _("{metric} is late at once, due {due} (was {was})").format(metric=metric, was=was, due=due)
        case "on time":
            return _("{metric} is no longer late, due {due}").format(metric=metric, due=due)
        case "moved":
            return _("{metric} due {was} → {due}").format(metric=metric, was=was, due=due)
        case "ended":
            return _("nothing promises {metric} any more (was due {was})").format(metric=metric, was=was)
        case "started":
            return _("{metric} starts, due {due}").format(metric=metric, due=due)
        case "ladder":
            return _("escalation `{name}` acts at once for {metric}").format(name=effect.detail, metric=metric)
        case _:
            return _("alert about {metric} to {people}").format(metric=metric, people=effect.detail)


def _instant(at: dt.datetime | None) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC") if at is not None else "–"
