"""Waits until somebody has stopped typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """What a timer gives back."""

    def cancel(self) -> None: ...


Schedule = Callable[[float, Callable[[], None]], Handle]
"""Call something after some seconds; asyncio's `loop.call_later` is one."""


class Debounce:
    """Runs the last of several calls under one key, once nothing was called under it for a while."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._waiting: dict[str, Handle] = {}

    def call(self, key: str, delay: float, action: Callable[[], None]) -> None:
        """Do `action` in `delay` seconds, in the place of what waits under the key."""
        self.cancel(key)

        def fire() -> None:
            self._waiting.pop(key, None)
            action()

        self._waiting[key] = self._schedule(delay, fire)

    def cancel(self, key: str) -> None:
        """Forget what waits under the key."""
        if (waiting := self._waiting.pop(key, None)) is not None:
            waiting.cancel()

    def cancel_all(self) -> None:
        for key in list(self._waiting):
            self.cancel(key)
