"""A market in which traders meet, and what the chain says about each of them afterwards."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from polymarket import AcceptedOrder, AsyncSecureClient, OrderResponse

from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.endpoints import Market, Version
from remora.devnet.launcher import Devnet
from remora.devnet.markets import slug_of
from remora.domain.ids import Address, TokenId


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """An account with its SDK client."""

    wallet: Address
    client: AsyncSecureClient

    async def settled(self, response: OrderResponse) -> AcceptedOrder:
        """Wait until all fills that an order made at once are CONFIRMED, in successful transactions."""
        order = accepted(response)
        assert order.trade_ids
        assert await self.client.wait_for_order_fill_settlement(order)
        return order


@dataclass(frozen=True, slots=True)
class Balances:
    """Collateral, YES and NO shares in base units: what a wallet holds, or what it gained and lost."""

    collateral: int
    yes: int
    no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pit:
    """A market in which every trader holds shares, and the balances with which it opened."""

    devnet: Devnet
    market: Market
    opening: dict[Address, Balances]

    @property
    def yes(self) -> str:
        return str(self.market.yes_token_id)

    @property
    def no(self) -> str:
        return str(self.market.no_token_id)

    @property
    def event_slug(self) -> str:
        return slug_of(self.market.event)

    @property
    def fee_receiver(self) -> Address:
        return Address(self.devnet.endpoints.contracts.fee_receiver)

    async def balances_of(self, wallet: Address) -> Balances:
        node, contracts = self.devnet.node, self.devnet.endpoints.contracts
        return Balances(
            (await collateral_of(node, contracts, wallet)).units,
            (await shares_of(node, contracts, wallet, TokenId(self.market.yes_token_id))).units,
            (await shares_of(node, contracts, wallet, TokenId(self.market.no_token_id))).units,
        )

    async def change_of(self, wallet: Address) -> Balances:
        """Return what a wallet gained and lost since the market opened, to the base unit."""
        before, now = self.opening[wallet], await self.balances_of(wallet)
        return Balances(now.collateral - before.collateral, now.yes - before.yes, now.no - before.no)


class OpenPit(Protocol):
    """Opens a market for one test."""

    def __call__(self, *, neg_risk: bool = False, fee_rate: str = "0", version: Version = "v1") -> Awaitable[Pit]: ...


def accepted(response: OrderResponse) -> AcceptedOrder:
    assert isinstance(response, AcceptedOrder), response
    return response
