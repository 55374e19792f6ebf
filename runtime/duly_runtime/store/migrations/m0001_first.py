"""Everything the first release needs."""

STEPS = (
    "CREATE TABLE raw (id {id}, connector TEXT NOT NULL, request {bytes} NOT NULL, received_at TIMESTAMPTZ NOT NULL,"
    " parked TEXT NOT NULL)",
    "CREATE INDEX raw_parked ON raw (id) WHERE parked <> ''",
    #
    "CREATE TABLE event (id {id}, source TEXT NOT NULL, key TEXT, raw_id BIGINT NOT NULL, kind TEXT NOT NULL,"
    " stream TEXT NOT NULL, card_id BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL, received_at TIMESTAMPTZ NOT NULL,"
    " backfill BOOLEAN NOT NULL, body TEXT NOT NULL, handled_at TIMESTAMPTZ, version TEXT NOT NULL, refused TEXT NOT NULL,"
    " attempts BIGINT NOT NULL, next_at TIMESTAMPTZ, error TEXT NOT NULL, parked_at TIMESTAMPTZ)",
    "CREATE UNIQUE INDEX event_key ON event (source, key)",
    "CREATE INDEX event_waiting ON event (id) WHERE handled_at IS NULL AND parked_at IS NULL",
    "CREATE INDEX event_waiting_stream ON event (stream, id) WHERE handled_at IS NULL AND parked_at IS NULL",
    "CREATE INDEX event_parked ON event (id) WHERE parked_at IS NOT NULL",
    #
    "CREATE TABLE conversation (id {id}, connector TEXT NOT NULL, key TEXT NOT NULL, card_id BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX conversation_key ON conversation (connector, key)",
    #
    "CREATE TABLE card (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, pipeline TEXT NOT NULL, stage TEXT NOT NULL,"
    " title TEXT NOT NULL, customer TEXT NOT NULL, channel TEXT NOT NULL, connector TEXT NOT NULL,"
    " conversation TEXT NOT NULL, priority TEXT NOT NULL, type TEXT NOT NULL, owner TEXT NOT NULL, team TEXT NOT NULL,"
    " tags TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL, entered_at TIMESTAMPTZ NOT NULL, finished_at TIMESTAMPTZ,"
    " clock TEXT NOT NULL, started_at TIMESTAMPTZ, due_at TIMESTAMPTZ, risk_at TIMESTAMPTZ, paused BOOLEAN NOT NULL,"
    " paused_at TIMESTAMPTZ, missed BOOLEAN NOT NULL, revision BIGINT NOT NULL, changed_at TIMESTAMPTZ NOT NULL,"
    " search TEXT NOT NULL, data TEXT NOT NULL)",
    "CREATE UNIQUE INDEX card_number ON card (number)",
    "CREATE INDEX card_open ON card (pipeline, id) WHERE finished_at IS NULL",
    "CREATE INDEX card_finished ON card (pipeline, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX card_owner ON card (owner, id)",
    "CREATE INDEX card_changed ON card (changed_at)",
    #
    "CREATE TABLE visit (id {id}, card_id BIGINT NOT NULL, number BIGINT NOT NULL, pipeline TEXT NOT NULL,"
    " stage TEXT NOT NULL, entered_at TIMESTAMPTZ NOT NULL, left_at TIMESTAMPTZ, owner TEXT NOT NULL,"
    " business_seconds DOUBLE PRECISION)",
    "CREATE UNIQUE INDEX visit_key ON visit (card_id, number)",
    "CREATE INDEX visit_left ON visit (pipeline, left_at)",
    #
    "CREATE TABLE clock (id {id}, card_id BIGINT NOT NULL, metric TEXT NOT NULL, cycle BIGINT NOT NULL,"
    " pipeline TEXT NOT NULL, stage TEXT NOT NULL, visit BIGINT NOT NULL, calendar TEXT NOT NULL, target TEXT NOT NULL,"
    " version TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL, started_at TIMESTAMPTZ NOT NULL,"
    " due_at TIMESTAMPTZ, stopped_at TIMESTAMPTZ, missed_at TIMESTAMPTZ, detected_at TIMESTAMPTZ,"
    " owner_at_miss TEXT NOT NULL, owner TEXT NOT NULL, team TEXT NOT NULL, priority TEXT NOT NULL, type TEXT NOT NULL,"
    " channel TEXT NOT NULL, business_seconds DOUBLE PRECISION)",
    "CREATE UNIQUE INDEX clock_key ON clock (card_id, metric, cycle)",
    "CREATE INDEX clock_started ON clock (pipeline, started_at)",
    #
    "CREATE TABLE timer (id {id}, card_id BIGINT NOT NULL, key TEXT NOT NULL, due_at TIMESTAMPTZ NOT NULL,"
    " wake_at TIMESTAMPTZ NOT NULL, armed_by BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX timer_key ON timer (card_id, key)",
    "CREATE INDEX timer_wake ON timer (wake_at, id)",
    #
    "CREATE TABLE outbox (id {id}, card_id BIGINT NOT NULL, event_id BIGINT NOT NULL, key TEXT NOT NULL,"
    " kind TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, effect TEXT NOT NULL, text TEXT NOT NULL,"
    " state TEXT NOT NULL, repeat BOOLEAN NOT NULL, attempts BIGINT NOT NULL, next_at TIMESTAMPTZ, token TEXT NOT NULL,"
    " leased_until TIMESTAMPTZ, version TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL, settled_at TIMESTAMPTZ,"
    " error TEXT NOT NULL, provider_id TEXT NOT NULL)",
    "CREATE UNIQUE INDEX outbox_key ON outbox (key)",
    "CREATE INDEX outbox_pending ON outbox (next_at, id) WHERE state = 'pending'",
    "CREATE INDEX outbox_leased ON outbox (leased_until) WHERE state = 'leased'",
    "CREATE INDEX outbox_stuck ON outbox (id) WHERE state IN ('parked', 'unknown')",
    "CREATE INDEX outbox_token ON outbox (token) WHERE token <> ''",
    "CREATE INDEX outbox_provider ON outbox (provider_id) WHERE provider_id <> ''",
    "CREATE INDEX outbox_card ON outbox (card_id, id)",
    "CREATE INDEX outbox_notices ON outbox (recipient, id) WHERE kind = 'notice' AND channel = 'app'",
    #
    "CREATE TABLE status (id {id}, event_id BIGINT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,"
    " error TEXT NOT NULL, at TIMESTAMPTZ NOT NULL)",
    "CREATE UNIQUE INDEX status_key ON status (name, state)",
    #
    "CREATE TABLE message (id {id}, card_id BIGINT NOT NULL, event_id BIGINT NOT NULL, outbox_id BIGINT NOT NULL,"
    " direction TEXT NOT NULL, author TEXT NOT NULL, channel TEXT NOT NULL, text TEXT NOT NULL, kind TEXT NOT NULL,"
    " at TIMESTAMPTZ NOT NULL, automatic BOOLEAN NOT NULL, provider_id TEXT NOT NULL)",
    "CREATE INDEX message_card ON message (card_id, id)",
    "CREATE INDEX message_outbox ON message (outbox_id) WHERE outbox_id > 0",
    #
    "CREATE TABLE history (id {id}, card_id BIGINT NOT NULL, event_id BIGINT NOT NULL, kind TEXT NOT NULL,"
    " at TIMESTAMPTZ NOT NULL, author TEXT NOT NULL, details TEXT NOT NULL)",
    "CREATE INDEX history_card ON history (card_id, id)",
    #
    "CREATE TABLE trace (event_id BIGINT PRIMARY KEY, card_id BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL,"
    " version TEXT NOT NULL, event_kind TEXT NOT NULL, facts TEXT NOT NULL)",
    "CREATE INDEX trace_card ON trace (card_id, event_id)",
    #
    "CREATE TABLE tally (id {id}, kind TEXT NOT NULL, name TEXT NOT NULL, n BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX tally_key ON tally (kind, name)",
    #
    "CREATE TABLE version (hash TEXT PRIMARY KEY, program {bytes} NOT NULL, sources TEXT NOT NULL)",
    "CREATE TABLE publication (id {id}, hash TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,"
    " at TIMESTAMPTZ NOT NULL)",
    "CREATE TABLE draft (id BIGINT PRIMARY KEY, sources TEXT, base TEXT NOT NULL, author TEXT NOT NULL,"
    " updated_at TIMESTAMPTZ NOT NULL, revision BIGINT NOT NULL)",
    #
    "CREATE TABLE person (name TEXT PRIMARY KEY, full_name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL,"
    " role TEXT NOT NULL, language TEXT NOT NULL, active BOOLEAN NOT NULL, password_hash TEXT NOT NULL)",
    "CREATE TABLE session (token_hash TEXT PRIMARY KEY, person TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL,"
    " expires_at TIMESTAMPTZ NOT NULL)",
    "CREATE INDEX session_person ON session (person)",
    "CREATE INDEX session_expires ON session (expires_at)",
    "CREATE TABLE token (id {id}, secret_hash TEXT NOT NULL, name TEXT NOT NULL, person TEXT NOT NULL,"
    " scopes TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL, expires_at TIMESTAMPTZ, last_used_at TIMESTAMPTZ)",
    "CREATE UNIQUE INDEX token_secret ON token (secret_hash)",
    #
    "CREATE TABLE audit (id BIGINT PRIMARY KEY, nonce TEXT NOT NULL, at TIMESTAMPTZ NOT NULL, author TEXT NOT NULL,"
    " action TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE UNIQUE INDEX audit_nonce ON audit (nonce)",
    "CREATE TABLE audit_head (id BIGINT PRIMARY KEY, last_id BIGINT NOT NULL, hash TEXT NOT NULL)",
    "INSERT INTO audit_head (id, last_id, hash) VALUES (1, 0, '')",
    "{sequence}",
)
