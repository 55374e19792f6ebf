"""What people call the numbers of a backtest. Whoever shows them translates them."""

from __future__ import annotations

from duly_dsl.i18n import marked as _

LABELS = {
    "opened": _("cards opened"),
    "finished": _("cards finished"),
    "reopened": _("cards reopened"),
    "met": _("promises kept"),
    "breaches": _("breaches"),
    "excused": _("excused breaches"),
    "cancelled": _("clocks cancelled"),
    "alerts": _("alerts"),
    "escalations": _("escalations"),
    "notices": _("notices"),
    "messages": _("messages to customers"),
    "calls": _("webhook calls"),
    "moves": _("moves"),
    "assignments": _("assignments"),
    "rules": _("rules fired"),
    "shadow rules": _("shadow rules fired"),
    "refused": _("actions refused"),
    "open at the end": _("open at the end"),
    "late at the end": _("late at the end"),
}
"""Measure -> what people call it."""

HEADINGS = {
    "pipeline": _("By pipeline"),
    "stage": _("By stage"),
    "type": _("By type"),
    "priority": _("By priority"),
    "owner": _("By owner"),
    "team": _("By team"),
    "channel": _("By channel"),
}
