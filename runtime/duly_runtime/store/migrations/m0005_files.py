"""Files of messages: what they are, and their contents, each kept once."""

STEPS = (
    # `data` comes last: SQLite reads a row from its beginning.
    "CREATE TABLE content (sha256 TEXT PRIMARY KEY, size BIGINT NOT NULL, unused_since TIMESTAMPTZ, data {bytes} NOT NULL)",
    "CREATE INDEX content_unused ON content (unused_since) WHERE unused_since IS NOT NULL",
    #
    "CREATE TABLE file (id {id}, key TEXT NOT NULL, card_id BIGINT NOT NULL, event_id BIGINT NOT NULL,"
    " message_id BIGINT NOT NULL, connector TEXT NOT NULL, name TEXT NOT NULL, media_type TEXT NOT NULL,"
    " size BIGINT NOT NULL, sha256 TEXT NOT NULL, inline TEXT NOT NULL, reference TEXT NOT NULL, state TEXT NOT NULL,"
    " attempts BIGINT NOT NULL, next_at TIMESTAMPTZ, token TEXT NOT NULL, error TEXT NOT NULL,"
    " changed_at TIMESTAMPTZ NOT NULL)",
    "CREATE UNIQUE INDEX file_key ON file (key)",
    "CREATE INDEX file_card ON file (card_id, id)",
    "CREATE INDEX file_waiting ON file (next_at, id) WHERE state = 'waiting'",
    "CREATE INDEX file_token ON file (token) WHERE token <> ''",
    "CREATE INDEX file_changed ON file (changed_at)",
)
