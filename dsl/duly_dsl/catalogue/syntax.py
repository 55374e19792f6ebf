"""E01xx: texts that can't be read."""

from __future__ import annotations

from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

UNEXPECTED = Kind(
    "E0101",
    "unexpected-word",
    Severity.ERROR,
    _("`%(found)s` doesn't fit here"),
    _("here can stand: %(expected)s"),
    _(
        "The line makes sense up to this word. Every statement is one line, made of fixed words, names in double "
        "quotes "
        "and values.\n\nThe line was left out; the lines after it were checked as usual."
    ),
    'team "Front desk" {\n  members ana bruno\n}\n',
)
MISSPELT = Kind(
    "E0102",
    "misspelt-word",
    Severity.ERROR,
    _("`%(found)s` is no word Duly knows here"),
    _("write `%(word)s`"),
    _(
        "The word is close to one that can stand here, so the line was read as if that one had been written.\n\n"
        "Words of the language are in lower case."
    ),
    'calendar "Office" {\n  time zone "Europe/Lisbon"\n  opne every day 09:00-17:00\n}\n',
)
UNKNOWN_CHARACTER = Kind(
    "E0103",
    "unknown-character",
    Severity.ERROR,
    _("`%(found)s` means nothing here"),
    _("remove it, or put the text it belongs to in double quotes"),
    _(
        "Outside quotes and comments a file holds words, numbers, durations and the signs `{ } | , ( ) < > -`. No "
        "statement "
        "ends with a semicolon: it ends with its line."
    ),
    'team "Front desk" {\n  members ana;\n}\n',
)
UNCLOSED_TEXT = Kind(
    "E0104",
    "unclosed-text",
    Severity.ERROR,
    _("the text `%(found)s` has no closing quote"),
    _('close it on the same line; inside, write a quote as `\\"` and a new line as `\\n`'),
    _("A text starts and ends with a double quote on one line."),
    'team "Front desk {\n  members ana\n}\n',
)
CURLY_QUOTES = Kind(
    "E0105",
    "curly-quotes",
    Severity.ERROR,
    _("`%(found)s` has typographic quotes"),
    _("use straight double quotes"),
    _("Word processors and chat programs change straight quotes to curly ones. Texts in Duly have straight double quotes."),
    "team “Front desk” {\n  members ana\n}\n",
)
UNFINISHED = Kind(
    "E0106",
    "unfinished-line",
    Severity.ERROR,
    _("the line ends too early"),
    _("it could go on with: %(expected)s"),
    _("A statement is one line; this one needs more words than it has. The line was left out."),
    'team "Front desk" {\n  members\n}\n',
)
TRAILING = Kind(
    "E0107",
    "trailing-words",
    Severity.ERROR,
    _("the statement is complete before `%(found)s`"),
    _("put the rest on a line of its own, or remove it"),
    _("A statement is one line, and a line is one statement. The line was left out."),
    'team "Front desk" {\n  lead ana bruno\n}\n',
)
MISSING_OPEN = Kind(
    "E0108",
    "missing-open-brace",
    Severity.ERROR,
    _("`%(header)s` opens a block and needs a `{` at the end of its line"),
    _("add ` {`"),
    _("The lines of a block stand between a `{` at the end of its first line and a `}` on a line of its own."),
    'team "Front desk"\n  members ana\n}\n',
)
MISSING_CLOSE = Kind(
    "E0109",
    "missing-close-brace",
    Severity.ERROR,
    _("the block of this `%(header)s` is never closed"),
    _("add a `}` on a line of its own after the block's last line"),
    _(
        "The lines of a block stand between a `{` at the end of its first line and a `}` on a line of its own.\n\n"
        "Which block was left open is told from the words, and from the indentation where that explains more."
    ),
    'team "Front desk" {\n  members ana\n',
)
NOTICED_HERE = _("this line shows that it should have ended before")
STRAY_CLOSE = Kind(
    "E0110",
    "stray-close-brace",
    Severity.ERROR,
    _("this `}` closes nothing"),
    _("remove it, or add the line that opens its block"),
    _(
        "Each `}` closes the block that was opened last. Here no block is open, or the indentation shows it is one too "
        "many."
    ),
    'team "Front desk" {\n  members ana\n}\n}\n',
)
BRACE_ALONE = Kind(
    "E0111",
    "brace-on-its-own-line",
    Severity.ERROR,
    _("the `{` belongs at the end of the line above"),
    _("move it up"),
    _("A statement is one line, and the `{` that opens a block is part of the block's first line."),
    'team "Front desk"\n{\n  members ana\n}\n',
)
ONE_LINE_BLOCK = Kind(
    "E0112",
    "block-on-one-line",
    Severity.ERROR,
    _("the lines of a block can't share a line with its braces"),
    _("start a new line after `{` and before `}`"),
    _("A statement is one line. `{` ends a line and `}` has a line of its own."),
    'team "Front desk" { members ana }\n',
)
UNQUOTED_NAME = Kind(
    "E0113",
    "unquoted-name",
    Severity.ERROR,
    _("the name `%(found)s` needs double quotes"),
    _("write `%(quoted)s`"),
    _(
        "Names of things (calendars, teams, pipelines, stages, templates) are in double quotes and may hold spaces and "
        "any "
        "script. People, choices and priorities are bare words."
    ),
    "team Billing {\n  members ana\n}\n",
)
QUOTED_WORD = Kind(
    "E0114",
    "quoted-word",
    Severity.ERROR,
    _("`%(found)s` takes no quotes here"),
    _("write `%(bare)s`"),
    _("People, choices and priorities are bare words; names of things are in double quotes."),
    'team "Billing" {\n  members "ana"\n}\n',
)
MISPLACED = Kind(
    "E0115",
    "misplaced-statement",
    Severity.ERROR,
    _("`%(found)s` doesn't belong in a block of `%(here)s`"),
    _("here can stand: %(expected)s"),
    _(
        "The words are a statement of the language, but of another block: a `stage` belongs in a `pipeline`, `members` "
        "in a "
        "`team`, `next` in a `stage`. The line was left out, with its block if it opens one."
    ),
    'team "Billing" {\n  members ana\n  next "Done"\n}\n',
)
OUTSIDE = Kind(
    "E0119",
    "outside-a-block",
    Severity.ERROR,
    _("`%(found)s` can't stand outside a block"),
    _("outside blocks can stand: %(expected)s"),
    _(
        "The words are a statement of the language, but of a block: a `stage` belongs in a `pipeline`, `members` in a "
        "`team`. "
        "The line was left out, with its block if it opens one. A `}` too many above is another reason for this."
    ),
    'stage "New" {\n  start\n}\n',
)
REPEATED = Kind(
    "E0116",
    "repeated-line",
    Severity.ERROR,
    _("this was said before in the same block"),
    _("keep one of the two lines"),
    _("A block says each thing once, or the reader can't tell which line holds. The first one was used."),
    'team "Billing" {\n  lead ana\n  lead bruno\n}\n',
)
SAID_HERE = _("it was said here")
EMPTY_NAME = Kind(
    "E0117",
    "empty-name",
    Severity.ERROR,
    _("a name can't be empty"),
    _("write a name between the quotes"),
    _("Things are found, shown and reported by their names."),
    'team "" {\n  members ana\n}\n',
)
UNKNOWN_ESCAPE = Kind(
    "E0118",
    "unknown-escape",
    Severity.ERROR,
    _("`%(found)s` means nothing in a text"),
    _('a quote is `\\"`, a new line `\\n`, a tab `\\t`, a backslash `\\\\`'),
    _(
        "In a text a backslash starts one of four escapes. In the pattern of `text matching` backslashes belong to the "
        "pattern "
        "and are left alone."
    ),
    'template "Hello" {\n  "en" "see C:\\share"\n}\n',
)
AMBIGUOUS_DAY = Kind(
    "E0120",
    "ambiguous-day",
    Severity.ERROR,
    _("`%(found)s` doesn't say which days it counts"),
    _("write `%(count)s working %(noun)s` or `%(count)s calendar %(noun)s`"),
    _(
        "A promise of three days given on a Friday ends on Monday in calendar days and on Wednesday in working days. "
        "The file "
        "must say which. `working days` are the calendar's open days, `calendar days` are dates; both end at the same "
        "time of "
        "day. Time on the wall is `48h elapsed`, open time is `16h`."
    ),
    'connector "Mail" sends email {\n  retry 6 times over 3d then park\n}\n',
)
BAD_DURATION = Kind(
    "E0121",
    "bad-duration",
    Severity.ERROR,
    _("`%(found)s` is no duration"),
    _("durations look like `15m`, `1h30m`, `45s`, `2 working days`, `1 calendar day` or `48h elapsed`"),
    _(
        "Hours, minutes and seconds are written `4h`, `15m`, `45s`, largest first and without spaces; alone they count "
        "open "
        "time, followed by `elapsed` time on the wall. Days are `working` or `calendar` days."
    ),
    'connector "Mail" sends email {\n  retry 6 times over 30 minutes then park\n}\n',
)
HUGE_DURATION = Kind(
    "E0122",
    "huge-duration",
    Severity.ERROR,
    _("`%(found)s` is longer than a hundred years"),
    _("write a shorter duration"),
    _("Dates must stay within the calendar. No promise needs more than a hundred years."),
    'connector "Mail" sends email {\n  retry 6 times over 900000 calendar days then park\n}\n',
)
HUGE_NUMBER = Kind(
    "E0123",
    "huge-number",
    Severity.ERROR,
    _("`%(found)s` has too many digits"),
    _("write a smaller number"),
    _("Counts have up to 9 digits and values up to 18."),
    'connector "Mail" sends email {\n  retry 60000000000 times over 1h then park\n}\n',
)
BAD_OFFSET = Kind(
    "E0124",
    "bad-offset",
    Severity.ERROR,
    _("`%(found)s` is no time after the start of the test"),
    _("write `+15m`, `+2h30m` or `+2d4h`; a day here is 24 hours"),
    _("A step of a test happens some days, hours, minutes or seconds after its clock starts, largest first."),
    'test "Late" {\n  at +4h2d expect no alert\n}\n',
)
NO_SUCH_DATE = Kind(
    "E0125",
    "no-such-date",
    Severity.ERROR,
    _("there is no such date as `%(found)s`"),
    _("dates are year-month-day, `2026-12-31`"),
    _("The date isn't in the calendar: check the month and the day."),
    'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-17:00\n  closed on 2026-02-30\n}\n',
)
DATES_BACKWARDS = Kind(
    "E0126",
    "dates-backwards",
    Severity.ERROR,
    _("the last day, %(last)s, is before the first, %(first)s"),
    _("write the earlier date first"),
    _("A closure runs from its first to its last day, both included."),
    'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-17:00\n'
    "  closed from 2026-12-31 to 2026-12-24\n}\n",
)
NO_SUCH_TIME = Kind(
    "E0127",
    "no-such-time",
    Severity.ERROR,
    _("there is no such time as `%(found)s`"),
    _("times run from `00:00` to `24:00`, the end of the day"),
    _("Hours go up to 24 and minutes to 59."),
    'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open every day 09:00-25:00\n}\n',
)
OPEN_ROW = Kind(
    "E0130",
    "open-row",
    Severity.ERROR,
    _("the row has no `|` at its end"),
    _("add ` |`"),
    _("Each cell of a table stands between two bars, the last one too."),
    'pipeline "Desk" {\n  targets {\n    | priority | resolved |\n    | urgent   | 4h\n  }\n}\n',
)
ROW_LENGTH = Kind(
    "E0131",
    "row-length",
    Severity.ERROR,
    _("the number of cells in the row (%(found)s) is not that of the columns (%(wanted)s)"),
    _("give each column one cell; `any` stands for every value, `-` for no target"),
    _("The first row of a table names its columns; every other row has one cell for each. The row was left out."),
    'pipeline "Desk" {\n  targets {\n    | priority | resolved |\n    | urgent |\n  }\n}\n',
)
EMPTY_CELL = Kind(
    "E0132",
    "empty-cell",
    Severity.ERROR,
    _("the cell is empty"),
    _("write `%(word)s` if that is meant"),
    _("An empty cell could mean any value, no target or an oversight. `any` stands for every value, `-` for no target."),
    'pipeline "Desk" {\n  targets {\n    | priority | resolved |\n    |          | 4h       |\n  }\n}\n',
)
BAD_CELL = Kind(
    "E0133",
    "bad-cell",
    Severity.ERROR,
    _("`%(found)s` can't be read as a cell of this column"),
    _("write `any`, a value, or values with commas between them"),
    _(
        "A cell holds what its column speaks of: values parted by commas, `any`, a duration under a clock, a person "
        "under `to`."
    ),
    'pipeline "Desk" {\n  targets {\n    | priority | resolved |\n    | urgent high | 4h |\n  }\n}\n',
)
BAD_HEADING = Kind(
    "E0134",
    "bad-heading",
    Severity.ERROR,
    _("`%(found)s` is no heading"),
    _("a column is a field or `priority`, `channel`, `type`; a clock in `targets`; `words` or `to` in `assign`"),
    _(
        "The first row names the columns. In `targets` the clocks are `first reply`, `next reply`, `leave stage` and "
        "`resolved`; in the `targets` of a `clock` the only one is `within`. In `assign` the column `words` looks for "
        "words in the message and `to` says who gets the card. "
        "Any other "
        "column is a field or one of the card's own: `priority`, `channel`, `type`, `owner`, `team`."
    ),
    'pipeline "Desk" {\n  targets {\n    | priority | first answer |\n    | urgent | 4h |\n  }\n}\n',
)
MISSING_COLUMN = Kind(
    "E0135",
    "missing-column",
    Severity.ERROR,
    _("the table has no column for what it decides"),
    _("add the column `%(column)s`"),
    _("A table of `targets` has at least one clock among its columns, a table of `assign` the column `to`."),
    'pipeline "Desk" {\n  targets {\n    | priority | tier |\n    | urgent | gold |\n  }\n}\n',
)
EMPTY_TABLE = Kind(
    "E0136",
    "empty-table",
    Severity.ERROR,
    _("the table has headings and no rows"),
    _("add a row, or remove the table"),
    _("A table without rows decides nothing."),
    'pipeline "Desk" {\n  targets {\n    | priority | resolved |\n  }\n}\n',
)
BAD_ACTOR = Kind(
    "E0137",
    "bad-actor",
    Severity.ERROR,
    _("`%(found)s` is nobody a card can be given to"),
    _(
        'write `team "…"`, `agent …`, `lead of "…"`, `manager of "…"`, `least busy of "…"`, `round robin of "…"` or '
        '`level 2 of "…"`'
    ),
    _("The column `to` says who gets the card: a team, one agent, or a way to choose one of a team."),
    'pipeline "Desk" {\n  assign when card is created {\n    | channel | to |\n    | any | ana |\n  }\n}\n',
)
MAP_HEADING = Kind(
    "E0138",
    "bad-map-heading",
    Severity.ERROR,
    _("the headings of a `map` are fixed"),
    _("write `%(header)s`"),
    _("A map says where each field of a new card comes from in the message, as what, and what to do where it is missing."),
    'connector "Shop" receives webhook {\n  map {\n    | field | path | type | otherwise |\n'
    '    | title | "subject" | text | skip |\n  }\n}\n',
)
BAD_MAP_TYPE = Kind(
    "E0139",
    "bad-map-type",
    Severity.ERROR,
    _("`%(found)s` is no type of field"),
    _("the types are %(expected)s"),
    _("The column `as` says how to read the value found in the message."),
    'connector "Shop" receives webhook {\n  map {\n    | card field | from message | as | if missing |\n'
    '    | title | "subject" | string | skip |\n  }\n}\n',
)
FILE_TOO_LARGE = Kind(
    "E0140",
    "file-too-large",
    Severity.ERROR,
    _("the file has %(size)s KB, and %(most)s KB is the most"),
    _("split it into several files and join them with `use`"),
    _("A file that large can't be reviewed, and is usually not a rule file at all."),
    "# " + "far too long " * 25_000 + "\n",
)
TOO_MANY_STATEMENTS = Kind(
    "E0141",
    "too-many-statements",
    Severity.ERROR,
    _("the file has more than %(most)s lines that say something"),
    _("split it into several files and join them with `use`"),
    _("A file that long can't be reviewed. Nothing in it was read."),
    'use "a"\n' * 10_001,
)
TOO_DEEP = Kind(
    "E0142",
    "too-deep",
    Severity.ERROR,
    _("the condition nests deeper than %(most)s brackets"),
    _("take it apart into several rules"),
    _("No person can follow a condition that deep. The line was left out."),
    'pipeline "Desk" {\n  rule "Deep" {\n    when ' + "(" * 65 + "card is created" + ")" * 65 + "\n  }\n}\n",
)
NOT_UTF8 = Kind(
    "E0143",
    "not-utf-8",
    Severity.ERROR,
    _("the file isn't UTF-8 text"),
    _("save it as UTF-8 in your editor"),
    _("Rule files are UTF-8. In another encoding names with accents would not be the same names."),
    "# a character that was lost when the file was saved: \ufffd\n",
)
MISSING_USE = Kind(
    "E0150",
    "missing-use",
    Severity.ERROR,
    _("there is no file `%(path)s`"),
    _("write the path of a file of the workspace, relative to this file's folder"),
    _("A `use` names another file of the workspace that this one needs."),
    'use "calender.duly"\n',
)
USE_CYCLE = Kind(
    "E0151",
    "use-cycle",
    Severity.ERROR,
    _("the files use each other in a circle: %(way)s"),
    _("remove one `use` of the circle, or move what both need into a file of its own"),
    _(
        "All files of a workspace share their names, so a `use` only says which files belong together. It must not go "
        "in a circle."
    ),
    'use "example.duly"\n',
)
USE_OUTSIDE = Kind(
    "E0152",
    "use-outside",
    Severity.ERROR,
    _("`%(path)s` is outside the workspace"),
    _("move the file into the workspace folder"),
    _("A workspace is one folder: what it says must not change with files elsewhere."),
    'use "../other/calendar.duly"\n',
)
