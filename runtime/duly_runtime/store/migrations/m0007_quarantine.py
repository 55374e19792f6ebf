"""Messages that wait for a person's decision, and finding messages by the ids answers name."""

STEPS = (
    "CREATE TABLE quarantine (event_id BIGINT PRIMARY KEY, why TEXT NOT NULL, sender TEXT NOT NULL, claim BIGINT NOT NULL,"
    " at TIMESTAMPTZ NOT NULL, decision TEXT NOT NULL, author TEXT NOT NULL, decided_at TIMESTAMPTZ)",
    "CREATE INDEX quarantine_decision ON quarantine (decision, event_id)",
    "CREATE INDEX message_provider ON message (provider_id) WHERE provider_id <> ''",
)
