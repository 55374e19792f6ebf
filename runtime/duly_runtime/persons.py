"""Who works here, as far as files and accounts tell."""

from __future__ import annotations

import msgspec

from duly_dsl.program import Person, Program
from duly_runtime.store.api import Missing, Store


async def full_name(store: Store, program: Program, name: str) -> str:
    """Empty for nobody, and where it is not known."""
    return (await known(store, program, name)).full_name if name else ""


async def known(store: Store, program: Program, name: str) -> Person:
    """From the files; what they leave out comes from the account."""
    person = program.people.get(name) or Person(name=name)
    if person.full_name and person.email and person.phone and person.language:
        return person
    try:
        user = await store.user(name)
    except Missing:
        return person
    return msgspec.structs.replace(
        person,
        full_name=person.full_name or user.full_name,
        email=person.email or user.email,
        phone=person.phone or user.phone,
        language=person.language or user.language,
    )
