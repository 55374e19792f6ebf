"""The log of deliveries and requests: what became of each attempt, by which connector, and what people discarded."""

STEPS = (
    "CREATE TABLE attempt (id {id}, outbox_id BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL, began_at TIMESTAMPTZ,"
    " outcome TEXT NOT NULL, error TEXT NOT NULL, answer TEXT NOT NULL, author TEXT NOT NULL)",
    "CREATE INDEX attempt_outbox ON attempt (outbox_id, id)",
    "CREATE INDEX attempt_at ON attempt (at)",
    #
    "ALTER TABLE outbox ADD COLUMN connector TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN discarded_at TIMESTAMPTZ",
    "UPDATE outbox SET connector = recipient WHERE kind = 'call'",
    "UPDATE outbox SET connector = COALESCE((SELECT c.connector FROM card c WHERE c.id = outbox.card_id), '')"
    " WHERE kind = 'message'",
    "CREATE INDEX outbox_connector ON outbox (connector, id)",
    "CREATE INDEX outbox_created ON outbox (created_at)",
    "CREATE INDEX outbox_failed ON outbox (id) WHERE state IN ('failed', 'cancelled')",
    #
    "ALTER TABLE raw ADD COLUMN discarded_at TIMESTAMPTZ",
    "CREATE INDEX raw_received ON raw (received_at)",
    "CREATE INDEX raw_connector ON raw (connector, id)",
    "ALTER TABLE event ADD COLUMN discarded_at TIMESTAMPTZ",
    "CREATE INDEX event_raw ON event (raw_id) WHERE raw_id > 0",
)
