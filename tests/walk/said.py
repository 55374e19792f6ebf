"""Pairs for tests, for what is left, and for what only the checker answers to."""

from __future__ import annotations

from walk.desk import (
    CLOCK,
    EXCUSES,
    LATE,
    MAP,
    MISSED,
    NIGHT,
    ORDER,
    SHOPPED,
    SIGNED,
    Entry,
    asks,
    calendar,
    clocked,
    does,
    hook,
    on,
    promises,
    reported,
    request,
    rule,
    small,
    timed,
    tries,
    whatsapp,
)

EMPTY = "a block with nothing in it is a mistake, and said to be one"
UNCLEAR = "there only to say what to write instead"

CHECKED: dict[str, str] = {
    "allow: allow · · ·": "silences a lint",
    "approval: needs whatsapp approval · · ·": "with a category, see `approved_for`",
    "calendar: calendar · · ·": EMPTY,
    "clock: clock · · ·": EMPTY,
    "connector: connector · · · · ·": EMPTY,
    "escalation: escalation · · ·": EMPTY,
    "key: · ·": "names of settings; what a setting does is shown by its value",
    "key_to_secret: · secret": "names of settings; what a setting does is shown by its value",
    "list: list · · · ·": EMPTY,
    "map: map ·": "a door that opens cards must have one; what its rows do is shown by them",
    "pipeline: pipeline · · ·": EMPTY,
    "report: report · · ·": EMPTY,
    "row: | ·": EMPTY,
    "rule: rule · · ·": EMPTY,
    "setting: · · ·": "names of settings; what a setting does is shown by its value",
    "spelled_duration: · ·": UNCLEAR,
    "spelled_duration: · · ·": UNCLEAR,
    "start_line: start ·": "each pipeline must have one",
    "table: · ·": EMPTY,
    "team: team · · ·": EMPTY,
    "template: template · · ·": EMPTY,
    "test: test · · ·": EMPTY,
    "unclear_days: · day": UNCLEAR,
    "unclear_days: · days": UNCLEAR,
    **{f"unit: {unit}": UNCLEAR for unit in ("second", "seconds", "minute", "minutes", "hour", "hours", "week", "weeks")},
    "use: use · ·": "says which files are read with a file that is checked by itself; see the test of it",
    "verify_token_key: verify token": "names of settings; what a setting does is shown by its value",
}
"""Productions that only the checker answers to, and why."""

