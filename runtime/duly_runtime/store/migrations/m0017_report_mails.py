"""Reports that are mailed by themselves."""

STEPS = (
    "CREATE TABLE report_mail (id {id}, name TEXT NOT NULL, report TEXT NOT NULL, query TEXT NOT NULL, every TEXT NOT NULL,"
    " day BIGINT NOT NULL, hour TEXT NOT NULL, zone TEXT NOT NULL, people TEXT NOT NULL, author TEXT NOT NULL,"
    " next_at TIMESTAMPTZ NOT NULL)",
    "CREATE INDEX report_mail_next ON report_mail (next_at)",
)
