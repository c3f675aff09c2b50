"""Leaders' trades on a devnet are heard before their block, and are what the block says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
import pytest_asyncio

from remora.adapters.chain.mempool import MempoolFeed, NodeMempool
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.clock import SystemClock
from remora.detect.calldata import Exchanges
from remora.detect.decode import exact_fills, sum_by_order
from remora.detect.mempool import PendingFills, Wanted
from remora.detect.pending import PendingFill, Vanished
from remora.devnet.accounts import Role, scripted
from remora.devnet.anvil import CHAIN_ID
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import async_client
from remora.domain.chain import Head, PendingTransaction, Receipt
from remora.domain.contracts import Generation, Ledgers
from remora.domain.ids import ZERO_ADDRESS, Address, TxHash
from remora.domain.money import ONE, Collateral, Shares, Wei
from tests.contract.faults.scene import Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCK_TIME_S = 1.0
NOWHERE = Ledgers(conditional_tokens=ZERO_ADDRESS, position_manager=ZERO_ADDRESS)


@dataclass(slots=True, kw_only=True)
class Ear:
    """What was told of the mempool, and the chain to compare it with."""

    reader: NodeReader
    exchanges: frozenset[Address]
    source: PendingFills | None = None
    told: list[PendingFill] = field(default_factory=list)
    vanished: list[tuple[PendingFill, Vanished]] = field(default_factory=list)

    async def on_pending(self, pending: PendingFill) -> None:
        self.told.append(pending)

    async def on_vanished(self, pending: PendingFill, why: Vanished) -> None:
        self.vanished.append((pending, why))

    async def hears(self, count: int) -> list[PendingFill]:
        """Wait until so many fills were told."""

        async def heard() -> bool:
            return len(self.told) >= count

        await eventually(heard)
        return self.told

    async def receipt(self, tx_hash: TxHash | None) -> Receipt:
        """Wait until a block has the transaction."""
        assert tx_hash is not None

        async def mined() -> bool:
            return await self.reader.receipt(tx_hash) is not None

        await eventually(mined)
        receipt = await self.reader.receipt(tx_hash)
        assert receipt is not None
        return receipt


class AttentiveMempool(NodeMempool):
    """One that says when its subscriptions stand."""

    def __init__(self, rpc: RpcClient, feed: MempoolFeed, exchanges: frozenset[Address]) -> None:
        super().__init__(rpc, feed=feed, exchanges=exchanges)
        self.listens = asyncio.Event()

    async def stream(self) -> AsyncGenerator[PendingTransaction | Head, None]:
        async with aclosing(super().stream()) as stream:
            async for item in stream:
                self.listens.set()
                yield item


@asynccontextmanager
async def listening(devnet: Devnet, *leaders: Person, feed: MempoolFeed = MempoolFeed.FULL) -> AsyncIterator[Ear]:
    """Listen to the devnet's first node, as the supervisor would."""
    contracts = devnet.endpoints.contracts
    exchanges = frozenset({Address(contracts.exchange), Address(contracts.neg_risk_exchange)})
    async with RpcClient(devnet.endpoints.rpc_ws_url) as rpc:
        reader = NodeReader(rpc, collateral=ZERO_ADDRESS, ledgers=NOWHERE)
        mempool = AttentiveMempool(rpc, feed, exchanges)
        ear = Ear(reader=reader, exchanges=exchanges)
        ear.source = PendingFills(
            mempools=[mempool],
            chain=reader,
            clock=SystemClock(),
            wanted=Wanted(
                exchanges=Exchanges.of(CHAIN_ID, [(exchange, Generation.V2) for exchange in exchanges]),
                leaders=frozenset(person.wallet for person in leaders),
                fleet=frozenset(),
            ),
            on_pending=ear.on_pending,
            on_vanished=ear.on_vanished,
        )
        running = asyncio.create_task(ear.source.run())
        await mempool.listens.wait()
        yield ear
        running.cancel()
        await asyncio.wait([running])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def devnet() -> AsyncIterator[Devnet]:
    async with running_devnet(DevnetConfig(block_time_s=BLOCK_TIME_S, markets=())) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(devnet: Devnet) -> AsyncIterator[Scene]:
    """A neg-risk market and two leaders with shares of both outcomes."""
    accounts = [scripted(Role.LEADER, index, seed=9) for index in range(2)]
    wallets = [account.address for account in accounts]
    await devnet.funding.fund(
        wallets, collateral=Collateral(10_000 * ONE), native=Wei.parse("1000"), approve_exchanges=True
    )
    market = await devnet.open_market(MarketTerms(question="Is it heard before its block?", neg_risk=True))
    for wallet in wallets:
        await devnet.funding.split(wallet, market, Shares(1_000 * ONE))
    async with AsyncExitStack() as stack:
        alice, bob = [
            Person(
                account=account,
                client=await stack.enter_async_context(await async_client(devnet.endpoints, account.private_key)),
            )
            for account in accounts
        ]
        yield Scene(devnet=devnet, market=market, alice=alice, bob=bob)


@pytest.mark.parametrize(
    ("side", "price", "outcome", "taking", "at", "feed"),
    [
        pytest.param("SELL", "0.52", "yes", "BUY", "0.55", MempoolFeed.FULL, id="complementary"),
        pytest.param("BUY", "0.60", "no", "BUY", "0.45", MempoolFeed.ALCHEMY, id="mint"),
        pytest.param("SELL", "0.55", "no", "SELL", "0.40", MempoolFeed.FULL, id="merge"),
    ],
)
async def test_a_trade_is_heard_before_its_block_and_is_what_the_block_says(
    *,
    scene: Scene,
    side: Literal["BUY", "SELL"],
    price: str,
    outcome: str,
    taking: Literal["BUY", "SELL"],
    at: str,
    feed: MempoolFeed,
) -> None:
    token = {"yes": scene.yes, "no": str(scene.market.no_token_id)}[outcome]
    async with listening(scene.devnet, scene.alice, scene.bob, feed=feed) as ear:
        await scene.rests(scene.alice, side=side, price=price, size="20")
        taken = await scene.bob.client.place_limit_order(token_id=token, price=at, size="20", side=taking)
        told = await ear.hears(2)
        receipt = await ear.receipt(told[0].fill.tx_hash)
        mined = sum_by_order(exact_fills(receipt.logs, ear.exchanges, complete=True))
        assert {fill.wallet for fill in mined} == {scene.alice.wallet, scene.bob.wallet}
        assert str(accepted(taken).order_id) == str(mined[-1].order_hash)
        assert [each.fill for each in told] == [fill._replace(block_number=None, log_index=None) for fill in mined]
        assert all(each.heard_block < receipt.block_number for each in told)
        assert ear.source is not None
        assert [ear.source.pending_of(fill) for fill in mined] == told
        assert ear.vanished == []


async def test_a_trade_that_reverts_vanishes(scene: Scene) -> None:
    async with listening(scene.devnet, scene.bob) as ear:
        await scene.rests(scene.alice, price="0.52", size="20")
        await scene.inject("failed-trade", token=scene.yes, count=1)
        accepted(await scene.buys(scene.bob))
        (told,) = await ear.hears(1)

        async def vanished() -> bool:
            return bool(ear.vanished)

        await eventually(vanished)
        assert ear.vanished == [(told, Vanished.REVERTED)]
        assert not (await ear.receipt(told.fill.tx_hash)).succeeded
