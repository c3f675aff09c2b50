"""Everybody's positions: what the chain says that wallets hold, with what it cost them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.engine import Engine
from remora.devnet.clob.funds import Funds, Purse
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.clob.quotes import quote_of
from remora.devnet.data_api.costs import Account, accounts_of
from remora.devnet.data_api.deals import Deal, deals_of
from remora.devnet.data_api.positions import Position, position_of
from remora.devnet.data_api.share_moves import ShareMove


class Holdings:
    """Reads positions, and what led to them."""

    def __init__(
        self,
        *,
        listings: Listings,
        engine: Engine,
        house: House,
        accounts: Accounts,
        funds: Funds,
        moves: Sequence[Callable[[str], Awaitable[list[ShareMove]]]],
    ) -> None:
        self._listings = listings
        self._engine = engine
        self._house = house
        self._accounts = accounts
        self._funds = funds
        self._moves = moves

    def deals(self) -> Iterator[Deal]:
        """Yield all deals of everybody."""
        return deals_of(self._engine.trades.values())

    async def done(self, wallet: str) -> list[Deal | ShareMove]:
        """Return all that a wallet did, oldest first."""
        deals = [deal for deal in self.deals() if deal.wallet == wallet]
        moves = [await of(wallet) for of in self._moves]
        return sorted(itertools.chain(deals, *moves), key=lambda row: row.sequence)

    def traders(self) -> list[str]:
        """Return all wallets that traded."""
        return sorted({deal.wallet for deal in self.deals()})

    async def positions(self, wallets: Iterable[str], listings: Sequence[Listing]) -> list[Position]:
        """Return what wallets hold or held in these markets."""
        return [held for wallet in wallets for held in await self._positions(wallet, listings)]

    async def _positions(self, wallet: str, listings: Sequence[Listing]) -> list[Position]:
        accounts = accounts_of(await self.done(wallet), self._payout_of)
        await self._accounts.ensure([purse for listing in listings for purse in _purses(wallet, listing)])
        found = [
            self._position(accounts.get(token), wallet, listing, token)
            for listing in listings
            for token in listing.tokens
        ]
        return [held for held in found if held is not None]

    def _position(self, account: Account | None, wallet: str, listing: Listing, token: int) -> Position | None:
        held = {purse.token_id: self._funds.known[purse].balance for purse in _purses(wallet, listing)}
        return position_of(
            account,
            wallet=wallet,
            listing=listing,
            token_id=token,
            held=held.pop(token),
            opposite_held=sum(held.values()),
            price=quote_of(self._engine, self._house, listing).price_of(is_yes=listing.is_yes(token)),
            is_resolved=self._house.is_resolved(listing.market.condition_id),
        )

    def _payout_of(self, token: int) -> int:
        return self._house.payout_of(self._listings.of_token(token), token)


def _purses(wallet: str, listing: Listing) -> list[Purse]:
    return [Purse(wallet, token, listing.exchange) for token in listing.tokens]
