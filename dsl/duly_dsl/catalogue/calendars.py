"""E04xx: working time and the people who work it."""

from __future__ import annotations

from duly_dsl.catalogue.examples import OFFICE, TEAM, block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity


def _office(*lines: str) -> str:
    return block('calendar "Office"', 'time zone "Europe/Lisbon"', "open monday to friday 09:00-18:00", *lines)


BAD_ZONE = Kind(
    "E0401",
    "bad-time-zone",
    Severity.ERROR,
    _("there is no time zone `%(name)s`"),
    _("write a zone of the IANA list, like `Europe/Lisbon` or `America/Sao_Paulo`"),
    _("Zones are named by continent and city, as in the IANA list that phones and computers use."),
    OFFICE.replace("Europe/Lisbon", "Europe/Lisboa"),
)
NO_ZONE = Kind(
    "E0402",
    "missing-time-zone",
    Severity.ERROR,
    _("the calendar `%(name)s` has no time zone"),
    _('add a line `time zone "Europe/Lisbon"` with your zone'),
    _("Opening hours are wall times, so the calendar must say on whose wall."),
    OFFICE.replace('  time zone "Europe/Lisbon"\n', ""),
    absence="file",
)
NEVER_OPENS = Kind(
    "E0403",
    "empty-calendar",
    Severity.ERROR,
    _("the calendar `%(name)s` never opens"),
    _("add a line like `open monday to friday 09:00-18:00`"),
    _("A clock on a calendar without opening hours would never fall due: the promise could be neither kept nor broken."),
    block('calendar "Office"', 'time zone "Europe/Lisbon"'),
    absence="file",
)
OVERLAPPING_HOURS = Kind(
    "E0404",
    "overlapping-hours",
    Severity.ERROR,
    _("`%(found)s` overlaps the opening hours `%(other)s`"),
    _("write each hour of a day once"),
    _(
        "Two openings of one day must not overlap, nor may one that runs past midnight reach into the next day's. It "
        "doesn't change any clock, but one of the two lines is not what was meant."
    ),
    _office("open friday 17:00-20:00"),
)
BAD_REGION = Kind(
    "E0405",
    "bad-holiday-region",
    Severity.ERROR,
    _("Duly knows no holidays of `%(name)s`"),
    _("write an ISO country (`PT`), with a subdivision where wanted (`BR-SP`)"),
    _("Public holidays come by country and subdivision, as named by ISO 3166."),
    _office('holidays from "PT-XX"'),
)
CLASHING_DAYS = Kind(
    "E0407",
    "clashing-days",
    Severity.ERROR,
    _("another line says already what happens on %(day)s"),
    _("keep one of the two lines"),
    _(
        "A day can be closed, short or extra, and only one of them. A dated line beats a yearly one; these two are "
        "of one kind."
    ),
    _office("closed on 2026-12-23", "short day 2026-12-23 09:00-12:00"),
)
EMPTY_TEAM = Kind(
    "E0409",
    "empty-team",
    Severity.ERROR,
    _("the team `%(name)s` has no members"),
    _("add a line `members` with user names"),
    _("A team without members can't own cards, and nobody would hear of what is sent to it."),
    desk(new='owner team "Front desk"', rest=block('team "Front desk"', "lead ana")),
    absence="file",
)
NOBODY = Kind(
    "E0410",
    "notify-nobody",
    Severity.ERROR,
    _("`%(found)s` is nobody: %(reason)s"),
    _("add the person to the team, or name somebody else"),
    _(
        'Alerts and escalations must reach somebody. `manager of "T"` and `lead of "T"` need a team that has one; '
        "`manager` and `lead` are those of the card's team, so at least one team of the pipeline needs one."
    ),
    desk(
        new='owner team "Front desk"\nleave stage within 4h\nalert manager at 80% of leave stage',
        rest=TEAM.replace("  manager bruno\n", ""),
    ),
    absence="file",
    words=("reason",),
)
LEVEL_OF_MEMBERS = Kind(
    "E0415",
    "level-of-members",
    Severity.ERROR,
    _("a team's levels count from 2, so there is no `level %(number)s` to write"),
    _("name these people in `members`, or write `level 2`"),
    _("The members of a team are its level 1: they get the cards. Whom to ask next stands at level 2, then at level 3."),
    desk(new='owner team "Front desk"', rest=TEAM.replace("  manager", "  level 1 carla\n  manager")),
)
LEVEL_TWICE = Kind(
    "E0416",
    "level-twice",
    Severity.ERROR,
    _("the team `%(name)s` has a level %(number)s already"),
    _("put all people of a level in one line"),
    _("Each level of a team is one line: `level 2 bruno, carla`."),
    desk(new='owner team "Front desk"', rest=TEAM.replace("  manager", "  level 2 carla\n  level 2 diogo\n  manager")),
)
NO_ADDRESS = Kind(
    "W0411",
    "no-address",
    Severity.WARNING,
    _("%(person)s has no %(sort)s, so the notice by %(channel)s can't arrive"),
    _("add a line `%(line)s` to the person, or use another channel"),
    _(
        "A notice by e-mail needs the person's e-mail address, one by WhatsApp their phone number. It would show in "
        "the app only."
    ),
    desk(
        rules=block('rule "Tell"', "when card is created", "then notify agent ana by email"),
        rest=block("person ana", 'name "Ana"')
        + "\n"
        + block('connector "Mail" sends email', 'server secret "SMTP"', 'from "a@support.example"'),
    ),
    words=("sort",),
)
NO_DOOR = Kind(
    "W0412",
    "no-door",
    Severity.WARNING,
    _("no connector sends by %(channel)s, so this notice can't leave"),
    _("add a connector of kind `%(channel)s` that sends"),
    _("Notices by e-mail and WhatsApp leave through a connector of that kind with `sends` or `connects`."),
    desk(rules=block('rule "Tell"', "when card is created", "then notify agent ana by email")),
    absence="file",
)
BAD_NOTICE_CHANNEL = Kind(
    "E0413",
    "bad-channel",
    Severity.ERROR,
    _("people can't be told by `%(name)s`"),
    _("write `app`, `email` or `whatsapp`, or leave `by` out for the person's own choice"),
    _("Notices go to the app, by e-mail, or by WhatsApp."),
    desk(rules=block('rule "Tell"', "when card is created", "then notify agent ana by pigeon")),
)
CANNOT_OWN = Kind(
    "E0414",
    "cannot-own",
    Severity.ERROR,
    _("a card can't be given to `%(found)s`"),
    _("name an agent or a team, or use `least busy of` or `round robin of` a team"),
    _("`owner`, `lead` and `manager` are told by who has the card, so they can't say who gets it."),
    desk(rules=block('rule "Give"', "when card is created", "then assign to owner")),
)
PAST_CLOSURE = Kind(
    "W0420",
    "past-closure",
    Severity.WARNING,
    _("this day was over long ago, on %(last)s"),
    _("remove the line, or write it for `every year`"),
    _(
        "A dated line counts for its date only. Once the clocks that ran over it are done, it says nothing any more; a "
        "closure that comes back every year was perhaps forgotten for this one. Reported from 60 days after."
    ),
    _office("closed on 2025-12-24"),
    needs="today",
)
DST_GAP = Kind(
    "W0421",
    "dst-gap",
    Severity.WARNING,
    _("`%(found)s` doesn't exist on %(day)s: the clocks go from %(first)s to %(last)s"),
    _("begin or end at an hour that exists every day, such as %(last)s"),
    _(
        "Where summer time begins, part of an hour is skipped. An opening that begins or ends in it is taken to do so at "
        "the end of the gap, and is shorter or longer than it looks that day."
    ),
    block('calendar "Office"', 'time zone "Europe/Lisbon"', "open every day 01:30-09:00"),
    needs="today",
)
HOLIDAYS_RUN_OUT = Kind(
    "W0422",
    "holidays-run-out",
    Severity.WARNING,
    _("the public holidays of `%(region)s` are known until %(year)s only"),
    _("update Duly, or write next year's holidays as `closed on` lines"),
    _(
        "Some countries announce holidays from year to year. After the last year known every weekday counts as open, so "
        "that promises fall due on holidays."
    ),
    _office('holidays from "LK"'),
    needs="holidays_until",
)
OWNER_REQUIRED = Kind(
    "W0423",
    "owner-required",
    Severity.WARNING,
    _("`%(pipeline)s` tells the owner of a card, and gives no card one"),
    _("add `owner` to a stage, an `assign` table, or a rule that assigns"),
    _(
        "As long as nobody takes a card by hand it has no owner and no team, and what is for the owner reaches nobody: "
        "just the cards nobody looks at."
    ),
    desk(new="leave stage within 4h\nalert owner at 80% of leave stage"),
    absence="file",
)
