"""Takes a parsed order from its sender to the engine: whose it is, what it is called, whether it is paid for."""

from __future__ import annotations

from remora.devnet.clob import refusals
from remora.devnet.clob.accounts import Accounts
from remora.devnet.clob.auth import ApiKey
from remora.devnet.clob.chain import ChainFollower
from remora.devnet.clob.engine import Engine, Placement
from remora.devnet.clob.funds import Purse, purse_of
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listings
from remora.devnet.clob.orders import OrderRequest, Side, SignedOrder
from remora.devnet.clob.settlement import Settlement
from remora.devnet.clob.signatories import Signatories
from remora.devnet.clob.signing import EXCHANGE_VERSIONS, exchange_domain, order_digest, signed_by
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import exchange_versions


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
        signatories: Signatories,
        house: House,
    ) -> None:
        versions = exchange_versions(contracts)
        self._domains: dict[str, bytes] = {
            exchange: exchange_domain(chain_id, exchange, version) for exchange, version in versions.items()
        }
        self._all_domains = [
            exchange_domain(chain_id, exchange, version) for exchange in versions for version in EXCHANGE_VERSIONS
        ]
        self._listings = listings
        self._engine = engine
        self._accounts = accounts
        self._chain = chain
        self._settlement = settlement
        self._signatories = signatories
        self._house = house

    async def place(self, request: OrderRequest, sender: ApiKey) -> Placement:
        """Accept an order and have its trades settled, or refuse it with nothing changed."""
        order = request.order
        if request.owner != sender.key:
            raise refusals.foreign_owner()
        self._signatories.check_caller(order, sender.address)
        listing = self._listings.of_token(order.token_id)
        digest = order_digest(order, self._domains[listing.exchange])
        self._house.check(order, listing.market.condition_id)
        try:
            await self._signatories.check_signature(order, digest)
        except refusals.Refusal:
            if self._is_of_another_version(order):
                raise refusals.version_mismatch() from None
            raise
        token = None if order.side is Side.BUY else order.token_id
        purse = Purse(order.maker, token, listing.exchange)
        order_id = "0x" + digest.hex()
        try:
            await self._accounts.ensure((purse,))
            placement = self._engine.submit(order_id, request, listing, trader=sender.address)
        except refusals.Shortage:
            # A deposit or approval may be in a block that is not followed yet.
            await self._chain.catch_up()
            await self._accounts.ensure((purse,))
            placement = self._engine.submit(order_id, request, listing, trader=sender.address)
        self._settlement.enqueue(placement.trades)
        return placement

    def refuses_in_body(self, request: OrderRequest) -> bool:
        """Tell whether a rejection of this order is to be told in the body of a success."""
        return self._listings.of_token(request.order.token_id).market.refuses_in_body

    def _is_of_another_version(self, order: SignedOrder) -> bool:
        """Tell whether a plain signature was made for another exchange, or another version of its domain."""
        digests = (order_digest(order, domain) for domain in self._all_domains)
        return any(signed_by(digest, order.signature, order.signer) for digest in digests)

    async def release_due(self) -> None:
        """Match the orders whose delay is over, and have their trades settled."""
        for order in self._engine.due():
            await self._accounts.ensure((purse_of(order),))
            self._settlement.enqueue(self._engine.release(order))

    async def refresh(self) -> None:
        """Return when balances are those of the chain's last block."""
        await self._chain.catch_up()
