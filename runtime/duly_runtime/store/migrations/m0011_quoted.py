"""What a mail repeats of older ones, and the mail as HTML."""

STEPS = (
    "ALTER TABLE message ADD COLUMN quoted TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE message ADD COLUMN html TEXT NOT NULL DEFAULT ''",
)
