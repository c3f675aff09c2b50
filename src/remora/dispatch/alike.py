"""What comes out alike for many policies of one signal, worked out once: filters judged, limit prices, plain sizes.

Of filters only those are asked whose fields say something: policies mostly set two or three of sixteen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from remora.dispatch.facts import Occasion
from remora.dispatch.filters import market, odds, trade, words
from remora.dispatch.limit import entry_limit
from remora.domain.money import Collateral, Price
from remora.domain.order import Cut, Sized
from remora.domain.policy import Filters, SizingMode
from remora.domain.reasons import Because, Reason, because

Filter = Callable[[Filters, Occasion], Because | None]

ALWAYS: tuple[str, ...] = ()
"""The fields of a filter that asks for something by default too."""

FILTERS: tuple[tuple[Filter, tuple[str, ...]], ...] = (
    (trade.side, ("sides",)),
    (trade.age, ALWAYS),
    (trade.size, ("min_leader_trade",)),
    (market.neg_risk, ("neg_risk",)),
    (words.category, ("categories",)),
    (words.tags, ("tags",)),
    (words.keywords, ("keywords",)),
    (words.slugs, ("slugs",)),
    (words.outcomes, ("outcomes",)),
    (market.liquidity, ("min_liquidity",)),
    (market.volume, ("min_volume_24h",)),
    (market.end, ("min_days_to_resolution", "max_days_to_resolution")),
    (market.spread, ("max_spread",)),
    (odds.lowest, ("min_odds",)),
    (odds.highest, ("max_odds",)),
)
"""What an entry must pass, in this order: the leader's trade, the market, its price; with the fields that each is of.

Then come the limit price, whether the follower is halted, suspended or owes, what protects it, and the size.
"""


class Alike:
    """Answers for one entry, and remembers what it answered."""

    def __init__(self, seen: Occasion) -> None:
        self._seen = seen
        self._judged: dict[int, Price | Because] = {}
        self._limits: dict[tuple[int, int | None], Price | Because] = {}
        self._plain: dict[tuple[SizingMode, int], Sized] = {}

    def limit(self, filters: Filters) -> Price | Because:
        """Return the limit price of an entry that passes the filters, or the first reason why it does not.

        Equal filters of a policy file are the same object.
        """
        judged = self._judged.get(id(filters))
        if judged is None:
            judged = self._judged[id(filters)] = self._refusal(filters) or self._limit(filters)
        return judged

    def sized(self, mode: SizingMode, wanted: Collateral, cuts: Sequence[Cut]) -> Sized:
        """Return what a size is made of, to be told."""
        if cuts:
            return Sized(facts=_facts(mode, wanted), cuts=tuple(cuts))
        plain = self._plain.get((mode, wanted.units))
        if plain is None:
            plain = self._plain[mode, wanted.units] = Sized(facts=_facts(mode, wanted))
        return plain

    def _refusal(self, filters: Filters) -> Because | None:
        for refuses in _asked(filters.given):
            if refusal := refuses(filters, self._seen):
                return refusal
        return None

    def _limit(self, filters: Filters) -> Price | Because:
        bounds = filters.max_slippage_bps, None if filters.max_odds is None else filters.max_odds.units
        found = self._limits.get(bounds)
        if found is None:
            seen = self._seen
            limit = entry_limit(filters, seen.price, seen.market)
            beyond = seen.ask > limit
            found = because(Reason.SLIPPAGE, price=seen.ask, limit=limit) if beyond else limit
            self._limits[bounds] = found
        return found


# Of thousands of policies few set other fields than many do.
@lru_cache(maxsize=1024)
def _asked(given: tuple[str, ...]) -> tuple[Filter, ...]:
    """Return the filters that the fields that are given are of."""
    return tuple(each for each, of in FILTERS if of is ALWAYS or not frozenset(of).isdisjoint(given))


def _facts(mode: SizingMode, wanted: Collateral) -> dict[str, str]:
    return {"mode": mode, "wanted": str(wanted)}
