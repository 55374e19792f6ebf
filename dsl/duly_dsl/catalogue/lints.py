"""E12xx: lints and how they are set."""

from __future__ import annotations

from duly_dsl.catalogue.examples import desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

UNKNOWN_LINT = Kind(
    "E1201",
    "unknown-lint",
    Severity.ERROR,
    _("there is no lint called `%(name)s`"),
    _("write the name of a warning, as in `unreachable-stage`; `duly lint --list` shows all"),
    _(
        "`allow` and `duly.toml` name lints: the problems whose code starts with `W`. Errors have codes with `E` and "
        "can't be silenced: files with errors can't be run."
    ),
    desk(stages='allow unreachable-stages "for later"\nstage "Later" {\n}', nexts='"Later"'),
)
USELESS_ALLOW = Kind(
    "W1202",
    "useless-allow",
    Severity.WARNING,
    _("this `allow` silences nothing: there is no `%(name)s` here"),
    _("remove it, or put it before the line it is about"),
    _(
        "An `allow` in the first lines of a block speaks of the whole block, any other of the statement after it. One "
        "that silences nothing was mended long ago, or stands in the wrong place, and would hide the next real problem."
    ),
    desk(new='allow slow-silence "they answer by phone"'),
)
NO_REASON = Kind(
    "E1203",
    "allow-without-reason",
    Severity.ERROR,
    _("this `allow` gives no reason"),
    _("write between the quotes why `%(name)s` is right here"),
    _("Whoever reads the file next must be able to tell whether the reason still holds."),
    desk(stages='allow unreachable-stage ""\nstage "Later" {\n  next "Done"\n}'),
)
BAD_CONFIG = Kind(
    "E1204",
    "bad-config",
    Severity.ERROR,
    _("`duly.toml` can't be read: %(reason)s"),
    _('write lines like `unreachable-stage = "error"` under `[lints]`; the levels are `error`, `warning` and `off`'),
    _(
        "The file `duly.toml` in the folder of a workspace says how its lints count. It is TOML, with one table called "
        "`lints`: names of lints, and for each a level."
    ),
    '[lints]\nunreachable-stage = "fatal"\n',
    path="duly.toml",
    words=("reason",),
)
