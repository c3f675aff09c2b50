"""A whole devnet in one context: chain, contracts, order-book server and markets, on free loopback ports.

It starts empty of orders; `traders.crew` brings market makers and leaders. Everything ends with the context, and the
chain also when this process dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from remora.devnet.accounts import Role, scripted
from remora.devnet.anvil import CHAIN_ID, Anvil, running_anvil
from remora.devnet.artifacts import compile_contracts
from remora.devnet.chain_state import ChainState
from remora.devnet.clob.limits import ELITE, Limits
from remora.devnet.clob.server import ClobConfig, ClobServer
from remora.devnet.control.server import serving
from remora.devnet.control.wiring import Controls, Wiring, wired
from remora.devnet.deployment import EXCHANGE_OPERATOR, deploy
from remora.devnet.endpoints import Contracts, Endpoints, Market
from remora.devnet.faults.board import Board
from remora.devnet.funding import Funding
from remora.devnet.markets import MarketTerms, open_market, varied_terms
from remora.devnet.mining import mining
from remora.devnet.node_gate.gate import node_gate
from remora.devnet.relayer.server import RelayerConfig, running_relayer
from remora.devnet.rpc import Node, connected
from remora.devnet.shared import Shared


@dataclass(frozen=True, slots=True, kw_only=True)
class DevnetConfig:
    """What a devnet shall be like. A trade is confirmed `confirmations_blocks` blocks after the one that mined it.

    The limits are the venue's; the market maker has the tier that one would have there.
    """

    block_time_s: float = 1.0
    markets: tuple[MarketTerms, ...] = varied_terms(5)
    confirmations_blocks: int = 1
    limits: Limits = Limits(tiers={scripted(Role.MARKET_MAKER).address: ELITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Devnet:
    """A running devnet: where it is, and the handles of who set it up.

    `faults` are those that are active; `controls` does what the control API is asked for.
    """

    endpoints: Endpoints
    node: Node
    funding: Funding
    clob: ClobServer
    faults: Board
    controls: Controls

    async def open_market(self, terms: MarketTerms) -> Market:
        """Open and list one more market; `endpoints` does not know it."""
        market = await open_market(self.node, self.endpoints.contracts, terms)
        self.clob.add_market(market)
        return market


@asynccontextmanager
async def running_devnet(config: DevnetConfig | None = None) -> AsyncIterator[Devnet]:
    """Run a devnet until the context ends.

    Raise `OperatorError` when anvil is not installed, and FileNotFoundError when ConditionalTokens is not.
    """
    config = config or DevnetConfig()
    shared = Shared()
    await asyncio.to_thread(compile_contracts)
    async with (
        running_anvil(block_time_s=config.block_time_s) as chain,
        connected(chain.rpc_url) as node,
        mining(node, chain.block_time_s) as blocks,
    ):
        await (chain_state := ChainState(node, blocks)).begin()
        contracts = await deploy(node)
        markets = tuple([await open_market(node, contracts, terms) for terms in config.markets])
        funding = Funding(node=node, contracts=contracts)
        async with (
            _running_clob(chain, contracts, config, shared) as clob,
            node_gate(1, chain.rpc_url, chain.rpc_ws_url, shared) as first,
            node_gate(2, chain.rpc_url, chain.rpc_ws_url, shared) as second,
            running_relayer(
                RelayerConfig(node=node, contracts=contracts, delegates=clob.delegates, shared=shared)
            ) as relayer,
        ):
            for market in markets:
                clob.add_market(market)
            endpoints = Endpoints(
                chain_id=CHAIN_ID,
                rpc_url=first.url,
                rpc_ws_url=first.ws_url,
                clob_url=clob.url,
                gamma_url=clob.gamma_url,
                data_url=clob.data_url,
                live_ws_url=clob.live_ws_url,
                market_ws_url=clob.market_ws_url,
                user_ws_url=clob.user_ws_url,
                block_time_s=chain.block_time_s,
                contracts=contracts,
                markets=markets,
                second_rpc_url=second.url,
                second_rpc_ws_url=second.ws_url,
                relayer_url=relayer.url,
            )
            controls = wired(
                Wiring(
                    endpoints=endpoints,
                    funding=funding,
                    clob=clob,
                    relayer=relayer,
                    gates=(first, second),
                    chain=chain_state,
                    mining=blocks,
                    shared=shared,
                )
            )
            async with serving(controls.routes) as control_url:
                yield Devnet(
                    endpoints=replace(endpoints, control_url=control_url),
                    node=node,
                    funding=funding,
                    clob=clob,
                    faults=shared.faults,
                    controls=controls,
                )


@asynccontextmanager
async def _running_clob(
    chain: Anvil, contracts: Contracts, config: DevnetConfig, shared: Shared
) -> AsyncIterator[ClobServer]:
    clob = ClobServer(
        ClobConfig(
            chain_id=CHAIN_ID,
            rpc_url=chain.rpc_url,
            rpc_ws_url=chain.rpc_ws_url,
            contracts=contracts,
            operator_key=bytes.fromhex(EXCHANGE_OPERATOR.private_key.removeprefix("0x")),
            host="127.0.0.1",
            port=0,
            confirmations_blocks=config.confirmations_blocks,
            limits=config.limits,
            shared=shared,
        )
    )
    try:
        await clob.start()
        yield clob
    finally:
        await clob.stop()
