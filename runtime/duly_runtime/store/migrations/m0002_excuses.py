"""Excused misses, and indexes for reports by the instant of the outcome."""

STEPS = (
    "ALTER TABLE clock ADD COLUMN excuse TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE clock ADD COLUMN excused_at TIMESTAMPTZ",
    "ALTER TABLE clock ADD COLUMN excused_by TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX clock_missed ON clock (pipeline, missed_at) WHERE missed_at IS NOT NULL",
    "CREATE INDEX clock_met ON clock (pipeline, stopped_at) WHERE outcome = 'met'",
)
