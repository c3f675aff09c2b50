"""What the detector makes of real receipts: one signal per leader order and transaction, exact, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from remora.detect.watch import TOPICS_PER_FILTER, Watch
from remora.domain.chain import Receipt
from remora.domain.contracts import ORDER_FILLED, POLYGON
from remora.domain.ids import Address, TokenId, address, signal_id
from remora.domain.money import Shares
from remora.domain.signal import Fill, Side, Signal, SignalKind
from tests.fakes.chain import FakeChain, head, matches
from tests.fakes.clock import START_US, US, SimulatedClock
from tests.fakes.database import Database
from tests.fakes.receipts import CAPTURED, DEPLOYMENT, KNOWN, NON_TRADES, TRADES, receipt_of, traded
from tests.fakes.specimens import CHAIN_ID, follower, wallet
from tests.fakes.waiting import settle_down, until
from tests.worker.listening import Listening

BUYER_TAKES_THREE_SALES = TRADES["c05_buy_vs_3_sells_fees_all"]
FILLS_TWICE = TRADES["w03_same_maker_order_twice_in_one_mint"]


@pytest.fixture
async def listening(chain: FakeChain, database: Database, clock: SimulatedClock) -> AsyncIterator[Listening]:
    bench = Listening(chain=chain, database=database, clock=clock)
    yield bench
    await bench.stop()


def facts(signal: Signal) -> tuple[object, ...]:
    return (
        signal.leader,
        signal.role,
        signal.side,
        signal.token_id,
        signal.shares,
        signal.collateral,
        signal.fee,
        signal.order_hash,
        signal.tx_hash,
    )


def expected(fill: Fill) -> tuple[object, ...]:
    return (
        fill.wallet,
        fill.role,
        fill.side,
        fill.token_id,
        fill.shares,
        fill.collateral,
        fill.fee,
        fill.order_hash,
        fill.tx_hash,
    )


def wallets(fills: Iterable[Fill]) -> frozenset[Address]:
    return frozenset(fill.wallet for fill in fills)


async def test_every_match_of_the_exchange_gives_each_leaders_order_once_and_exactly(listening: Listening) -> None:
    fills = [fill for case in TRADES.values() for fill in traded(case)]
    await listening.start(leaders=wallets(fills))
    for case in TRADES.values():
        listening.mine(receipt_of(case))
    await listening.heard(len(fills))
    assert sorted(map(facts, listening.signals), key=str) == sorted(map(expected, fills), key=str)
    assert len({signal.signal_id for signal in listening.signals}) == len(fills)


@pytest.mark.parametrize("name", CAPTURED)
async def test_a_receipt_of_polygon(listening: Listening, name: str) -> None:
    rows = CAPTURED[name]["expected"]["all_fills"]
    await listening.start(leaders=frozenset(address(row["wallet"]) for row in rows), known=POLYGON)
    listening.mine(receipt_of(CAPTURED[name], block_number=20))
    await listening.heard(len(rows))
    assert {(s.leader, s.side.value, s.shares.units, s.collateral.units, s.fee.units) for s in listening.signals} == {
        (row["wallet"], row["side"], *(int(row[key]) for key in ("shares_raw", "collateral_raw", "fee_raw")))
        for row in rows
    }


async def test_an_order_that_fills_twice_in_a_match_is_one_signal_with_the_sum(listening: Listening) -> None:
    maker = traded(FILLS_TWICE)[0]
    await listening.start(leaders=frozenset({maker.wallet}))
    listening.mine(receipt_of(FILLS_TWICE))
    (signal,) = await listening.heard(1)
    # 30 shares for 13.5 and 40 shares for 18
    assert (str(signal.shares), str(signal.collateral), str(signal.price)) == ("70", "31.5", "0.45")


async def test_a_signal_says_where_it_comes_from(listening: Listening, clock: SimulatedClock) -> None:
    receipt = receipt_of(BUYER_TAKES_THREE_SALES, block_number=130)
    buyer = traded(BUYER_TAKES_THREE_SALES)[-1]
    await listening.start(leaders=frozenset({buyer.wallet}))
    clock.advance(7)
    listening.mine(receipt)
    (signal,) = await listening.heard(1)
    exchange = address(DEPLOYMENT["standard_exchange"])
    assert signal.signal_id == signal_id(CHAIN_ID, exchange, signal.order_hash, receipt.tx_hash)
    assert (signal.chain_id, signal.exchange, signal.block_number) == (CHAIN_ID, exchange, 130)
    assert signal.heard_us == START_US + 7 * US
    assert signal.block_us == head(130).timestamp_s * US


def losses(case: dict[str, Any]) -> list[tuple[Address, str, int, int]]:
    """Return whom a recorded transaction took how many shares of what from, and what they had before."""
    return [
        (address(party), token_id, int(before) - int(after), int(before))
        for party, balances in case["balances"].items()
        for token_id, key in zip(case["token_ids"], ("token0", "token1"), strict=True)
        for before, after in [balances[key]]
        if int(after) < int(before)
    ]


def settle_balances(chain: FakeChain, case: dict[str, Any]) -> None:
    """Let the chain have the balances that everybody had after a recorded transaction."""
    for party, balances in case["balances"].items():
        for token_id, key in zip(case["token_ids"], ("token0", "token1"), strict=True):
            chain.shares[address(party), TokenId(int(token_id))] = Shares(int(balances[key][1]))


@pytest.mark.parametrize("name", NON_TRADES)
async def test_what_moves_shares_without_a_trade_is_at_most_an_exit_of_its_own_kind(
    listening: Listening, name: str
) -> None:
    case = NON_TRADES[name]
    receipt = receipt_of(case)
    settle_balances(listening.chain, case)
    await listening.start(leaders=frozenset(map(address, case["parties"])))
    assert listening.mine(receipt) > 0  # it was heard
    await listening.dealt_with(receipt)
    told = [
        (s.leader, str(s.token_id), s.shares.units, s.held_before and s.held_before.units) for s in listening.signals
    ]
    assert sorted(told) == sorted(losses(case))
    kinds = {signal.kind for signal in listening.signals}
    assert kinds <= {SignalKind.TRANSFER if "gift" in name else SignalKind.REDEMPTION}
    assert all(signal.side is Side.SELL and not signal.collateral for signal in listening.signals)


@pytest.mark.parametrize("name", TRADES)
async def test_what_is_held_before_the_orders_of_a_match_follows_from_what_is_held_after_it(
    listening: Listening, name: str
) -> None:
    """A wallet's first sale in a match is of what it had before, each other one of what the earlier ones left."""
    case = TRADES[name]
    settle_balances(listening.chain, case)
    await listening.start(leaders=wallets(traded(case)))
    listening.mine(receipt_of(case))
    held = {
        (address(party), TokenId(int(token_id))): int(balances[key][0])
        for party, balances in case["balances"].items()
        for token_id, key in zip(case["token_ids"], ("token0", "token1"), strict=True)
    }
    for signal in await listening.heard(len(traded(case))):
        position = signal.leader, signal.token_id
        selling = signal.side is Side.SELL
        assert signal.held_before == (Shares(held[position]) if selling else None)
        held[position] += -signal.shares.units if selling else signal.shares.units


