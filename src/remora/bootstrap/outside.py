"""The outside world: which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from remora.adapters.chain.clearinghouse import ClearinghouseCustody
from remora.adapters.chain.endpoint import Endpoint
from remora.adapters.chain.mempool import MempoolFeed, NodeMempool
from remora.adapters.chain.pool import NodePool
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender, PoolSender
from remora.adapters.clock import SystemClock
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.store.audits import SqliteAuditStore
from remora.adapters.store.changes import Changes
from remora.adapters.store.database import opened
from remora.adapters.store.debts import SqliteDebtStore
from remora.adapters.store.fleet import SqliteFleetStore
from remora.adapters.store.floats import SqliteFloatStore
from remora.adapters.store.leaders import SqliteLeaderStore
from remora.adapters.store.orders import SqliteOrderStore
from remora.adapters.store.rules import SqlitePolicyStore
from remora.adapters.store.settlements import SqliteSettlementStore
from remora.adapters.store.signals import SqliteSignalStore
from remora.adapters.store.switches import SqliteSwitchStore
from remora.adapters.store.writer import Writer
from remora.adapters.venue.client import ClobVenue
from remora.adapters.venue.data_api import DataApi
from remora.adapters.venue.gamma import Gamma
from remora.adapters.venue.market_feed import MarketFeed
from remora.domain.contracts import Exchanges, Ledgers
from remora.domain.errors import OperatorError
from remora.domain.ids import Address
from remora.domain.ignored import Ignored
from remora.ports import SignalStore
from remora.settings.environment import Settings, split_urls

OpenDatabase = Callable[[Path], AbstractContextManager[Writer]]
"""How the database is opened: `opened`, for its one supervisor, or `attached`, beside it."""
US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The outside world, behind its ports."""

    chain: NodePool
    sender: PoolSender
    custody: ClearinghouseCustody
    signer: MnemonicSigner
    venue: ClobVenue
    mempools: tuple[NodeMempool, ...]
    history: DataApi | None
    market_feed: MarketFeed | None
    listings: Gamma | None
    changes: Changes
    leaders: SqliteLeaderStore
    policies: SqlitePolicyStore
    signals: SignalStore
    orders: SqliteOrderStore
    settlements: SqliteSettlementStore
    debts: SqliteDebtStore
    audits: SqliteAuditStore
    switches: SqliteSwitchStore
    fleet: SqliteFleetStore
    floats: SqliteFloatStore
    clock: SystemClock
    ignored: Ignored


async def opened_outside(settings: Settings, stack: AsyncExitStack, *, database: OpenDatabase = opened) -> Outside:
    """Open everything outside; the stack closes it. OperatorError for a node on another chain than set."""
    clock, ignored = SystemClock(), Ignored()
    clients = [await stack.enter_async_context(RpcClient(url)) for url in split_urls(settings.rpc_ws_url)]
    writer = stack.enter_context(database(settings.database))
    fleet = SqliteFleetStore(writer)
    collateral, ledgers, exchanges = Address(settings.collateral), _ledgers(settings), _exchanges(settings)
    signer = MnemonicSigner(
        settings.trading_mnemonic.get_secret_value(),
        chain_id=settings.chain_id,
        fleet_size=(await fleet.plan(settings.fleet_size)).known,
        start_index=settings.fleet_start_index,
        exchanges=exchanges,
    )
    venue = await stack.enter_async_context(
        ClobVenue(clob_url=settings.clob_url, signer=signer, chain_id=settings.chain_id, clock=clock)
    )
    endpoints = [endpoint_of(rpc, collateral, ledgers, ignored) for rpc in clients]
    chain = await stack.enter_async_context(NodePool(endpoints, clock=clock))
    await _check_chain(settings, chain)
    return Outside(
        chain=chain,
        sender=PoolSender(endpoints),
        custody=ClearinghouseCustody(
            clearinghouse=Address(settings.clearinghouse),
            collateral=collateral,
            ledgers=ledgers,
            exchanges=exchanges,
        ),
        signer=signer,
        venue=venue,
        mempools=_mempools(settings, clients),
        history=await _history(settings, clock, stack),
        market_feed=_market_feed(settings, venue, clock, ignored),
        listings=await _listings(settings, clock, ignored, stack),
        changes=Changes(writer, clock),
        leaders=SqliteLeaderStore(writer),
        policies=SqlitePolicyStore(writer),
        signals=SqliteSignalStore(writer),
        orders=SqliteOrderStore(writer),
        settlements=SqliteSettlementStore(writer),
        debts=SqliteDebtStore(writer),
        audits=SqliteAuditStore(writer),
        switches=SqliteSwitchStore(writer),
        fleet=fleet,
        floats=SqliteFloatStore(writer),
        clock=clock,
        ignored=ignored,
    )


async def _history(settings: Settings, clock: SystemClock, stack: AsyncExitStack) -> DataApi | None:
    if not settings.data_url:
        return None
    return await stack.enter_async_context(DataApi(data_url=settings.data_url, clock=clock))


def _market_feed(settings: Settings, venue: ClobVenue, clock: SystemClock, ignored: Ignored) -> MarketFeed | None:
    if not settings.market_ws_url:
        return None
    return MarketFeed(
        url=settings.market_ws_url,
        clock=clock,
        ttl_us=settings.price_ttl_s * US,
        on_tick=venue.forget_market,
        ignored=ignored,
    )


async def _listings(settings: Settings, clock: SystemClock, ignored: Ignored, stack: AsyncExitStack) -> Gamma | None:
    if not settings.gamma_url:
        return None
    return await stack.enter_async_context(Gamma(gamma_url=settings.gamma_url, clock=clock, ignored=ignored))


def _ledgers(settings: Settings) -> Ledgers:
    return Ledgers(
        conditional_tokens=Address(settings.conditional_tokens),
        position_manager=Address(settings.position_manager),
        share_collaterals=settings.share_collaterals,
    )


def _exchanges(settings: Settings) -> Exchanges:
    return Exchanges(
        standard=Address(settings.exchange),
        neg_risk=Address(settings.neg_risk_exchange),
        v3=Address(settings.exchange_v3),
    )


def endpoint_of(rpc: RpcClient, collateral: Address, ledgers: Ledgers, ignored: Ignored) -> Endpoint:
    """Return one node, for reading and sending."""
    reader = NodeReader(rpc, collateral=collateral, ledgers=ledgers, ignored=ignored)
    return Endpoint(name=rpc.host, reader=reader, sender=NodeSender(rpc), drop=rpc.drop)


def _mempools(settings: Settings, clients: Sequence[RpcClient]) -> tuple[NodeMempool, ...]:
    if settings.mempool == "off":
        return ()
    exchanges = {settings.exchange, settings.neg_risk_exchange, settings.exchange_v3, *settings.extra_exchanges}
    feed = MempoolFeed(settings.mempool)
    return tuple(NodeMempool(rpc, feed=feed, exchanges=frozenset(map(Address, exchanges))) for rpc in clients)


async def _check_chain(settings: Settings, chain: NodePool) -> None:
    found = await chain.chain_id()
    if found != settings.chain_id:
        raise OperatorError(f"REMORA_CHAIN_ID: expected the node to be on chain {settings.chain_id}, found {found}")
