"""The JSON API under /api/v1: cards, rules, administration. Bearer tokens only, so no cookie can act here."""
