"""Open cards by stage: what limits of stages count."""

STEPS = ("CREATE INDEX card_stage ON card (pipeline, stage) WHERE finished_at IS NULL",)
