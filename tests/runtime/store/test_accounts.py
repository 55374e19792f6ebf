"""Accounts, sessions, tokens."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from duly_runtime.store.api import Conflict, Missing, User
from support.store_scenes import HOUR, MINUTE, NOW, opened

ANA = User(name="ana", full_name="Ana Lima", email="ana@x.test", phone="", role="admin", language="pt_BR", active=True)
BEA = replace(ANA, name="bea", full_name="Bea Reis", role="agent")


def test_a_user_is_made_changed_and_keeps_the_password(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            with pytest.raises(Missing):
                await store.user("ana")
            await store.save_user(BEA)
            await store.save_user(ANA, "hash")
            assert await store.users() == [ANA, BEA]
            assert (await store.password_hash("ana"), await store.password_hash("bea")) == ("hash", "")
            await store.save_user(replace(ANA, email="lima@x.test"))
            assert (await store.user("ana")).email == "lima@x.test"
            assert await store.password_hash("ana") == "hash"
            with pytest.raises(Missing):
                await store.password_hash("carl")

    asyncio.run(scene())


def test_the_last_active_admin_stays(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.save_user(ANA)
            await store.save_user(replace(BEA, role="admin", active=False))
            for change in ({"role": "manager"}, {"active": False}):
                with pytest.raises(Conflict):
                    await store.save_user(replace(ANA, **change))
            await store.save_user(replace(BEA, role="admin"))
            both = (replace(ANA, role="agent"), replace(BEA, role="agent"))
            results = await asyncio.gather(*(store.save_user(user) for user in both), return_exceptions=True)
            assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"], "one at a time"
            assert sum(user.role == "admin" for user in await store.users()) == 1

    asyncio.run(scene())


def test_a_session_ends_by_time_by_hand_and_with_the_account(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.save_user(ANA)
            await store.save_user(BEA)
            for name in ("a", "b"):
                await store.open_session(name, "bea", NOW, NOW + HOUR)
            assert await store.session_user("a", NOW) == BEA
            assert await store.session_user("a", NOW + HOUR) is None
            assert await store.session_user("zz", NOW) is None
            await store.close_session("a")
            assert await store.session_user("a", NOW) is None
            await store.save_user(replace(BEA, role="manager"))
            found = await store.session_user("b", NOW)
            assert found is not None and found.role == "manager", "the role is the account's, at once"
            await store.save_user(replace(BEA, active=False))
            await store.save_user(BEA)
            assert await store.session_user("b", NOW) is None, "switched off, every session is over"

    asyncio.run(scene())


def test_a_token_works_until_it_expires_or_is_removed(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            await store.save_user(BEA)
            first = await store.add_token("h1", "ci", "bea", ("read", "publish"), NOW, None)
            second = await store.add_token("h2", "old", "bea", ("read",), NOW, NOW + HOUR)
            found = await store.token("h1", NOW)
            assert found is not None
            user, token = found
            assert (user, token.id, token.scopes, token.last_used_at) == (BEA, first, ("read", "publish"), None)
            await store.token("h1", NOW + 30 * MINUTE)
            await store.token("h1", NOW + 30 * MINUTE + MINUTE / 2)
            assert {t.id: t.last_used_at for t in await store.tokens()} == {first: NOW + 30 * MINUTE, second: None}
            assert await store.token("h2", NOW + HOUR) is None
            await store.save_user(ANA)
            await store.save_user(replace(BEA, active=False))
            assert await store.token("h1", NOW) is None
            await store.save_user(BEA)
            await store.remove_token(first)
            assert await store.token("h1", NOW) is None
            with pytest.raises(Missing):
                await store.remove_token(first)

    asyncio.run(scene())
