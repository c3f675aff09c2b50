"""How often the server lets itself be asked: token buckets per signer, sliding windows per IP (polymarket.md 3.7).

The numbers are the venue's documented ones. Times are milliseconds; a bucket counts thousandths of a token, so that a
rate per second is what comes in per millisecond, and no fraction is lost.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remora.devnet.clob import refusals
from remora.devnet.clob.units import ceil_div

_TOKEN = 1000


class Action(StrEnum):
    """What a signer is limited in."""

    ORDER = "order"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many at once, and so many more each second."""

    per_s: int
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What the venue grants a signer."""

    name: str
    orders: Rate
    cancels: Rate

    def rate(self, action: Action) -> Rate:
        """Return the rate of an action."""
        return self.orders if action is Action.ORDER else self.cancels


STANDARD = Tier(name="Standard", orders=Rate(per_s=40, burst=60), cancels=Rate(per_s=80, burst=120))
#: The venue documents the orders; cancels are twice as many there as in the standard tier.
ELITE = Tier(name="Elite", orders=Rate(per_s=600, burst=900), cancels=Rate(per_s=1200, burst=1800))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most `calls` in any `seconds` by one IP, of requests below a path (empty: all) by a method (empty: any)."""

    calls: int
    seconds: int = 10
    method: str = ""
    path: str = ""

    def covers(self, method: str, path: str) -> bool:
        """Tell whether a request counts."""
        return self.method in ("", method) and (not self.path or path == self.path or path.startswith(self.path + "/"))


def _orders(method: str, path: str, calls: int, calls_in_ten_minutes: int) -> tuple[Window, Window]:
    short = Window(method=method, path=path, calls=calls)
    return short, Window(method=method, path=path, calls=calls_in_ten_minutes, seconds=600)


VENUE_WINDOWS: tuple[Window, ...] = (
    Window(calls=15_000),
    *_orders("POST", "/order", 5_000, 120_000),
    *_orders("POST", "/orders", 2_000, 21_000),
    *_orders("DELETE", "/order", 5_000, 120_000),
    *_orders("DELETE", "/orders", 2_000, 15_000),
    *_orders("DELETE", "/cancel-all", 250, 6_000),
    *_orders("DELETE", "/cancel-market-orders", 1_500, 21_000),
    Window(path="/balance-allowance", calls=200),
    Window(path="/balance-allowance/update", calls=50),
    Window(path="/auth", calls=100),
    *(Window(path=path, calls=1_500) for path in ("/book", "/price", "/midpoint")),
    *(Window(path=path, calls=500) for path in ("/books", "/prices", "/data/orders", "/data/trades")),
    Window(path="/tick-size", calls=200),
    Window(path="/gamma", calls=4_000),
    Window(path="/gamma/markets", calls=300),
    Window(path="/data-api", calls=1_000),
    *(Window(path=f"/data-api{path}", calls=200) for path in ("/trades", "/v2/trades")),
    *(Window(path=f"/data-api{path}", calls=150) for path in ("/positions", "/v2/positions")),
)
"""What the documentation lists, of what is served here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a server; a signer that has no tier of its own has `tier`, and no limit where that is None."""

    tier: Tier | None = STANDARD
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    windows: tuple[Window, ...] = VENUE_WINDOWS

    @classmethod
    def none(cls) -> Limits:
        """Return limits that never bind."""
        return cls(tier=None, windows=())

    def tier_of(self, signer: str) -> Tier | None:
        """Return the tier of a signer (a lower-case address)."""
        return self.tiers.get(signer, self.tier)


class _Bucket:
    def __init__(self, rate: Rate, now_ms: int) -> None:
        self._rate = rate
        self._full = rate.burst * _TOKEN
        self._level = self._full
        self._updated_ms = now_ms

    @property
    def remaining(self) -> int:
        return self._level // _TOKEN

    def take(self, tokens: int, now_ms: int) -> int:
        """Take tokens, or none at all and return how many milliseconds they are still away."""
        elapsed_ms = max(0, now_ms - self._updated_ms)
        self._level = min(self._full, self._level + elapsed_ms * self._rate.per_s)
        self._updated_ms = now_ms
        wanted = min(tokens * _TOKEN, self._full)
        if wanted > self._level:
            return ceil_div(wanted - self._level, self._rate.per_s)
        self._level -= wanted
        return 0


class SignerLimits:
    """The buckets of all signers."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[tuple[str, Action], _Bucket] = {}

    def take(self, signer: str, action: Action, tokens: int, now_ms: int) -> Mapping[str, str]:
        """Take a token for each order, and return the headers that tell what is left; refuse with 429.

        What is more than a bucket can hold costs a full one: else it would never be let through.
        """
        if (tier := self._limits.tier_of(signer)) is None:
            return {}
        bucket = self._buckets.setdefault((signer, action), _Bucket(tier.rate(action), now_ms))
        wait_ms = bucket.take(tokens, now_ms)
        headers = {
            "Poly-RateLimit-Remaining": str(bucket.remaining),
            "Poly-RateLimit-Reset": str(ceil_div(now_ms + wait_ms, 1000)),
            "Poly-RateLimit-Tier": tier.name,
        }
        if wait_ms:
            raise refusals.too_many_requests(wait_ms, headers)
        return headers


class AddressLimits:
    """The windows of all IPs. A request that is refused does not count."""

    def __init__(self, limits: Limits) -> None:
        self._windows = limits.windows
        self._calls: defaultdict[tuple[str, Window], deque[int]] = defaultdict(deque)

    def admit(self, ip: str, method: str, path: str, now_ms: int) -> None:
        """Count a request in all windows that cover it; refuse with 429 when one is full."""
        windows = [window for window in self._windows if window.covers(method, path)]
        wait_ms = max((self._wait_ms(ip, window, now_ms) for window in windows), default=0)
        if wait_ms > 0:
            raise refusals.too_many_requests(wait_ms)
        for window in windows:
            self._calls[ip, window].append(now_ms)

    def _wait_ms(self, ip: str, window: Window, now_ms: int) -> int:
        calls, length_ms = self._calls[ip, window], window.seconds * 1000
        while calls and calls[0] <= now_ms - length_ms:
            calls.popleft()
        return calls[0] + length_ms - now_ms if len(calls) >= window.calls else 0
