"""Equity, descriptions and the state of the collateral, gathered for a decision."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from remora.dispatch.books import BookCache
from remora.dispatch.gathering import EQUITY_TTL_US, PEG_LASTS_S, STATE_TTL_US, Gathering, Sources
from remora.domain.errors import Malformed, Retryable
from remora.domain.ids import Address, TokenId
from remora.domain.market import Listing
from remora.domain.means import CollateralState, Peg
from remora.domain.money import Price
from tests.fakes.chain import FakeChain
from tests.fakes.clearinghouse import CLEARINGHOUSE
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.history import FakeHistory
from tests.fakes.specimens import LEADER, TOKEN, book, collateral, follower, price, signal
from tests.fakes.venue import FakeVenue
from tests.worker.steps import Steps

FEED = Address("0x" + 40 * "9")
SNOW = Listing(
    question="Will it snow?",
    outcome="Yes",
    slug="will-it-snow",
    event_slug="snow",
    category=None,
    tags=frozenset(),
    liquidity=None,
    volume_24h=None,
    ends_us=None,
    opposite=None,
)


class FakeListings:
    """Listings that know one market."""

    async def listing(self, token_id: TokenId) -> Listing | None:
        return SNOW if token_id == TOKEN else None


@pytest.fixture
def history() -> FakeHistory:
    return FakeHistory()


@pytest.fixture
def sources(
    chain: FakeChain, venue: FakeVenue, database: Database, clock: SimulatedClock, history: FakeHistory
) -> Sources:
    chain.admit(CLEARINGHOUSE, follower(1), follower(2))
    return Sources(
        chain=chain,
        clearinghouse=CLEARINGHOUSE,
        store=database.signals,
        books=BookCache(venue=venue, live=None, clock=clock, ttl_us=5 * US),
        clock=clock,
        listings=FakeListings(),
        history=history,
        price_feed=FEED,
    )


@pytest.fixture
def gathering(sources: Sources) -> Gathering:
    return Gathering(sources)


async def test_a_followers_equity_is_collateral_and_lots_at_the_best_bid(
    gathering: Gathering, database: Database, venue: FakeVenue, chain: FakeChain
) -> None:
    await Steps(database).delivered(1)  # 20 shares for 10
    equity = await gathering.equity(LEADER, [follower(1), follower(2)])
    assert equity[follower(1)] == collateral("1010.2")  # 1000 + 20 x 0.51
    assert equity[follower(2)] == collateral("1000")
    assert venue.asked == ["books"]  # one question for all tokens
    assert chain.asked.count("means_of") == 1


@pytest.mark.parametrize("bid", [None, "no book", "no answer"])
async def test_shares_without_a_price_are_worth_what_they_cost(
    gathering: Gathering, database: Database, venue: FakeVenue, bid: str | None
) -> None:
    await Steps(database).delivered(1)
    if bid is None:
        venue.order_books[TOKEN] = book(bid=None)
    elif bid == "no book":
        venue.order_books.clear()
    else:
        venue.troubles["books"].append(Retryable("busy"))
    equity = await gathering.equity(LEADER, [follower(1)])
    assert equity[follower(1)] == collateral("1010")  # 1000 + 10


async def test_a_leaders_equity_is_collateral_and_what_its_shares_are_worth(
    gathering: Gathering, chain: FakeChain, history: FakeHistory, clock: SimulatedClock
) -> None:
    chain.collateral[LEADER] = collateral("400")
    history.values[LEADER] = collateral("123.45")
    assert await gathering.equity(LEADER, []) == {LEADER: collateral("523.45")}
    chain.collateral[LEADER] = collateral("0")
    clock.advance(EQUITY_TTL_US // US - 1)
    assert await gathering.equity(LEADER, []) == {LEADER: collateral("523.45")}
    clock.advance(1)
    assert await gathering.equity(LEADER, []) == {LEADER: collateral("123.45")}


async def test_equity_that_cannot_be_told_is_left_out(
    gathering: Gathering, sources: Sources, chain: FakeChain, history: FakeHistory
) -> None:
    history.troubles[LEADER].extend([Retryable("busy")] * 3)
    chain.troubles["means_of"].extend([Retryable("busy")] * 3)
    assert await gathering.equity(LEADER, [follower(1)]) == {}
    blind = Gathering(replace(sources, history=None))
    assert await blind.equity(LEADER, [follower(1)]) == {follower(1): collateral("1000")}


async def test_means_are_read_once_for_signals_of_the_same_moment(gathering: Gathering, chain: FakeChain) -> None:
    answers = await asyncio.gather(*(gathering.means([follower(1), follower(2)]) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert chain.asked.count("means_of") == 1


async def test_means_tell_when_they_began_to_be_read(
    gathering: Gathering, chain: FakeChain, clock: SimulatedClock
) -> None:
    """What is settled while a node is busy may be missing in its answer."""
    chain.troubles["means_of"].append(Retryable("busy", 0.1))
    assert (await gathering.means([follower(1)]))[follower(1)].as_of_us == clock.now_us()
    began_us = clock.now_us()
    clock.advance(1)
    assert (await gathering.means([follower(1)]))[follower(1)].as_of_us == began_us
    clock.advance(1)
    assert (await gathering.means([follower(1)]))[follower(1)].as_of_us == clock.now_us()


async def test_how_a_market_is_described(gathering: Gathering, sources: Sources) -> None:
    assert await gathering.listing(signal()) == SNOW
    assert await gathering.listing(signal(token_id=TokenId(8))) is None
    assert await Gathering(replace(sources, listings=None)).listing(signal()) is None


@pytest.mark.parametrize(
    ("told_s_ago", "found"), [(0, price("0.987")), (PEG_LASTS_S, price("0.987")), (PEG_LASTS_S + 1, None)]
)
async def test_a_price_that_is_old_is_none(
    gathering: Gathering, chain: FakeChain, told_s_ago: int, found: Price | None
) -> None:
    chain.pegs[FEED] = Peg(price=price("0.987"), told_s=START_US // US - told_s_ago)
    assert await gathering.collateral() == CollateralState(paused=False, price=found)


async def test_the_state_of_the_collateral_is_remembered_for_a_moment(
    sources: Sources, chain: FakeChain, clock: SimulatedClock
) -> None:
    alone = Gathering(replace(sources, price_feed=None))
    assert await alone.collateral() == CollateralState(paused=False, price=None)
    chain.paused = True
    assert await alone.collateral() == CollateralState(paused=False, price=None)
    clock.advance(STATE_TTL_US // US)
    assert await alone.collateral() == CollateralState(paused=True, price=None)
    assert "peg" not in chain.asked


async def test_what_no_node_tells_of_the_collateral_is_unknown(gathering: Gathering, chain: FakeChain) -> None:
    chain.troubles["collateral_paused"].extend([Retryable("busy")] * 3)
    chain.troubles["peg"].append(Malformed("expected a price"))
    assert await gathering.collateral() == CollateralState(paused=None, price=None)
