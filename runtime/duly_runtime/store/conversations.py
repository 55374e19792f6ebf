"""Conversations by all the names a provider gives them.

A customer may be told by a number, by an id, or by both, and either may change. Each name is a row; all names of one
conversation lead to one row, which holds its latest card. A weaker name (the number) goes to whoever was last told together
with it, but never brings in somebody who has a stronger name (an id) of their own: numbers change hands, and a stranger
must not get into a customer's card. Only the provider's word that two names are one person joins those.

Each function is a part of a unit of work (`store.unit`).
"""

from __future__ import annotations

# ruff: noqa: S608 - what is put into statements is our own: column names and clauses, never values
from collections.abc import Sequence

from duly_runtime.store import unit
from duly_runtime.store.unit import Again, Row

COLUMNS = "id, connector, key, card_id, alias"


async def find(connector: str, names: Sequence[str], former: Sequence[str] = ()) -> Row:
    """The row of the conversation; on PostgreSQL locked, and made where it was not there. On SQLite one that has a single
    name and was never seen has no `id` yet: it is written once its card is known.

    `names` are strongest first. `former` are names of which the provider says that they meant the same customer.
    """
    if len(names) == 1 and not former:
        row = await _itself(connector, names[0])
        if row is None and not unit.on_postgres():
            return {"connector": connector, "key": names[0], "card_id": 0, "alias": 0}
        if row is not None and not row["alias"]:
            return row
    return await _resolve(connector, list(dict.fromkeys(names)), [name for name in former if name not in names])


async def card_of(connector: str, name: str) -> int:
    """The conversation's latest card, without making anything; 0 for none."""
    row = await unit.first(
        "SELECT c.card_id FROM conversation n JOIN conversation c"
        " ON c.id = CASE WHEN n.alias > 0 THEN n.alias ELSE n.id END WHERE n.connector = ? AND n.key = ?",
        connector,
        name,
    )
    return int(row["card_id"]) if row is not None else 0


async def point(conversation: Row, card_id: int) -> None:
    """Make it the card's."""
    if "id" in conversation:
        await unit.fetch("UPDATE conversation SET card_id = ? WHERE id = ?", card_id, conversation["id"])
    else:
        await unit.insert("conversation", [conversation | {"card_id": card_id}])


async def _itself(connector: str, name: str) -> Row | None:
    """The row of a name. On PostgreSQL only where it is no other's: that one is locked in `_held`, in order."""
    alone = f" AND alias = 0{unit.locked()}" if unit.on_postgres() else ""
    return await unit.first(f"SELECT {COLUMNS} FROM conversation WHERE connector = ? AND key = ?{alone}", connector, name)


async def _resolve(connector: str, names: list[str], former: list[str]) -> Row:
    wanted = [*names, *former]
    found = await unit.fetch(
        f"SELECT {COLUMNS} FROM conversation WHERE connector = ? AND key IN ({unit.marks(len(wanted))})", connector, *wanted
    )
    rows = {row["key"]: row for row in found}
    held = await _held([row["alias"] or row["id"] for row in found])

    def itself(name: str) -> Row | None:
        row = rows.get(name)
        return None if row is None else held[int(row["alias"] or row["id"])]

    own = itself(names[0])
    before = next((row for name in former if (row := itself(name)) is not None), None)
    gone: set[int] = set()
    if own is None:
        # Without the provider's word, a weaker name leads on only where nobody with a stronger one has it.
        unclaimed = (rows[name] for name in names[1:] if name in rows and not rows[name]["alias"])
        taken = before or next(unclaimed, None)
        own = await _make(connector, names[0], int(taken["card_id"]) if taken is not None else 0)
        if taken is not None:
            await _rename(taken, own)
            gone.add(int(taken["id"]))
    elif before is not None and before["id"] != own["id"]:
        await _inherit(own, before)
        await _rename(before, own)
        gone.add(int(before["id"]))
    missing = [name for name in wanted[1:] if name not in rows]
    await _add(connector, missing, own)
    for name in names[1:]:
        other = itself(name)
        if other is None or int(other["id"]) in {int(own["id"]), *gone}:
            continue
        if rows[name]["alias"]:
            await unit.fetch("UPDATE conversation SET alias = ? WHERE id = ?", own["id"], rows[name]["id"])
        else:
            await _inherit(own, other)
            await _rename(other, own)
    return own


async def _held(ids: Sequence[int]) -> dict[int, Row]:
    """The conversations themselves, locked in one order whoever does it, so that two never wait for each other."""
    if not ids:
        return {}
    unique = sorted({int(each) for each in ids})
    rows = await unit.fetch(
        f"SELECT {COLUMNS} FROM conversation WHERE id IN ({unit.marks(len(unique))}) ORDER BY id{unit.locked()}", *unique
    )
    if any(row["alias"] for row in rows):
        raise Again  # it got another name while we waited
    return {int(row["id"]): dict(row) for row in rows}


async def _make(connector: str, name: str, card_id: int) -> Row:
    new = {"connector": connector, "key": name, "card_id": card_id, "alias": 0}
    made = await unit.insert("conversation", [new], "ON CONFLICT (connector, key) DO NOTHING RETURNING id")
    if not made:
        raise Again
    return new | {"id": int(made[0]["id"])}


async def _add(connector: str, names: Sequence[str], own: Row) -> None:
    rows = [{"connector": connector, "key": name, "card_id": 0, "alias": own["id"]} for name in sorted(names)]
    made = await unit.insert("conversation", rows, "ON CONFLICT (connector, key) DO NOTHING RETURNING id")
    if len(made) < len(rows):
        raise Again


async def _inherit(own: Row, other: Row) -> None:
    """Two conversations turn out to be one: its own card goes on, else the other's."""
    if not own["card_id"] and other["card_id"]:
        own["card_id"] = other["card_id"]
        await point(own, int(other["card_id"]))


async def _rename(other: Row, own: Row) -> None:
    """`other` and all its names are names of `own` from now on."""
    await unit.fetch(
        "UPDATE conversation SET alias = ? WHERE id = ? OR (alias = ? AND alias > 0)", own["id"], other["id"], other["id"]
    )
