"""When rules last answered a mail address."""

STEPS = (
    "CREATE TABLE answered (address TEXT PRIMARY KEY, at TIMESTAMPTZ NOT NULL)",
    "CREATE INDEX answered_at ON answered (at)",
)
