"""Pairs for connectors, templates and reports."""

from __future__ import annotations

from walk.desk import (
    MAP,
    ORDER,
    PROMISE,
    REPORT,
    SECRETLY,
    SHOP,
    SHOPPED,
    SIGNED,
    TOKENED,
    Entry,
    door,
    hook,
    reported,
    request,
    rule,
    small,
)

DOORS: list[Entry] = [
    # --- doors
    door('path "/in/shop"', 'path "/in/other"'),
    door('same card when "order.id"', 'same card when "name"'),
    door('same card when "order.id"', 'same card when "order.id" within 7 calendar days'),
    door('open card in "Support"', 'open card in "Small"')._replace(also={"bottom": small()}),
    Entry("top", hook(*SHOP[:3]), hook(*SHOP), {}, SHOPPED, checker=True),
    door(MAP, MAP.replace('"text" | text', '"name" | text')),
    door(SIGNED, SIGNED.replace('"KEY"', '"OTHER"')),
    door(
        SIGNED.replace("X-Signature", "X-Shop"),
        SIGNED.replace(' in header "X-Signature"', ""),
        requests=(request(ORDER), SECRETLY),
    ),
    door(SIGNED, 'verify token with secret "KEY"', requests=TOKENED),
    door('verify token with secret "KEY"', 'verify token with secret "KEY" in header "X-Token"', requests=TOKENED),
    Entry("top", hook(*SHOP), hook(*SHOP, kind="connects webhook").replace("}\n}", '}\nurl secret "URL"\n}'), {}, SHOPPED),
    Entry(
        "top",
        hook("retry 2 times over 1h elapsed then park", 'url secret "URL"', kind="sends webhook"),
        hook("retry 1 time over 1h elapsed then park", 'url secret "URL"', kind="sends webhook"),
        {"pipeline": rule("customer replies", 'call "Shop"')},
    ),
    # --- templates
    Entry(
        "top",
        'template "T" {\n"en" "one"\n}',
        'template "T" {\n"en" "two"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
    ),
    Entry(
        "top",
        'template "T" {\nsubject "en" "one"\n"en" "text"\n}',
        'template "T" {\nsubject "en" "two"\n"en" "text"\n}',
        {"pipeline": rule("customer replies", 'notify agent ana using "T"')},
    ),
    Entry(
        "top",
        'template "T" {\n}',
        'template "T" {\n"en" "two"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
        checker=True,
    ),
    Entry(
        "top",
        'template "T" {\n"en" "one"\n}',
        'template "T" {\nneeds whatsapp approval\n"en" "one"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
    ),
    Entry(
        "top",
        'template "T" {\nneeds whatsapp approval\n"en" "one"\n}',
        'template "T" {\nneeds whatsapp approval as "meta_t"\n"en" "one"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
    ),
    Entry(
        "top",
        'template "T" {\nneeds whatsapp approval as "t"\n"en" "one"\n}',
        'template "T" {\nneeds whatsapp approval as "t" for marketng\n"en" "one"\n}',
        {"pipeline": rule("customer replies", 'send "T"')},
        checker=True,
    ),
    # --- reports
    Entry("bottom", "", REPORT % "", PROMISE),
    Entry("bottom", (REPORT % "").replace("first reply", "next reply"), REPORT % "", PROMISE),
    Entry("bottom", (REPORT % "").replace("first reply", "first reply, next reply"), REPORT % "", PROMISE),
    Entry("bottom", (REPORT % "").replace("first reply", "time in stage"), REPORT % "", PROMISE),
    reported("by owner", "by team"),
    reported("goal 95%", "goal 50%"),
    reported("", "without excused"),
    reported('time zone "UTC"', 'time zone "Asia/Tokyo"'),
    reported("period last day", "period last week"),
    reported("period last month", "period last week"),
    reported("period last 2 days", "period last 2 weeks"),
    reported("period last 2 months", "period last 2 weeks"),
    reported("period 2026-11-01 to 2026-11-05", "period last week"),
    Entry(
        "bottom",
        (REPORT % 'in "Support"').replace("first reply", "resolved"),
        (REPORT % 'in "Small"').replace("first reply", "resolved"),
        {**PROMISE, "bottom": small()},
    ),
]
