"""Cards that are part of others, and messages that went from one card to another."""

STEPS = (
    "ALTER TABLE card ADD COLUMN merged_into BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX card_merged ON card (merged_into) WHERE merged_into > 0",
    "ALTER TABLE message ADD COLUMN came_to BIGINT NOT NULL DEFAULT 0",
)