async def test_our_order_that_hits_a_leaders_resting_order_gives_no_signal(listening: Listening) -> None:
    *makers, taker = traded(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=wallets(makers), fleet=frozenset({taker.wallet}))
    receipt = receipt_of(BUYER_TAKES_THREE_SALES)
    listening.mine(receipt)
    await listening.dealt_with(receipt)
    assert listening.signals == []
    assert [(fill.order_hash, fill.shares, fill.fee) for fill in listening.fills] == [
        (taker.order_hash, taker.shares, taker.fee)
    ]


async def test_a_leader_who_hits_our_resting_order_gives_a_signal_and_our_fill(listening: Listening) -> None:
    first, *_, taker = traded(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=frozenset({taker.wallet}), fleet=frozenset({first.wallet}))
    listening.mine(receipt_of(BUYER_TAKES_THREE_SALES))
    (signal,) = await listening.heard(1)
    assert (signal.leader, signal.shares) == (taker.wallet, taker.shares)
    assert [fill.order_hash for fill in listening.fills] == [first.order_hash]


async def test_a_reverted_transaction_gives_nothing(listening: Listening) -> None:
    fills = traded(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=wallets(fills[:-1]), fleet=frozenset({fills[-1].wallet}))
    receipt = replace(receipt_of(BUYER_TAKES_THREE_SALES), succeeded=False)
    listening.mine(receipt)
    await listening.dealt_with(receipt)
    assert (listening.signals, listening.fills) == ([], [])


