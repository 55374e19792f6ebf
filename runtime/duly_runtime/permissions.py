"""What each role may do: the one table, for screens and API alike."""

from __future__ import annotations

ROLES = ("viewer", "agent", "manager", "admin")
"""Least first; each role may do all that the ones before it may."""

PERMISSIONS = {
    "cards.read": "viewer",
    "rules.read": "viewer",
    "cards.work": "agent",
    "cards.merge": "agent",
    "contacts.edit": "agent",
    "cards.assign": "manager",
    "deliveries.read": "manager",
    "reports.read": "manager",
    "parked.handle": "manager",
    "quarantine.review": "manager",
    "journal.read": "manager",
    "rules.edit": "admin",
    "rules.publish": "admin",
    "connectors.manage": "admin",
    "users.manage": "admin",
    "tokens.manage": "admin",
    "audit.read": "admin",
}
"""Permission -> the least role that has it. `cards.work` covers replies, notes, moves, fields and taking a card oneself;
giving cards to others is `cards.assign`."""


def allows(role: str, permission: str) -> bool:
    """Whether `role` has `permission`; KeyError for a permission that does not exist."""
    least = PERMISSIONS[permission]
    return role in ROLES and ROLES.index(role) >= ROLES.index(least)
