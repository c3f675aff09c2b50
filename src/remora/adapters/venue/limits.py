"""The venue's limits on POST /order, kept before it enforces them (polymarket.md 3.7, each less a margin of a tenth).

Per IP, which is per process here: 5,000 in any 10 s and 120,000 in any 10 min. Per signer: 40/s with bursts of 60.
Whoever asks gets the next free place and sleeps until it comes, so that calls pass in the order in which they asked.
"""

from __future__ import annotations

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

    def wait_us(self, now_us: int) -> int:
        """Return how long a call that asks now has to wait."""
        self._full_us -= max(0, self._latest_us - now_us)
        self._latest_us = now_us
        return max(0, self._full_us - self._slack_us - now_us)

    def take(self, now_us: int) -> None:
        """Take the place whose waiting time `wait_us` told."""
        self._full_us = max(self._full_us, now_us) + self._interval_us


class OrderLimits:
    """The buckets that every order of this process passes: two for its IP and one for its signer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shared = (
            TokenBucket.for_window(_IP_SHORT_CALLS, _IP_SHORT_S, burst=_IP_SHORT_BURST),
            TokenBucket.for_window(_IP_LONG_CALLS, _IP_LONG_S, burst=_IP_LONG_BURST),
        )
        self._signers: dict[Address, TokenBucket] = {}

    async def admit(self, signer: Address) -> None:
        """Wait until the signer may post an order; Retryable, and no place taken, when that is too far away."""
        buckets = (*self._shared, self._bucket(signer))
        now_us = self._clock.now_us()
        wait_us = max([bucket.wait_us(now_us) for bucket in buckets])
        if wait_us > _LONGEST_WAIT_US:
            raise Retryable("too many orders for the venue's limits", wait_us / _SECOND_US)
        for bucket in buckets:
            bucket.take(now_us)
        if wait_us:
            await self._clock.sleep(wait_us / _SECOND_US)

    def _bucket(self, signer: Address) -> TokenBucket:
        return self._signers.setdefault(signer, TokenBucket.for_rate(_SIGNER_RATE, burst=_SIGNER_BURST))
