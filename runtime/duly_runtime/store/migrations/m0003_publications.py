"""What a publish did to open cards, and where its files came from."""

STEPS = (
    "ALTER TABLE publication ADD COLUMN choice TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE publication ADD COLUMN details TEXT NOT NULL DEFAULT '{{}}'",
)
