"""Trades on their way to a chain that mines, reverts, refuses and reorganises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import rlp
from eth_account import Account
from eth_utils.crypto import keccak

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.chain import Block
from remora.devnet.clob.orders import Side
from remora.devnet.clob.settlement import Fortune, Settlement
from remora.devnet.clob.trades import Trade
from remora.devnet.rpc import Node, Request
from remora.domain.errors import Refused
from tests.unit.devnet.scene import ALICE, BOB, CAROL, CONTRACTS, PLENTY, YES, Scene, limit, market_buy

_KEY = b"\x07" * 32
FIRST_NONCE = 5
_PLENTY = "0x" + PLENTY.to_bytes(32, "big").hex()


class FakeNode(Node):
    """A node that pools transactions until the test mines them."""

    def __init__(self) -> None:
        self.pool: list[str] = []
        self.mined: dict[int, tuple[str, ...]] = {}
        self.sent: list[str] = []
        self.matched: list[str] = []
        self.moved: list[dict[str, Any]] = []
        self.refuses = False
        self.refused = asyncio.Event()
        self.is_down = False
        self.orphaned: set[str] = set()
        self.has_no_state = False

    async def call(self, method: str, *params: Any) -> Any:
        await asyncio.sleep(0)
        if self.is_down:
            raise aiohttp.ClientConnectionError
        match method:
            case "eth_getTransactionCount":
                assert params[1] in ("latest", "pending")
                return hex(FIRST_NONCE + (len(self.sent) if params[1] == "pending" else self._mined_count()))
            case "eth_sendRawTransaction":
                return self._take(params[0])
            case "eth_getTransactionByHash":
                return {} if params[0] in self.pool else None
            case "eth_getBlockByHash":
                return None if params[0] in self.orphaned else {}
            case "eth_getLogs" if params[0]["blockHash"] in self.orphaned:
                return []
            case "eth_getLogs":
                # Either the exchanges' last words, or what happened to tokens.
                return [{"transactionHash": each} for each in self.matched] if "topics" in params[0] else self.moved
            case _:
                raise AssertionError(method)

    async def batch(self, requests: Iterable[Request]) -> list[Any]:
        assert all(request.method == "eth_call" for request in requests)
        if self.has_no_state:
            raise Refused("BlockOutOfRangeError: block height is 9 but requested was 10")
        return [_PLENTY for _ in requests]

    def _mined_count(self) -> int:
        return sum(len(hashes) for number, hashes in self.mined.items() if hex(number) not in self.orphaned)

    def _take(self, raw: str) -> str:
        if self.refuses:
            self.refused.set()
            raise Refused("nonce too low")
        tx_hash = transaction_hash(raw)
        if tx_hash in self.pool:
            raise Refused("transaction already imported")
        nonce, gas_price = _nonce_and_price(raw)
        offers = {transaction_hash(each): _nonce_and_price(each) for each in self.sent}
        rivals = {each: price for each, (its_nonce, price) in offers.items() if its_nonce == nonce}
        for rival in rivals.keys() & set(self.pool):
            if rivals[rival] >= gas_price:
                raise Refused("replacement transaction underpriced")
            self.pool.remove(rival)
        self.sent.append(raw)
        self.pool.append(tx_hash)
        return tx_hash


def _nonce_and_price(raw: str) -> tuple[int, int]:
    nonce, gas_price, *_ = rlp.decode(bytes.fromhex(raw[2:]))
    return int.from_bytes(nonce), int.from_bytes(gas_price)


def transaction_hash(raw: str) -> str:
    assert Account.recover_transaction(raw) == Account.from_key(_KEY).address
    return "0x" + keccak(hexstr=raw).hex()


class Herald:
    def __init__(self) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()

    def trade_sent(self, trade: Trade) -> None:
        self.told.put_nowait(trade.transaction_hash)

    def condition_resolved(self, condition_id: str, payouts: tuple[int, ...]) -> None:
        raise AssertionError(f"nobody resolved {condition_id} for {payouts}")


class Fates(Fortune):
    """The fate of trades, which the test may turn."""

    def __init__(self) -> None:
        self.is_bad = False

    def reverts(self, _: Trade) -> bool:
        return self.is_bad


class Court:
    """A settlement with its node, and the engine whose trades it settles."""

    def __init__(self) -> None:
        self.node, self.scene, self.herald, self.fates = FakeNode(), Scene(), Herald(), Fates()
        self.settlement = Settlement(
            node=self.node,
            chain_id=31337,
            operator_key=_KEY,
            confirmations_blocks=2,
            contracts=CONTRACTS,
            engine=self.scene.engine,
            accounts=Accounts(self.node, CONTRACTS, self.scene.funds),
            herald=self.herald,
            fates=self.fates,
        )

    def trade(self) -> Trade:
        """Make a trade of 4 shares at 0.50 and hand it in."""
        self.scene.submit(limit(ALICE, Side.SELL, YES, "5", "0.50"))
        (made,) = self.scene.submit(market_buy(BOB, YES, "2", "0.50")).trades
        self.settlement.enqueue([made])
        return made

    async def sent(self, count: int) -> list[str]:
        """Return the hashes of the next transactions that the node takes."""
        async with asyncio.timeout(20):
            return [await self.herald.told.get() for _ in range(count)]

    async def mine(self, number: int, *, reverting: bool = False) -> None:
        mined, self.node.pool = tuple(self.node.pool), []
        self.node.mined[number] = mined
        self.node.matched = [] if reverting else list(mined)
        block = Block(number=number, hash=hex(number), parent_hash="", transactions=mined)
        await self.settlement.on_block(block)

    async def reorganise(self, first_lost: int) -> None:
        self.node.mined = {number: hashes for number, hashes in self.node.mined.items() if number < first_lost}
        await self.settlement.on_reorg(first_lost)


@pytest_asyncio.fixture
async def court() -> AsyncIterator[Court]:
    async with _in_session(Court()) as sitting:
        yield sitting


@asynccontextmanager
async def _in_session(court: Court) -> AsyncIterator[Court]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(court.settlement.run())
        yield court
        running.cancel()


async def test_a_trade_is_matched_mined_and_confirmed(court: Court) -> None:
    trade = court.trade()
    assert trade.status == "MATCHED"
    assert await court.sent(1) == [trade.transaction_hash] == court.node.pool
    await court.mine(10)
    assert trade.status == "MINED"
    await court.mine(11)
    assert trade.status == "MINED"
    await court.mine(12)
    assert trade.status == "CONFIRMED"


async def test_trades_are_sent_with_consecutive_nonces_before_one_is_mined(court: Court) -> None:
    court.trade()
    court.trade()
    await court.sent(2)
    # Three bytes head the list that a transaction is; its first item is the nonce.
    assert [bytes.fromhex(raw[2:])[3] for raw in court.node.sent] == [5, 6]


async def test_a_trade_whose_transaction_reverts_has_failed(court: Court) -> None:
    trade = court.trade()
    await court.sent(1)
    await court.mine(10, reverting=True)
    assert trade.status == "FAILED"
    assert court.scene.asks() == [(500_000, 5_000_000)]
    await court.mine(12)
    assert trade.status == "FAILED"


async def test_a_trade_that_the_node_refuses_has_failed_and_the_next_is_sent(court: Court) -> None:
    court.node.refuses = True
    trade = court.trade()
    await court.node.refused.wait()
    court.node.refuses = False
    following = court.trade()
    assert await court.sent(1) == [following.transaction_hash]
    assert trade.status == "FAILED"


async def test_a_node_that_does_not_answer_is_asked_again(court: Court) -> None:
    court.node.is_down = True
    trade = court.trade()
    await asyncio.sleep(0.05)
    court.node.is_down = False
    await court.sent(1)
    await court.mine(10)
    assert trade.status == "MINED"


async def test_what_a_reorg_took_out_is_sent_again(court: Court) -> None:
    trade = court.trade()
    await court.sent(1)
    await court.mine(10)
    await court.reorganise(10)
    assert trade.status == "RETRYING"
    assert court.node.pool == [trade.transaction_hash]
    await court.mine(10)
    await court.mine(12)
    assert trade.status == "CONFIRMED"


async def test_what_shall_revert_after_a_reorg_takes_the_place_of_what_the_pool_still_has(court: Court) -> None:
    trade = court.trade()
    (taken_out,) = await court.sent(1)
    await court.mine(10)
    court.node.pool = [taken_out]  # the node gives back what its blocks had
    court.fates.is_bad = True
    await court.reorganise(10)
    assert court.node.pool == [trade.transaction_hash] != [taken_out]
    await court.mine(10, reverting=True)
    assert trade.status == "FAILED"


async def test_what_a_block_has_after_all_is_not_waited_for_in_another_shape(court: Court) -> None:
    """A trade that shall revert after a reorg, of which the old transaction is mined sooner than the new one."""
    trade = court.trade()
    (first,) = await court.sent(1)
    await court.mine(10)
    court.fates.is_bad = True
    await court.reorganise(10)
    court.node.pool = [first]
    await court.mine(10)
    assert (trade.status, trade.transaction_hash) == ("MINED", first)
    await court.mine(12)
    assert (trade.status, court.node.pool) == ("CONFIRMED", [])


async def test_what_the_chain_lost_without_a_word_is_sent_again_before_what_waits_for_its_nonce(court: Court) -> None:
    first = court.trade()
    await court.sent(1)
    await court.mine(10)
    court.node.mined.clear()
    second = court.trade()
    await court.sent(1)
    court.node.pool.clear()  # its nonce came too soon
    await court.mine(11)
    assert court.node.pool == [first.transaction_hash, second.transaction_hash]
    await court.mine(12)
    await court.mine(14)
    assert (first.status, second.status) == ("CONFIRMED", "CONFIRMED")


async def test_what_a_node_drops_after_a_reorg_is_sent_again_with_every_block(court: Court) -> None:
    first = court.trade()
    await court.sent(1)
    await court.mine(10)
    second = court.trade()
    await court.sent(1)
    await court.reorganise(10)
    court.node.pool.remove(second.transaction_hash)  # its nonce came too soon
    await court.mine(10)
    assert (first.status, second.status) == ("MINED", "MATCHED")
    assert court.node.pool == [second.transaction_hash]
    await court.mine(11)
    assert second.status == "MINED"


async def test_what_was_in_a_block_that_was_replaced_unseen_is_sent_again(court: Court) -> None:
    trade = court.trade()
    await court.sent(1)
    court.node.pool.clear()
    await court.mine(10)
    assert (trade.status, court.node.pool) == ("MATCHED", [trade.transaction_hash])
    await court.mine(11)
    assert trade.status == "MINED"


async def test_a_block_that_a_reorg_takes_while_it_is_read_says_nothing_of_its_trades(court: Court) -> None:
    """The node knows no logs of such a block, which is what it says of one in which everything reverted."""
    trade = court.trade()
    await court.sent(1)
    court.node.orphaned = {hex(10)}
    with pytest.raises(Refused, match="no block"):
        await court.mine(10)
    assert trade.status == "MATCHED"
    assert court.scene.asks() == [(500_000, 1_000_000)]
    await court.mine(11)  # the one that stands for it has nothing of it
    assert court.node.pool == [trade.transaction_hash]
    await court.mine(12)
    assert trade.status == "MINED"


async def test_a_trade_fails_though_a_reorg_takes_the_block_in_which_it_reverted(court: Court) -> None:
    """What its parties have is asked of that block, and of the one that stands for it as soon as there is one."""
    trade = court.trade()
    await court.sent(1)
    court.scene.funds.known.clear()
    court.node.has_no_state = True
    mined = asyncio.create_task(court.mine(10, reverting=True))
    await asyncio.sleep(0.05)
    assert trade.status == "MATCHED"
    court.node.has_no_state = False
    await mined
    assert trade.status == "FAILED"


async def test_a_failed_transaction_keeps_its_nonce_through_a_reorg(court: Court) -> None:
    failed = court.trade()
    await court.sent(1)
    await court.mine(10, reverting=True)
    await court.reorganise(10)
    assert court.node.pool == [failed.transaction_hash]
    assert failed.status == "FAILED"


@pytest.mark.parametrize("status", ["CONFIRMED", "FAILED"])
async def test_what_is_final_is_sent_again_after_every_reorg_until_a_block_has_it(court: Court, status: str) -> None:
    """Later transactions of the operator wait for its nonce, however often it is taken out, or dropped by the pool."""
    final = court.trade()
    await court.sent(1)
    await court.mine(10, reverting=status == "FAILED")
    await court.mine(12)
    for number in (13, 14):
        await court.reorganise(10)
        court.node.pool.clear()
        await court.mine(number)
        assert court.node.pool == [final.transaction_hash]
        await court.mine(10)
        assert court.node.pool == []
    assert final.status == status


async def test_a_mined_trade_is_booked_and_not_read_again(court: Court) -> None:
    court.trade()
    await court.sent(1)
    await court.mine(10)
    funds, purse = court.scene.funds, court.scene.purse
    assert funds.known[purse(BOB, None)].balance == PLENTY - 2_000_000
    assert funds.known[purse(BOB, YES)].balance == PLENTY + 4_000_000
    assert funds.known[purse(ALICE, None)].balance == PLENTY + 2_000_000
    assert funds.known[purse(ALICE, YES)].balance == PLENTY - 4_000_000


async def test_who_was_touched_by_other_transactions_is_read_again(court: Court) -> None:
    topics = ["0xddf2", "0x" + ALICE[2:].rjust(64, "0"), "0x" + CAROL[2:].rjust(64, "0")]
    court.node.moved = [{"transactionHash": "0xfo", "topics": topics}]
    court.node.pool = ["0xfo"]
    await court.mine(10)
    assert {purse.owner for purse in court.scene.funds.known} == {BOB}


async def test_a_limited_allowance_is_read_again_when_some_was_used(court: Court) -> None:
    court.scene.endow(BOB, None, PLENTY, allowance=10**9)
    court.trade()
    await court.sent(1)
    await court.mine(10)
    known = court.scene.funds.known
    assert court.scene.purse(BOB, None) not in known
    assert court.scene.purse(BOB, YES) in known


async def test_a_reorg_makes_everything_unknown(court: Court) -> None:
    await court.reorganise(10)
    assert court.scene.funds.known == {}
