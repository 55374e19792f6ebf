"""Templates as the provider has them, and when that was last read. No `variables`: only told of, never read."""

STEPS = (
    "CREATE TABLE approval (id {id}, account TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL,"
    " status TEXT NOT NULL, category TEXT NOT NULL, quality TEXT NOT NULL, reason TEXT NOT NULL, variables BIGINT,"
    " header TEXT NOT NULL, header_variables BIGINT NOT NULL, buttons TEXT NOT NULL, changed_at TIMESTAMPTZ NOT NULL)",
    "CREATE UNIQUE INDEX approval_name ON approval (account, name, language)",
    "CREATE TABLE approval_sync (account TEXT PRIMARY KEY NOT NULL, tried_at TIMESTAMPTZ NOT NULL,"
    " synced_at TIMESTAMPTZ, error TEXT NOT NULL)",
)
