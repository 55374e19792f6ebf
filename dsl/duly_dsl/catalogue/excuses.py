"""E14xx: excused breaches."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

UNKNOWN_EXCUSE = Kind(
    "E1401",
    "unknown-excuse",
    Severity.ERROR,
    _("`%(name)s` is no reason that `%(pipeline)s` excuses a missed clock for"),
    _('write one of its reasons, or add it: `excuses "%(name)s"`'),
    _(
        "A miss is excused for a reason the pipeline lists in an `excuses` line, so that reports can count by reason "
        "and nobody invents one afterwards."
    ),
    desk(
        'excuses "Carrier strike"\nfirst reply within 4h',
        rules=block(
            'rule "Strike"',
            'when first reply is missed and card has tag "strike"',
            'then excuse first reply because "Strike"',
        ),
    ),
    absence="name",
)
EXCUSE_TWICE = Kind(
    "E1402",
    "excuse-twice",
    Severity.ERROR,
    _("the reason `%(name)s` is listed already"),
    _("keep it in one `excuses` line"),
    _("Listed twice, it would not be clear who may excuse a miss for this reason."),
    desk('excuses "Carrier strike"\nexcuses "Carrier strike" by agent'),
)
EXCUSE_WITHOUT_CLOCK = Kind(
    "W1403",
    "excuse-without-clock",
    Severity.WARNING,
    _("nothing in `%(pipeline)s` promises `%(metric)s`, so it is never missed"),
    _("promise it, or remove the excuse"),
    _("Only a clock that was missed can be excused, and a clock runs only where something is promised."),
    desk(
        'excuses "Carrier strike"\nresolved within 8h',
        rules=block('rule "Strike"', "when resolved is missed", 'then excuse first reply because "Carrier strike"'),
    ),
    absence="file",
)
