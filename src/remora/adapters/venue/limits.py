"""The venue's limits on POST /order, kept before it enforces them (polymarket.md 3.7, each less a margin of a tenth).

Per IP, which is per process here: 5,000 in any 10 s and 120,000 in any 10 min. Per signer: 40/s with bursts of 60.
Calls wait in line, urgent ones before the others, and each kind passes in the order in which it asked. A wait that
would be too long is refused at once.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from dataclasses import dataclass, field
from itertools import count

from remora.domain.errors import Retryable
from remora.domain.ids import Address
from remora.ports import Clock

_SECOND_US = 1_000_000

_IP_SHORT_CALLS, _IP_SHORT_S, _IP_SHORT_BURST = 4_500, 10, 1_000
_IP_LONG_CALLS, _IP_LONG_S, _IP_LONG_BURST = 108_000, 600, 9_000
"""Calls in any window, and how many of them may come at once: a thousand orders of one signal wait for nothing."""
_SIGNER_RATE, _SIGNER_BURST = 36, 54

_LONGEST_WAIT_US = 5 * _SECOND_US
"""A copy that waited longer is not worth sending; the caller, who knows its deadline, decides."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Caller:
    """Somebody who waits at a gate."""

    is_urgent: bool
    number: int
    came_us: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)


def _rank(caller: _Caller) -> tuple[bool, int]:
    return not caller.is_urgent, caller.number


class TokenBucket:
    """`burst` calls at once, then one per interval.

    Its state is one time: when the bucket will be full again. It moves with a wall clock that is set back, so that it
    never locks.
    """

    def __init__(self, *, interval_us: int, burst: int) -> None:
        self._interval_us = interval_us
        self._slack_us = interval_us * (burst - 1)
        self._full_us = 0
        self._latest_us = 0

    @classmethod
    def for_rate(cls, rate_per_s: int, *, burst: int) -> TokenBucket:
        """Return a bucket for a rate; the interval is rounded up."""
        return cls(interval_us=-(-_SECOND_US // rate_per_s), burst=burst)

    @classmethod
    def for_window(cls, calls: int, window_s: int, *, burst: int) -> TokenBucket:
        """Return a bucket that lets at most `calls` through in any window, a full burst included."""
        return cls(interval_us=-(-window_s * _SECOND_US // (calls - burst)), burst=burst)

    def wait_us(self, now_us: int, ahead: int = 0) -> int:
        """Return how long a call that asks now, behind so many others, has to wait."""
        self._full_us -= max(0, self._latest_us - now_us)
        self._latest_us = now_us
        full_us = max(self._full_us, now_us) + ahead * self._interval_us
        return max(0, full_us - self._slack_us - now_us)

    def take(self, now_us: int) -> None:
        """Take the place whose waiting time `wait_us` told."""
        self._full_us = max(self._full_us, now_us) + self._interval_us


class Gate:
    """Lets calls through as its buckets allow: urgent ones first, the others in the order in which they came."""

    def __init__(self, clock: Clock, *buckets: TokenBucket) -> None:
        self._clock = clock
        self._buckets = buckets
        self._closed_until_us = 0
        self._line: list[_Caller] = []
        self._numbers = count()

    def close(self, delay_s: float) -> None:
        """Let nothing through for so long."""
        self._closed_until_us = max(self._closed_until_us, self._clock.now_us() + round(delay_s * _SECOND_US))

    async def pass_through(self, *, urgent: bool) -> None:
        """Wait until a call may be made; Retryable, and no place taken, when that is too far away."""
        caller = _Caller(is_urgent=urgent, number=next(self._numbers), came_us=self._clock.now_us())
        self._check(sum(_rank(other) < _rank(caller) for other in self._line))
        insort(self._line, caller, key=_rank)
        try:
            while self._line[0] is not caller or self._wait_us():
                await self._wait(caller)
            for bucket in self._buckets:
                bucket.take(self._clock.now_us())
        finally:
            self._line.remove(caller)
            self._wake()

    async def _wait(self, caller: _Caller) -> None:
        if self._line[0] is caller:
            await self._clock.sleep(self._wait_us() / _SECOND_US)
            self._check(0)
        else:
            caller.woken.clear()
            await caller.woken.wait()
        if self._clock.now_us() - caller.came_us > _LONGEST_WAIT_US:
            raise Retryable("urgent orders took the venue's limits")

    def _check(self, ahead: int) -> None:
        """Raise Retryable when a call would wait too long behind so many."""
        wait_us = self._wait_us(ahead)
        if wait_us > _LONGEST_WAIT_US:
            raise Retryable("too many orders for the venue's limits", wait_us / _SECOND_US)

    def _wait_us(self, ahead: int = 0) -> int:
        now_us = self._clock.now_us()
        waits = [bucket.wait_us(now_us, ahead) for bucket in self._buckets]
        return max(self._closed_until_us - now_us, *waits, 0)

    def _wake(self) -> None:
        """Wake the first in line, and whoever came too long ago."""
        oldest_us = self._clock.now_us() - _LONGEST_WAIT_US
        for place, caller in enumerate(self._line):
            if place == 0 or caller.came_us < oldest_us:
                caller.woken.set()


class OrderLimits:
    """The gates that every order of this process passes: its signer's, then that of its IP."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shared = Gate(
            clock,
            TokenBucket.for_window(_IP_SHORT_CALLS, _IP_SHORT_S, burst=_IP_SHORT_BURST),
            TokenBucket.for_window(_IP_LONG_CALLS, _IP_LONG_S, burst=_IP_LONG_BURST),
        )
        self._signers: dict[Address, Gate] = {}

    async def admit(self, signer: Address, *, urgent: bool = False) -> None:
        """Wait until the signer may post an order; Retryable when that is too far away."""
        await self._gate(signer).pass_through(urgent=urgent)
        await self._shared.pass_through(urgent=urgent)

    def back_off(self, signer: Address, delay_s: float) -> None:
        """Hold the signer's orders back: the venue said that there were too many."""
        self._gate(signer).close(delay_s)

    def _gate(self, signer: Address) -> Gate:
        gate = self._signers.get(signer)
        if gate is None:
            bucket = TokenBucket.for_rate(_SIGNER_RATE, burst=_SIGNER_BURST)
            gate = self._signers[signer] = Gate(self._clock, bucket)
        return gate
