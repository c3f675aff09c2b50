"""Where the whole surface of a client is driven: a deposit wallet with means, its client, and whom it trades with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from polymarket import AcceptedOrder, AsyncSecureClient
from polymarket.types import EvmAddress

from remora.devnet.accounts import DevnetAccount, Role, scripted
from remora.devnet.balances import collateral_of
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import async_client, environment
from remora.devnet.wallets import Wallets
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral, Shares
from remora.domain.wallets import WalletKind
from tests.contract.sdk.flavours import Flavour, Sdk
from tests.contract.sdk.pit import Trader, accepted

U = 1_000_000
MEANS = Collateral(10_000 * ONE)
SHARES = Shares(2_000 * ONE)
_SEED = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One client before one market; `other` is on the other side of its trades. The wallet is a deposit wallet.

    `owner` trades for the same wallet, so that there is something to see for a client that only looks.
    """

    devnet: Devnet
    flavour: Flavour
    client: Sdk
    owner: AsyncSecureClient
    account: DevnetAccount
    wallet: Address
    market: Market
    other: Trader

    @property
    def yes(self) -> str:
        return str(self.market.yes_token_id)

    @property
    def no(self) -> str:
        return str(self.market.no_token_id)

    @property
    def contracts(self) -> Contracts:
        return self.devnet.endpoints.contracts

    async def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call the client."""
        return await self.flavour.call(self.client, method, *arguments, **named)

    async def page(self, method: str, **named: Any) -> Any:
        """Return the first page of a list."""
        return (await self.flavour.call(await self.ask(method, **named), "first_page")).items

    async def done(self, method: str, **named: Any) -> Any:
        """Have a transaction made, and return its outcome once it is on chain."""
        return await self.flavour.call(await self.ask(method, **named), "wait")

    async def bid(self, price: str = "0.10", size: str = "10", **named: Any) -> AcceptedOrder:
        """Place an order that rests."""
        return accepted(
            await self.ask("place_limit_order", token_id=self.yes, price=price, size=size, side="BUY", **named)
        )

    async def buy(self, amount: str = "5", **named: Any) -> AcceptedOrder:
        """Buy YES for 0.50 of the other trader, and wait until that is settled."""
        await self.offer()
        bought = accepted(
            await self.ask(
                "place_market_order", token_id=self.yes, side="BUY", amount=amount, max_price="0.50", **named
            )
        )
        assert await self.ask("wait_for_order_fill_settlement", bought)
        return bought

    async def offer(self, price: str = "0.50", size: str = "100") -> None:
        """Have the other trader offer YES."""
        accepted(await self.other.client.place_limit_order(token_id=self.yes, price=price, size=size, side="SELL"))

    async def has_collateral(self) -> int:
        """Return the wallet's collateral in base units, as the chain has it."""
        return (await collateral_of(self.devnet.node, self.contracts, self.wallet)).units

    @asynccontextmanager
    async def another(self, index: int, **terms: Any) -> AsyncIterator[Any]:
        """Open one more client of this kind; a secure one is for a plain account of its own."""
        account = scripted(Role.FOLLOWER, index, seed=_SEED)
        if self.flavour.is_secure:
            terms |= {"wallet": EvmAddress(account.address), "private_key": account.private_key}
        opened = await self.flavour.connect(environment=environment(self.devnet.endpoints), **terms)
        try:
            yield opened
        finally:
            await self.flavour.call(opened, "close")


@asynccontextmanager
async def staged(devnet: Devnet, flavour: Flavour, other: Trader) -> AsyncIterator[Stage]:
    """Set a stage; a public client looks at what a secure one could do."""
    account = scripted(Role.FOLLOWER, [*Flavour].index(flavour), seed=_SEED)
    wallet = await Wallets(node=devnet.node, contracts=devnet.endpoints.contracts).make(
        WalletKind.DEPOSIT, account.address
    )
    market = await devnet.open_market(MarketTerms(question=f"Does {flavour.name} see all?"))
    await devnet.funding.fund([wallet], collateral=MEANS, approve_exchanges=True)
    for holder in (wallet, other.wallet):
        await devnet.funding.split(holder, market, SHARES)
    terms: dict[str, Any] = {"environment": environment(devnet.endpoints)}
    async with await async_client(devnet.endpoints, account.private_key, wallet=wallet) as owner:
        if flavour.is_secure:
            key = await owner.create_builder_api_key()
            terms |= {"private_key": account.private_key, "wallet": EvmAddress(wallet), "api_key": key}
        client = await flavour.connect(**terms)
        try:
            yield Stage(
                devnet=devnet,
                flavour=flavour,
                client=client,
                owner=owner,
                account=account,
                wallet=wallet,
                market=market,
                other=other,
            )
        finally:
            await flavour.call(client, "close")
