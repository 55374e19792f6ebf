"""How much Meta takes: so many messages a second of one number, and one each six seconds to one customer, with a burst
that is borrowed from later ("Throughput" and "Pair rate limits" of the Cloud API)."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Bucket:
    """Fills by `rate` a second up to `size`; each message takes one."""

    size: float
    rate: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Limits:
    """The code of the limit a message meets, 0 where it is taken."""

    def __init__(self, a_second: float = 80, burst: float = 45, gap: float = 6) -> None:
        self.a_second = a_second
        self.burst = burst
        self.gap = gap
        self._numbers: dict[str, Bucket] = {}
        self._pairs: dict[tuple[str, str], Bucket] = {}

    def met(self, number: str, customer: str, now: float) -> int:
        ours = self._numbers.setdefault(number, Bucket(self.a_second, self.a_second, self.a_second, now))
        pair = self._pairs.setdefault((number, customer), Bucket(self.burst, 1 / self.gap, self.burst, now))
        if not ours.take(now):
            return 130429
        return 0 if pair.take(now) else 131056
