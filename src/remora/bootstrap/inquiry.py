"""Asking nodes about one transaction, for `remora explain`: its receipt, and what a wallet held before its exits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from remora.adapters.chain.pool import NodePool
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.clock import SystemClock
from remora.bootstrap.outside import endpoint_of
from remora.detect.holdings import Holdings
from remora.detect.moves import moves_of
from remora.detect.positions import Happening, changes_since, in_chain_order
from remora.detect.trades import beside_trades, fills_of
from remora.detect.transfers import decode_transfer
from remora.detect.watch import Watch
from remora.domain.chain import Receipt
from remora.domain.contracts import Contracts, Ledgers, is_position_id
from remora.domain.ids import ZERO_ADDRESS, Address, TokenId, TxHash
from remora.domain.ignored import Ignored
from remora.domain.money import Shares
from remora.settings.environment import NodeSettings, split_urls

_NOWHERE = Ledgers(conditional_tokens=ZERO_ADDRESS, position_manager=ZERO_ADDRESS)


async def fetch_receipt(settings: NodeSettings, tx_hash: TxHash) -> Receipt | None:
    """Fetch one receipt; None when the nodes have none."""
    async with _pool(settings, _NOWHERE) as pool:
        return await pool.receipt(tx_hash)


async def fetch_held_before(
    settings: NodeSettings, receipt: Receipt, wallet: Address, known: Contracts
) -> Mapping[Happening, Shares]:
    """Fetch what a wallet held right before each of its exits in a transaction, as far as the nodes can tell."""
    if receipt.block_hash is None:
        return {}
    watch = Watch(chain_id=0, known=known, leaders=frozenset({wallet}), fleet=frozenset())
    async with _pool(settings, _ledgers(receipt, known)) as pool:
        receipts = await pool.receipts(receipt.block_hash, watch.filters()) or []
        fills = fills_of(receipts, watch)
        moves = moves_of(beside_trades(receipts, fills, watch), watch.fleet)
        changes = changes_since(receipts, in_chain_order([*fills, *moves]), known.ledgers)
        holdings = Holdings(pool, SystemClock(), receipt.block_hash, changes)
        before = {exit_: await holdings.before(exit_) for exit_ in changes if exit_.tx_hash == receipt.tx_hash}
    return {exit_: held for exit_, held in before.items() if held is not None}


@asynccontextmanager
async def _pool(settings: NodeSettings, ledgers: Ledgers) -> AsyncIterator[NodePool]:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(RpcClient(url)) for url in split_urls(settings.rpc_ws_url)]
        endpoints = [endpoint_of(rpc, ZERO_ADDRESS, ledgers, Ignored()) for rpc in clients]
        yield await stack.enter_async_context(NodePool(endpoints, clock=SystemClock()))


def _ledgers(receipt: Receipt, known: Contracts) -> Ledgers:
    """Return the ledgers that kept what a transaction moved, by the form of its token ids."""
    found = {
        is_position_id(TokenId(token_id)): log.address
        for log in receipt.logs
        if log.address in known.ledgers and (transfer := decode_transfer(log)) is not None
        for token_id in transfer.token_ids
    }
    return Ledgers(conditional_tokens=found.get(False, ZERO_ADDRESS), position_manager=found.get(True, ZERO_ADDRESS))
