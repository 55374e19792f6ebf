"""What became of messages, what they answer, and conversations by several names."""

STEPS = (
    "CREATE TABLE annotation (event_id BIGINT PRIMARY KEY, connector TEXT NOT NULL, provider_id TEXT NOT NULL,"
    " change TEXT NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL, ours BOOLEAN NOT NULL, at TIMESTAMPTZ NOT NULL)",
    "CREATE INDEX annotation_provider ON annotation (provider_id)",
    "ALTER TABLE message ADD COLUMN reply_to TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX event_unplaced ON event (stream, id) WHERE card_id = 0 AND kind = 'SentElsewhere'",
    "ALTER TABLE conversation ADD COLUMN alias BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX conversation_alias ON conversation (alias) WHERE alias > 0",
)
