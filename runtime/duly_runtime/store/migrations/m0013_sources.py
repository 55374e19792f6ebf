"""What connectors fetch by themselves: who does it, how it goes, and how far they have read."""

STEPS = (
    "CREATE TABLE source (id {id}, connector TEXT NOT NULL, name TEXT NOT NULL, token TEXT NOT NULL,"
    " leased_until TIMESTAMPTZ, state TEXT NOT NULL, detail TEXT NOT NULL, changed_at TIMESTAMPTZ NOT NULL,"
    " UNIQUE (connector, name))",
    "CREATE TABLE position (id {id}, connector TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
    " UNIQUE (connector, name))",
)
