"""Gathers what a decision must know of wallets and of the collateral: means, equity, and whether collateral moves.

Nothing is read that no policy of the signal needs, and everything is read for all followers at once. What cannot be
told is left out, or None: the policies that need it are denied, and nothing is guessed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from remora.dispatch.books import BookCache
from remora.dispatch.recent import Recent
from remora.domain.ids import Address
from remora.domain.market import Listing
from remora.domain.means import US, CollateralState, Holding, Means, Peg
from remora.domain.money import ZERO_COLLATERAL, Collateral, Price
from remora.domain.signal import Signal
from remora.ports import ChainReader, Clock, Listings, PublicHistory, SignalStore

MEANS_TTL_US = 2 * US
EQUITY_TTL_US = 10 * US
"""How old a leader's equity may be: it moves with prices, a trade only turns collateral into shares."""

STATE_TTL_US = 5 * US
PEG_LASTS_S = 26 * 3_600
"""Price feeds of stable coins speak when the price moves, and at least once a day: an older answer is no price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where facts come from; what is None is not asked."""

    chain: ChainReader
    clearinghouse: Address
    store: SignalStore
    books: BookCache
    clock: Clock
    listings: Listings | None = None
    history: PublicHistory | None = None
    price_feed: Address | None = None


class Gathering:
    """Reads facts, and remembers them for a moment."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        clock = sources.clock
        self._means = Recent("means", self._read_means, clock=clock, ttl_us=MEANS_TTL_US)
        self._equity = Recent("equity of a leader", self._read_equity, clock=clock, ttl_us=EQUITY_TTL_US)
        self._paused = Recent("pause of the collateral", self._read_paused, clock=clock, ttl_us=STATE_TTL_US)
        self._pegs = Recent("price of the collateral", self._read_pegs, clock=clock, ttl_us=STATE_TTL_US)

    async def listing(self, signal: Signal) -> Listing | None:
        """Return how the signal's market is described."""
        listings = self._from.listings
        return None if listings is None else await listings.listing(signal.token_id)

    def ask(self, followers: Collection[Address]) -> None:
        """Begin to read the followers' means and how the collateral is, as far as that is not known."""
        self._means.ask(followers)
        self._paused.ask([None])
        if self._from.price_feed is not None:
            self._pegs.ask([self._from.price_feed])

    async def means(self, followers: Collection[Address]) -> Mapping[Address, Means]:
        """Return the followers' means, at most 2 s old."""
        return await self._means.get(followers)

    async def equity(self, leader: Address, followers: Collection[Address]) -> Mapping[Address, Collateral]:
        """Return what the leader and the followers own.

        A follower's is the collateral on chain and what is held through policies, at the best bid, or at cost where
        nobody bids. A leader's is the collateral on chain and what the public history says the shares are worth: it
        learns of trades some seconds late.
        """
        async with asyncio.TaskGroup() as group:
            leading = group.create_task(self._equity.get([leader]))
            following = group.create_task(self._equity_of_followers(frozenset(followers)))
        return {**leading.result(), **following.result()}

    async def collateral(self) -> CollateralState:
        """Return whether the collateral moves, and what it is worth if a price feed is set."""
        feed = self._from.price_feed
        paused = await self._paused.get([None])
        peg = None if feed is None else (await self._pegs.get([feed])).get(feed)
        return CollateralState(paused=paused.get(None), price=None if peg is None else self._fresh(peg))

    def _fresh(self, peg: Peg) -> Price | None:
        return peg.price if self._from.clock.now_us() - peg.told_s * US <= PEG_LASTS_S * US else None

    async def _equity_of_followers(self, followers: frozenset[Address]) -> Mapping[Address, Collateral]:
        means = await self._means.get(followers)
        holdings = [each for each in await self._from.store.holdings() if each.follower in followers]
        worth = await self._worth(holdings)
        return {follower: each.collateral + worth[follower] for follower, each in means.items()}

    async def _worth(self, holdings: Collection[Holding]) -> Mapping[Address, Collateral]:
        books = await self._from.books.books({each.token_id for each in holdings})
        worth: defaultdict[Address, Collateral] = defaultdict(lambda: ZERO_COLLATERAL)
        for each in holdings:
            book = books.get(each.token_id)
            bid = None if book is None else book.best_bid
            worth[each.follower] += each.cost if bid is None else bid.cost_floor(each.shares)
        return worth

    async def _read_means(self, followers: Collection[Address]) -> Mapping[Address, Means]:
        wallets, as_of_us = list(followers), self._from.clock.now_us()
        found = await self._from.chain.means_of(wallets, self._from.clearinghouse)
        return {wallet: means._replace(as_of_us=as_of_us) for wallet, means in zip(wallets, found, strict=True)}

    async def _read_equity(self, leaders: Collection[Address]) -> Mapping[Address, Collateral]:
        history, wallets = self._from.history, list(leaders)
        if history is None:
            return {}
        owned = await self._from.chain.collateral_of(wallets)
        values = [await history.positions_value(wallet) for wallet in wallets]
        return {wallet: held + value for wallet, held, value in zip(wallets, owned, values, strict=True)}

    async def _read_paused(self, keys: Collection[None]) -> Mapping[None, bool]:
        return dict.fromkeys(keys, await self._from.chain.collateral_paused())

    async def _read_pegs(self, feeds: Collection[Address]) -> Mapping[Address, Peg]:
        return {feed: await self._from.chain.peg(feed) for feed in feeds}
