"""Gives the devnet's accounts what they need to take part: coins, shares, approvals, memberships.

Everything is done for many wallets at once, as the wallets themselves, within a few blocks. Collateral and shares are
added to what a wallet has. Each wallet pays its own gas.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from remora.devnet.abi import MAX_UINT256, calldata
from remora.devnet.deployment import OWNER
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.generations import condition_bytes, exchange_versions
from remora.devnet.rpc import Node, Request
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Shares, Wei

ONE_COIN = Wei(10**18)
FLEET_COIN = Wei.parse("2")
TREASURY_COIN = Wei.parse("1000")
FLEET_FLOAT = Collateral(20_000 * ONE)
"""What each operator wallet gets."""

_SPLIT_GAS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """The source of everything on one devnet."""

    node: Node
    contracts: Contracts

    async def fund(
        self,
        wallets: Sequence[Address],
        *,
        collateral: Collateral = ZERO_COLLATERAL,
        native: Wei = ONE_COIN,
        approve_exchanges: bool = False,
        approve_clearinghouse: bool = False,
        approve_adapters: bool = False,
    ) -> None:
        """Set each wallet's native balance, mint collateral for it and make its approvals.

        Whoever is approved, the exchanges, the Clearinghouse, or the users' adapters, the router and the AutoRedeemer,
        may move all the wallet's collateral and shares.
        """
        spenders = self._spenders(
            exchanges=approve_exchanges, clearinghouse=approve_clearinghouse, adapters=approve_adapters
        )
        await self.node.batch(
            Request(method="anvil_setBalance", params=(wallet, hex(native.units))) for wallet in wallets
        )
        acts = [self._mint(wallet, collateral) for wallet in wallets if collateral]
        acts += [act for wallet in wallets for spender in spenders for act in self._approve(wallet, spender)]
        await transact(self.node, acts)

    async def join(self, followers: Iterable[Address], *, daily_limit: Collateral, expires_at_s: int) -> None:
        """Have followers with native coin join the Clearinghouse, until a unix time in seconds."""
        terms = calldata("join(uint256,uint256)", daily_limit.units, expires_at_s)
        to = Address(self.contracts.clearinghouse)
        await transact(self.node, [Act(sender=follower, to=to, data=terms) for follower in followers])

    async def add_operators(self, wallets: Iterable[Address]) -> None:
        """Let operator wallets settle through the Clearinghouse."""
        to = Address(self.contracts.clearinghouse)
        calls = [calldata("add_operator(address)", wallet) for wallet in wallets]
        await transact(self.node, [Act(sender=OWNER, to=to, data=data) for data in calls])

    async def equip_fleet(self, wallets: Sequence[Address], treasury: Address, *, native: Wei = FLEET_COIN) -> None:
        """Give operator wallets float and coins and let them settle; give the treasury coins to refuel them with."""
        await self.fund(wallets, collateral=FLEET_FLOAT, native=native)
        await self.fund([treasury], native=TREASURY_COIN)
        await self.add_operators(wallets)

    async def split(self, wallet: Address, market: Market, shares: Shares) -> None:
        """Turn a wallet's collateral into as many YES and as many NO shares of a market."""
        contracts = self.contracts
        if market.version == "v2":
            await self._split_positions(wallet, market, shares)
            return
        adapter = Address(contracts.adapter_of(market))
        split = calldata(
            "splitPosition(address,bytes32,bytes32,uint256[],uint256)",
            contracts.collateral,
            bytes(32),
            condition_bytes(market),
            [1, 2],
            shares.units,
        )
        await transact(
            self.node,
            [*self._approve(wallet, adapter), Act(sender=wallet, to=adapter, data=split, gas=_SPLIT_GAS)],
        )

    async def _split_positions(self, wallet: Address, market: Market, shares: Shares) -> None:
        router = Address(self.contracts.router)
        split = calldata("split(bytes31,uint256)", condition_bytes(market), shares.units)
        await transact(
            self.node,
            [*self._approve(wallet, router), Act(sender=wallet, to=router, data=split, gas=_SPLIT_GAS)],
        )

    def _spenders(self, *, exchanges: bool, clearinghouse: bool, adapters: bool) -> list[Address]:
        contracts = self.contracts
        spenders: list[str] = list(exchange_versions(contracts)) if exchanges else []
        spenders += [contracts.clearinghouse] if clearinghouse else []
        of_users = [contracts.collateral_adapter, contracts.neg_risk_collateral_adapter, contracts.router]
        spenders += [*of_users, contracts.auto_redeemer] if adapters else []
        return [Address(spender) for spender in spenders]

    def _mint(self, wallet: Address, amount: Collateral) -> Act:
        mint = calldata("mint(address,uint256)", wallet, amount.units)
        return Act(sender=OWNER, to=Address(self.contracts.collateral), data=mint)

    def _approve(self, wallet: Address, spender: Address) -> Iterator[Act]:
        approve = calldata("approve(address,uint256)", spender, MAX_UINT256)
        yield Act(sender=wallet, to=Address(self.contracts.collateral), data=approve)
        approve_all = calldata("setApprovalForAll(address,bool)", spender, True)
        for ledger in (self.contracts.conditional_tokens, self.contracts.position_manager):
            yield Act(sender=wallet, to=Address(ledger), data=approve_all)
