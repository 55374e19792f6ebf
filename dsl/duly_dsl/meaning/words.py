"""Changes as sentences, in each of `i18n.LANGUAGES`."""

from __future__ import annotations

from collections.abc import Sequence

from duly_dsl import i18n
from duly_dsl.i18n import marked as _
from duly_dsl.meaning.change import Change, Place
from duly_dsl.meaning.parts import DAYS

ADDED = _("%(thing)s added")
REMOVED = _("%(thing)s removed")
RENAMED = _("%(sort)s renamed `%(before)s` → `%(after)s` (was)")
RENAMED_IN = _("%(sort)s of %(outer)s renamed `%(before)s` → `%(after)s` (was)")
CHANGED = "%(thing)s: %(what)s %(before)s → %(after)s"
GAINED = _("%(thing)s: %(what)s %(after)s added")
LOST = _("%(thing)s: %(what)s %(before)s removed")
DIFFERS = _("%(thing)s: %(what)s differs")
ORDERED = _("%(thing)s: another order of %(what)s: %(after)s")
OF = _("%(inner)s of %(outer)s")
WHATS = (
    _("opening hours on %(days)s"),
    _("%(metric)s if %(condition)s"),
    _("rows of %(metric)s"),
    _("workspace"),
    _("actions"),
    _("rules"),
    _("stages"),
    _("fields"),
    _("alerts"),
    _("escalations"),
    _("assigns"),
    _("days"),
    _("silences"),
    _("resumes"),
    _("kind"),
)
METRICS = (_("first reply"), _("next reply"), _("leave stage"), _("resolved"))
LONGEST = 160
"""Characters of a value in a sentence; the whole of it is in the change."""


class Words:
    """`language` None is the terminal's."""

    def __init__(self, language: str | None = None) -> None:
        self.gettext = i18n.translations("duly_dsl", language or i18n.of_environment()).gettext

    def thing(self, places: Sequence[Place]) -> str:
        """`stage `New` of `Support``: a pipeline is named without its sort where something stands in it."""
        inner, *outer = places
        said = self._place(inner)
        for number, place in enumerate(outer):
            last = number == len(outer) - 1 and place.sort == "pipeline"
            said = self.gettext(OF) % {"inner": said, "outer": f"`{place.name}`" if last else self._place(place)}
        return said

    def what(self, change: Change) -> str:
        values = dict(change.values)
        if metric := values.get("metric"):
            values["metric"] = self.gettext(metric)
        if "days" in values:
            values["days"] = ", ".join(self.gettext(day) if day in DAYS else day for day in values["days"].split(", "))
        return self.gettext(change.what) % values if change.what else ""

    def sentence(self, change: Change) -> str:
        """One sentence without a full stop."""
        values = {
            "thing": self.thing(change.places),
            "what": self.what(change),
            "before": _short(change.before),
            "after": _short(change.after),
        }
        match change.kind:
            case "added":
                template = ADDED
            case "removed":
                template = REMOVED
            case "renamed":
                inner, *outer = change.places
                values["sort"] = self.gettext(inner.sort)
                values["outer"] = f"`{outer[0].name}`" if len(outer) == 1 else self.thing(outer) if outer else ""
                template = RENAMED_IN if outer else RENAMED
            case "order":
                template = ORDERED
            case _:
                both = change.before and change.after
                template = CHANGED if both else GAINED if change.after else LOST if change.before else DIFFERS
        # a part that has no name of its own leaves no gap
        return " ".join((self.gettext(template) % values).split())

    def _place(self, place: Place) -> str:
        sort = self.gettext(place.sort)
        if not place.name:
            return sort
        return f"{sort} {place.name}" if place.sort in ("level", "alert") else f"{sort} `{place.name}`"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
