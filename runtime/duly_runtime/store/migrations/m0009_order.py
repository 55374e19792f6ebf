"""Messages to one customer by one channel that are still to go: they go in their order."""

STEPS = (
    "CREATE INDEX outbox_order ON outbox (channel, recipient, id)"
    " WHERE kind = 'message' AND state IN ('pending', 'leased')",
)
