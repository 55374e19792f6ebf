"""Placeholders in the notes that rules leave on a card, filled in with the card as it is at that moment."""

from __future__ import annotations

from duly_dsl import placeholders
from duly_runtime.engine.values import text_of
from duly_runtime.engine.work import Work


def fill(work: Work, text: str) -> str:
    """What has no value for a note (`clock`, `due`, `link`) stays as it is written, and so does an unknown name."""
    card, contact = work.card, work.card.contact
    person = work.graph.program.people.get(card.owner)
    known = {
        "customer.name": contact.name,
        "customer.first_name": contact.name.split(" ")[0],
        "customer.email": contact.email,
        "customer.phone": contact.phone,
        "card.number": str(card.number),
        "card.title": card.title,
        "stage": card.stage,
        "priority": card.priority,
        "type": card.type,
        "owner.name": (person.full_name if person else "") or card.owner,
        "team": card.team,
        "channel": card.channel,
        **{field.name: text_of(card.fields.get(field.name)) for field in work.pipeline.fields},
    }
    parts = placeholders.parse(text)
    return "".join(part if isinstance(part, str) else known.get(part.name, f"{{{part.name}}}") for part in parts)