SAID: list[Entry] = [
    # --- tests
    tries("at +1h customer replies", "at +2h customer replies"),
    tries('at +1h customer replies "x"', "at +1h customer replies"),
    tries("at +1h agent replies", 'at +1h agent replies "x"'),
    tries("at +1h agent replies", "at +1h customer replies"),
    tries('at +1h agent moves card to "Doing"', 'at +1h agent moves card to "Waiting"'),
    tries("at +1h set priority to high", "at +1h set priority to low"),
    tries("at +1h assign to agent ana", "at +1h assign to agent carla"),
    tries('at +1h add note "a"', 'at +1h add note "b"'),
    tries(
        "at +3h agent acknowledges",
        "at +3h agent replies",
        pipeline=LATE % "level 1 at once notify agent ana\nlevel 2 after 2h notify agent ana",
    ),
    tries("customer replies", "at +1h customer replies"),
    tries("at 2026-11-09 10:00 customer replies", "at monday 2026-11-09 11:00 customer replies"),
    tries("expect priority is high", "expect priority is normal"),
    tries("at +1h expect priority is high", "at +1h expect priority is normal"),
    tries('expect stage is "New"', 'expect stage is "Doing"'),
    tries('expect tag "x"', "expect no alert"),
    tries('expect stage is "New"', "expect nothing else", pipeline=rule("card is created", "notify agent ana")),
    tries('agent moves card to "New"\nexpect refused', 'agent moves card to "Doing"\nexpect refused'),
    tries("expect first reply is running", "expect first reply is paused", **MISSED),
    tries("at +1h expect first reply is missed", "at +1h expect first reply is met", **MISSED),
    tries("at +1h expect first reply is running", "at +1h expect first reply is excused", **MISSED),
    tries("expect first reply due in 1h", "expect first reply due in 2h", **MISSED),
    tries("expect first reply due at 2026-11-09 10:00", "expect first reply due at 2026-11-09 11:00", **MISSED),
    tries("expect first reply due at 2026-11-09 10:00", "expect first reply due at monday 2026-11-09 11:00", **MISSED),
    tries('expect template "Hello" sent', 'expect template "Other" sent', pipeline=rule("card is created", 'send "Hello"')),
    tries(
        'expect template "Hello" sent\nat +1h customer replies',
        'expect template "Hello" sent once\nat +1h customer replies',
        pipeline=rule("card is created or customer replies", 'send "Hello"'),
    ),
    tries("expect notice to ana", "expect notice to carla", pipeline=rule("card is created", "notify agent ana")),
    tries(
        "expect notice to ana by email",
        "expect notice to ana by app",
        pipeline=rule("card is created", "notify agent ana by email"),
    ),
    tries(
        "at +30m expect alert to agent ana about first reply",
        "at +30m expect alert to agent carla about first reply",
        new="alert agent ana at 50% of first reply",
        **MISSED,
    ),
    tries(
        'at +2h expect level 1 of "Late"',
        'at +2h expect level 2 of "Late"',
        pipeline=LATE % "level 1 at once notify agent ana\nlevel 2 after 2h notify agent ana",
    ),
    tries(
        'at +3h agent excuses first reply because "Outage"',
        'at +3h agent excuses first reply because "Strike"',
        pipeline='first reply within 2h\nexcuses "Outage", "Strike" by agent',
    ),
    tries(
        'at +3h agent excuses first reply because "Outage"',
        'at +3h agent excuses first reply because "Outage"\nagent withdraws excuse of first reply',
        pipeline='first reply within 2h\nexcuses "Outage", "Strike" by agent',
    ),
    Entry("given", "with Tier gold", "with Tier silver"),
    Entry("given", "with Tier gold", "with Tier gold, priority high"),
    Entry("given", "", "with Tier gold"),
    Entry("given", 'of "Support"', 'of "Support" with Tier gold'),
    Entry("given", 'of "Support" with Tier gold', 'of "Support" with Tier gold, priority high'),
    Entry(
        "others",
        'given 1 other card in "New"',
        'given 3 other cards in "New"',
        {"new": "at most 2 cards", "pipeline": rule("too many cards", 'tag "x"')},
    ),
    tries("expect first reply is missed", "at +1h expect first reply is missed", **MISSED),
    tries("at +1h set priority to high", "at +1h agent replies"),
    tries('at +3h agent excuses first reply because "Outage"', "at +3h agent replies", **EXCUSES),
    tries("at +1h expect no alert", "at +1h expect alert to agent ana about first reply", **MISSED),
    tries("expect no alert", "expect first reply due at 2026-11-09 12:00", **MISSED),
    tries("expect no alert", "expect first reply due in 3h", **MISSED),
    tries("expect no alert", "expect first reply is met", **MISSED),
    tries("expect no alert", "expect priority is low"),
    tries(
        "expect notice to ana by app", "expect notice to ana", pipeline=rule("card is created", "notify agent ana by email")
    ),
    tries('agent moves card to "Doing"\nexpect refused', 'agent moves card to "Doing"\nexpect no alert'),
    does("set priority to high", 'tag "x"'),
    does("assign to agent carla", 'tag "x"'),
    promises(
        rule("first reply is missed", 'excuse first reply because "Outage"'),
        rule("first reply is missed", 'tag "x"'),
        pipeline=EXCUSES["pipeline"],
    ),
    asks("customer replies and card age > 4h", "customer replies and owner is bruno"),
    asks("Tier changes", "agent replies"),
    asks("every day 10:00", "every 4h"),
    reported("", "period last day"),
    promises(
        "", "on reopen resolved first only", pipeline="resolved within 9h", done='reopen within 7 calendar days to "New"'
    ),
    Entry(
        "new",
        'alert agent ana at 50% of "Vendor"',
        "alert agent ana at 50% of first reply",
        {"pipeline": CLOCK % "" + "\nfirst reply within 2h"},
    ),
    clocked("", "on reopen continue", done='reopen within 7 calendar days to "New"'),
    on("", "open saturday 09:00-13:00", 'time zone "UTC"\nopen monday 09:00-18:00'),
    Entry("waiting", "", 'after 1h of silence tag "x"'),
    Entry("new", "", "owner agent carla"),
    promises(
        'languages "pt-BR", "en"',
        'languages "en", "pt-BR"',
        bottom='template "T" {\n"en" "one"\n"pt-BR" "um"\n}',
        pipeline=rule("customer replies", 'send "T"'),
    ),
    Entry(
        "bottom",
        small("ticket types a, b"),
        small("ticket types a, c"),
        {
            "top": hook(
                'path "/in/shop"',
                SIGNED,
                'open card in "Small"',
                MAP.replace("\n}", '\n| type | "kind" | choice | skip |\n}'),
            )
        },
        (request({**ORDER, "kind": "b"}),),
    ),
    Entry("bottom", small(), small().replace('"Small" {', '"Small" was "Old" {')),
    Entry("bottom", small(), small().replace('"S" {', '"S" was "Old" {')),
    Entry("bottom", small(), small().replace("start\n", "", 1), checker=True),
    Entry("bottom", small(), small().replace('next "Done"', "finish", 1)),
    promises(CLOCK % "", (CLOCK % "").replace('"Vendor" {', '"Vendor" was "Old" {')),
    Entry(
        "others",
        'given 3 other cards in "New"',
        'given 1 other card in "New"',
        {"new": "at most 2 cards", "pipeline": rule("too many cards", 'tag "x"')},
    ),
    Entry(
        "top",
        hook('url secret "URL"', kind="sends webhook"),
        hook('path "/in/shop"', 'url secret "URL"', kind="connects webhook"),
        {"pipeline": rule("customer replies", 'call "Shop"')},
        SHOPPED,
        checker=True,
    ),
    whatsapp('phone number id "1"', 'phone number id "2"', 'app secret secret "KEY"'),
    whatsapp('app secret secret "KEY"', 'app secret secret "OTHER"', 'phone number id "1"'),
    whatsapp('verify token secret "KEY"', 'verify token secret "OTHER"', 'phone number id "1"'),
    Entry(
        "bottom",
        small(),
        'calendar "X" {\ntime zone "UTC"\nopen every day 00:00-24:00\n}\n'
        + small().replace('calendar "Office"', 'calendar "X"', 1),
    ),
    Entry(
        "bottom",
        small(rule("customer replies", "notify agent ana")),
        'team "X" {\nmembers carla\n}\n' + small(rule("customer replies", 'notify team "X"')),
    ),
    Entry(
        "bottom",
        small(rule("customer replies", 'reply "one"')),
        'template "X" {\n"en" "two"\n}\n' + small(rule("customer replies", 'send "X"')),
    ),
    Entry(
        "bottom",
        small(rule("customer replies", 'add note "one"')),
        'connector "X" sends webhook {\nurl secret "URL"\n}\n' + small(rule("customer replies", 'call "X"')),
    ),
    Entry(
        "bottom",
        "",
        'test "more" {\nclock starts 2026-11-09 09:00 in "Office"\ngiven card in "Doing"\nexpect priority is high\n}',
    ),
    tries(
        'at +1h customer replies\nexpect template "Hello" sent',
        'at +1h customer replies\nexpect template "Hello" held',
        top="send limits {\nquiet hours 09:00-12:00\n}",
        pipeline=rule("customer replies", 'send "Hello"'),
    ),
    Entry(
        "bottom",
        'template "T" {\nneeds whatsapp approval for utility\n"en" "one"\n}',
        'template "T" {\nneeds whatsapp approval for authentication\n"en" "one"\n}',
        {"top": "send limits {\nquiet hours 09:00-12:00\n}", "pipeline": rule("customer replies", 'send "T"')},
    ),
    # --- said to the checker
    *(
        Entry("bottom", f"{head} {{\n}}", f"{head} {{\n{line}\n}}", checker=True)
        for head, line in (
            ('calendar "Empty"', 'time zone "UTC"'),
            ('connector "Empty" sends webhook', 'url secret "URL"'),
            ('report "Empty"', "of first reply"),
            ('test "Empty"', "expect priority is high"),
            ('pipeline "Empty"', 'calendar "Office"'),
            ('pipeline "Empty" was "Old"', 'calendar "Office"'),
        )
    ),
    *(
        Entry("pipeline", f"{head} {{\n}}", f"{head} {{\n{line}\n}}", {"pipeline": "first reply within 2h"}, checker=True)
        for head, line in (
            ('clock "Empty"', "within 2h"),
            ('clock "Empty" was "Old"', "within 2h"),
            ('escalation "Empty"', "when first reply is missed"),
            ('rule "Empty"', "when customer replies"),
            ('rule "Empty" off', "when customer replies"),
            ("targets", "| Tier | resolved |"),
        )
    ),
    Entry("pipeline", 'stage "Empty" {\n}', 'stage "Empty" was "Old" {\n}'),
    Entry("top", "send limits {\n}", "send limits {\nquiet hours 09:00-12:00\n}", NIGHT),
    Entry(
        "bottom", timed("Office"), timed("Some"), {"top": calendar('time zone "Asia/Tokyo"', "open every day 00:00-24:00")}
    ),
    Entry("bottom", timed("Office", 'of "Small"'), timed("Office", 'of "Support"'), {"bottom": small()}),
    whatsapp("", 'phone number id "1"')._replace(checker=True),
    whatsapp("", 'app secret secret "KEY"')._replace(checker=True),
    whatsapp("", 'verify token secret "KEY"')._replace(checker=True),
    reported("period last 2 days", "period last 3 days"),
    Entry("pipeline", "targets {\n|\n}", "targets {\n| Tier | resolved |\n}", checker=True),
    Entry(
        "top",
        'template "T" {\nneeds whatsapp approval for marketing\n"en" "one"\n}',
        'template "T" {\nneeds whatsapp approval for marketng\n"en" "one"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
        checker=True,
    ),
    promises(
        "first reply within 3 days",
        "first reply within 3 working days",
    )._replace(checker=True),
    promises("first reply within 1 day", "first reply within 1 working day")._replace(checker=True),
    *(
        promises(f"first reply within 3 {unit}", "first reply within 3h")._replace(checker=True)
        for unit in ("second", "seconds", "minute", "minutes", "hour", "hours", "week", "weeks")
    ),
    promises("first reply within 3 hours elapsed", "first reply within 3h elapsed")._replace(checker=True),
    Entry("bottom", "", 'use "other.duly"', checker=True),
    Entry(
        "bottom",
        'allow unused-definition "spare"\ntemplate "T" {\n"en" "x"\n}',
        'template "T" {\n"en" "x"\n}',
        checker=True,
    ),
]
