"""Takes a parsed order from its sender to the engine: whose it is, what it is called, whether it is paid for."""

from __future__ import annotations

from remora.devnet.clob import refusals
from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.auth import ApiKey
from remora.devnet.clob.chain import ChainFollower
from remora.devnet.clob.engine import Engine, Placement
from remora.devnet.clob.funds import Purse
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.orders import OrderRequest, Side
from remora.devnet.clob.settlement import Settlement
from remora.devnet.clob.signing import exchange_domain, order_digest, signed_by
from remora.devnet.endpoints import Contracts


class Desk:
    """Where orders are accepted or refused."""

    def __init__(
        self,
        *,
        chain_id: int,
        contracts: Contracts,
        listings: Listings,
        engine: Engine,
        accounts: Accounts,
        chain: ChainFollower,
        settlement: Settlement,
    ) -> None:
        self._domains = {
            exchange: exchange_domain(chain_id, exchange)
            for exchange in (contracts.exchange, contracts.neg_risk_exchange)
        }
        self._listings = listings
        self._engine = engine
        self._accounts = accounts
        self._chain = chain
        self._settlement = settlement

    async def place(self, request: OrderRequest, sender: ApiKey) -> Placement:
        """Accept an order and have its trades settled, or refuse it with nothing changed."""
        order = request.order
        if request.owner != sender.key:
            raise refusals.foreign_owner()
        if order.signer != sender.address:
            raise refusals.foreign_signer()
        listing = self._listings.of_token(order.token_id)
        digest = order_digest(order, self._domains[listing.exchange])
        if not signed_by(digest, order.signature, order.signer):
            raise refusals.invalid_signature()
        token = None if order.side is Side.BUY else order.token_id
        purse = Purse(order.maker, token, listing.exchange)
        order_id = "0x" + digest.hex()
        try:
            await self._accounts.ensure((purse,))
            placement = self._engine.submit(order_id, request, listing)
        except refusals.Shortage:
            # A deposit or approval may be in a block that is not followed yet.
            await self._chain.catch_up()
            await self._accounts.ensure((purse,))
            placement = self._engine.submit(order_id, request, listing)
        self._settlement.enqueue(placement.trades)
        return placement

    async def refresh(self) -> None:
        """Return when balances are those of the chain's last block."""
        await self._chain.catch_up()
