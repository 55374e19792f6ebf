"""What reports count, as it was known at each time, and finished days of it in columns."""

# A miss that is excused was known without its excuse first.
_CLOCK = (
    "INSERT INTO fact (card_id, measure, number, pipeline, stage, owner, team, priority, type, channel, outcome, reason,"
    " version, started_at, at, seconds, wall_seconds, known_at, gone_at)"
    " SELECT card_id, metric, cycle, pipeline, stage, CASE WHEN missed_at IS NULL THEN owner ELSE owner_at_miss END, team,"
    " priority, type, channel, {outcome}, {reason}, version, started_at, COALESCE(missed_at, stopped_at), business_seconds,"
    " {{wall}}, {known}, {gone} FROM clock WHERE {where}"
)
_COUNTS = "(missed_at IS NOT NULL OR (outcome = 'met' AND stopped_at IS NOT NULL))"
_KNOWN = "COALESCE(detected_at, missed_at, stopped_at)"

STEPS = (
    "CREATE TABLE fact (id {id}, card_id BIGINT NOT NULL, measure TEXT NOT NULL, number BIGINT NOT NULL,"
    " pipeline TEXT NOT NULL, stage TEXT NOT NULL, owner TEXT NOT NULL, team TEXT NOT NULL, priority TEXT NOT NULL,"
    " type TEXT NOT NULL, channel TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, version TEXT NOT NULL,"
    " started_at TIMESTAMPTZ NOT NULL, at TIMESTAMPTZ NOT NULL, seconds DOUBLE PRECISION, wall_seconds DOUBLE PRECISION,"
    " known_at TIMESTAMPTZ NOT NULL, gone_at TIMESTAMPTZ)",
    "CREATE INDEX fact_at ON fact (at, id)",
    "CREATE INDEX fact_card ON fact (card_id, measure, number) WHERE gone_at IS NULL",
    #
    "CREATE TABLE report_pack (id {id}, zone TEXT NOT NULL, kind TEXT NOT NULL, first TEXT NOT NULL,"
    " measure TEXT NOT NULL, since TIMESTAMPTZ NOT NULL, until TIMESTAMPTZ NOT NULL, changed_at TIMESTAMPTZ NOT NULL,"
    " data {bytes} NOT NULL)",
    "CREATE UNIQUE INDEX report_pack_key ON report_pack (zone, kind, first, measure)",
    "CREATE INDEX report_pack_until ON report_pack (until, since)",
    #
    "INSERT INTO fact (card_id, measure, number, pipeline, stage, owner, team, priority, type, channel, outcome, reason,"
    " version, started_at, at, seconds, wall_seconds, known_at, gone_at)"
    " SELECT v.card_id, 'time in stage', v.number, v.pipeline, v.stage, v.owner, c.team, c.priority, c.type, c.channel, '',"
    " '', '', v.entered_at, v.left_at, v.business_seconds, {stay}, v.left_at, NULL"
    " FROM visit v JOIN card c ON c.id = v.card_id WHERE v.left_at IS NOT NULL",
    _CLOCK.format(outcome="outcome", reason="''", known=_KNOWN, gone="excused_at", where=_COUNTS),
    _CLOCK.format(
        outcome="'excused'", reason="excuse", known="excused_at", gone="NULL", where=f"{_COUNTS} AND excused_at IS NOT NULL"
    ),
    #
    "DROP INDEX clock_missed",
    "DROP INDEX clock_met",
    "DROP INDEX visit_left",
)
