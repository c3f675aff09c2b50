"""A chain with the venue's contracts and a Clearinghouse, seen and acted upon through the adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from remora.adapters.chain.clearinghouse import ClearinghouseCustody
from remora.adapters.chain.reader import NodeReader
from remora.adapters.chain.rpc import RpcClient
from remora.adapters.chain.sender import NodeSender
from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.devnet import generations
from remora.devnet.accounts import MNEMONIC
from remora.devnet.anvil import CHAIN_ID, Anvil
from remora.devnet.deployment import deploy
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.funding import Funding
from remora.devnet.markets import MarketTerms, open_market
from remora.devnet.rpc import Node
from remora.domain.chain import Log, LogPlace, Receipt
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.money import Shares
from remora.domain.transaction import Call, SignedTransaction, Transaction

RECEIPT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`node` and `funding` act from outside, the rest is what remora itself has."""

    node: Node
    funding: Funding
    contracts: Contracts
    market: Market
    rpc: RpcClient
    reader: NodeReader
    sender: NodeSender
    custody: ClearinghouseCustody
    signer: MnemonicSigner

    @property
    def collateral(self) -> Address:
        return Address(self.contracts.collateral)

    @property
    def clearinghouse(self) -> Address:
        return Address(self.contracts.clearinghouse)

    @property
    def yes(self) -> TokenId:
        return TokenId(self.market.yes_token_id)

    async def sign(self, wallet: Address, call: Call) -> SignedTransaction:
        transaction = Transaction(
            chain_id=CHAIN_ID,
            wallet=wallet,
            nonce=await self.reader.account_nonce(wallet),
            call=call,
            gas_price=await self.reader.gas_price(),
        )
        return self.signer.sign_transaction(transaction)

    async def execute(self, wallet: Address, call: Call) -> Receipt:
        """Sign a call, broadcast it and wait for its receipt."""
        signed = await self.sign(wallet, call)
        await self.sender.broadcast(signed)
        return await self.mined(signed.tx_hash)

    async def mined(self, tx_hash: TxHash) -> Receipt:
        """Wait for a receipt."""
        async with aclosing(self.reader.stream([])) as stream, asyncio.timeout(RECEIPT_TIMEOUT_S):
            async for _ in stream:
                if receipt := await self.reader.receipt(tx_hash):
                    return receipt
        raise AssertionError("the chain ended")

    async def log_at(self, place: LogPlace) -> Log:
        """Read a log of which only the place is told."""
        assert place.tx_hash is not None
        receipt = await self.mined(place.tx_hash)
        assert receipt.block_hash == place.block_hash
        return next(log for log in receipt.logs if log.log_index == place.log_index)

    async def stock(self, wallet: Address, shares: Shares) -> None:
        """Give a wallet as many YES shares (and NO shares) out of collateral that it already has."""
        await self.funding.split(wallet, self.market, shares)


@asynccontextmanager
async def furnished(anvil: Anvil, node: Node) -> AsyncIterator[World]:
    """Deploy everything on an empty chain, open a market, and connect the adapters."""
    contracts = await deploy(node)
    market = await open_market(node, contracts, MarketTerms(question="Will the chain adapter find its block?"))
    collateral, ledgers, exchanges = (
        Address(contracts.collateral),
        generations.ledgers(contracts),
        generations.exchanges(contracts),
    )
    async with RpcClient(anvil.rpc_ws_url) as rpc:
        yield World(
            node=node,
            funding=Funding(node=node, contracts=contracts),
            contracts=contracts,
            market=market,
            rpc=rpc,
            reader=NodeReader(rpc, collateral=collateral, ledgers=ledgers),
            sender=NodeSender(rpc),
            custody=ClearinghouseCustody(
                clearinghouse=Address(contracts.clearinghouse),
                collateral=collateral,
                ledgers=ledgers,
                exchanges=exchanges,
            ),
            signer=MnemonicSigner(MNEMONIC, chain_id=CHAIN_ID, exchanges=exchanges, fleet_size=3),
        )
