"""W19xx: what a new version would do to the cards now open. Told by a plan, which knows both versions."""

from __future__ import annotations

from duly_dsl.catalogue.examples import desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

RENAME_WITHOUT_WAS = Kind(
    "W1901",
    "rename-without-was",
    Severity.WARNING,
    _("the %(sort)s `%(name)s` is gone and `%(new)s`, much like it, is new"),
    _("if it is the same under a new name, say so with `was`; else publish as it is"),
    _(
        "Cards remember stages, pipelines and fields by name. What is renamed must say what it was called, "
        '`stage "In progress" was "Working"`, or the cards that are in it are left behind, and the values of a field stay '
        "under its old name. Of a template what stays is the record of what was sent once."
    ),
    desk(nexts='"Finished"').replace('stage "Done"', 'stage "Finished"'),
    words=("sort",),
    before=desk(),
)
FIELD_STILL_HELD = Kind(
    "W1902",
    "field-still-held",
    Severity.WARNING,
    _("the field `%(name)s` of `%(pipeline)s` is gone while %(count)s open cards hold a value in it"),
    _("keep the field until those cards are finished, or publish knowing that nothing shows the values any more"),
    _(
        "Values stay with their cards, but a field that no version describes is neither shown nor asked for, and "
        "conditions can't read it."
    ),
    desk(),
    before=desk('field "Order number" text'),
)
STAGE_STILL_HOLDS = Kind(
    "W1903",
    "stage-still-holds-cards",
    Severity.WARNING,
    _("the %(sort)s `%(name)s` is gone while %(count)s open cards are in it"),
    _("move the cards on first, keep it, or say with `was` what it is called now"),
    _(
        "Cards in a stage that is gone are stranded: it promises nothing, no board shows it, and a person has to move "
        "each to a stage there is."
    ),
    desk(),
    words=("sort",),
    before=desk(nexts='"Waiting for the warehouse"', stages='stage "Waiting for the warehouse" {\nnext "Done"\n}'),
)