async def test_a_fill_of_nothing_gives_no_signal(listening: Listening) -> None:
    fills = traded(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=wallets(fills))
    receipt = emptied(receipt_of(BUYER_TAKES_THREE_SALES))
    listening.mine(receipt)
    await listening.dealt_with(receipt)
    assert listening.signals == []


def emptied(receipt: Receipt) -> Receipt:
    """Set both amounts of every fill to zero."""
    logs = tuple(
        log._replace(data=log.data[:64] + bytes(64) + log.data[128:]) if log.topics[0] == ORDER_FILLED else log
        for log in receipt.logs
    )
    return replace(receipt, logs=logs)


async def test_a_removed_log_is_not_dealt_with(listening: Listening) -> None:
    receipt = receipt_of(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=wallets(traded(BUYER_TAKES_THREE_SALES)))
    listening.chain.mined[receipt.tx_hash] = receipt
    listening.chain.announce(*(log._replace(removed=True) for log in receipt.logs))
    await settle_down()
    assert listening.signals == []
    assert "receipts" not in listening.chain.asked


async def test_other_wallets_of_a_match_are_not_copied(listening: Listening) -> None:
    await listening.start(leaders=frozenset({follower(1)}), fleet=frozenset({wallet(1)}))
    assert listening.mine(receipt_of(BUYER_TAKES_THREE_SALES)) == 0
    await settle_down()
    assert (listening.signals, listening.fills) == ([], [])


async def test_a_spoofed_exchange_is_not_heard(listening: Listening) -> None:
    receipt = receipt_of(BUYER_TAKES_THREE_SALES)
    spoof = tuple(log._replace(address=Address("0x" + 40 * "5")) for log in receipt.logs)
    await listening.start(leaders=wallets(traded(BUYER_TAKES_THREE_SALES)))
    assert listening.mine(replace(receipt, logs=spoof)) == 0
    await listening.look_at(receipt.tx_hash)  # even when somebody points to it
    assert listening.signals == []


async def test_the_receipt_may_come_later_than_its_log(listening: Listening, clock: SimulatedClock) -> None:
    receipt = receipt_of(BUYER_TAKES_THREE_SALES)
    await listening.start(leaders=frozenset({traded(BUYER_TAKES_THREE_SALES)[-1].wallet}))
    listening.mine(receipt, served=False)
    await until(lambda: len(clock.slept_s) > 3)
    assert listening.signals == []
    listening.chain.mined[receipt.tx_hash] = receipt
    assert len(await listening.heard(1)) == 1


def test_thousands_of_leaders_are_split_into_filters_that_a_node_takes() -> None:
    leaders = [follower(number) for number in range(2 * TOPICS_PER_FILTER + 1)]
    watch = Watch(chain_id=CHAIN_ID, known=KNOWN, leaders=frozenset(leaders), fleet=frozenset({wallet(1)}))
    filters = watch.filters()
    sizes = [len(words) for each in filters for words in each.topics if words is not None]
    assert max(sizes) == TOPICS_PER_FILTER
    for wanted in (leaders[0], leaders[-1], wallet(1)):
        log = receipt_of(BUYER_TAKES_THREE_SALES).logs[-3]
        assert matches(filters, log._replace(topics=(ORDER_FILLED, "0x" + 64 * "1", padded(wanted), padded(wanted))))


def test_the_fills_of_ten_thousand_leaders_are_ten_subscriptions() -> None:
    leaders = frozenset(follower(number) for number in range(10_000))
    filters = Watch(chain_id=CHAIN_ID, known=KNOWN, leaders=leaders, fleet=frozenset()).filters()
    owners = [each.topics[2] or () for each in filters if each.topics[0] == (ORDER_FILLED,)]
    assert [len(group) for group in owners] == [1_000] * 10
    assert {topic for group in owners for topic in group} == {padded(leader) for leader in leaders}


def padded(party: Address) -> str:
    return "0x" + party[2:].rjust(64, "0")
