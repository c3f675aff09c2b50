"""The seams to time, chain and keys."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Protocol

from remora.domain.chain import Gap, Head, LogFilter, LogPlace, PendingTransaction, Receipt
from remora.domain.ids import Address, TokenId, TxHash
from remora.domain.means import Means, Peg
from remora.domain.money import Collateral, Price, Shares, Wei
from remora.domain.order import (
    Leg,
    LegOutcome,
    OrderKind,
    OrderTerms,
    SettlementStep,
    SignedOrder,
)
from remora.domain.transaction import Approval, Call, GasPrice, SignedTransaction, Transaction
from remora.domain.usage import HeldToken


class Clock(Protocol):
    """Wall-clock time and waiting, so that tests can simulate both."""

    def now_us(self) -> int:
        """Return the wall clock in microseconds since the epoch."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait."""
        ...


class ChainReader(Protocol):
    """A node, for reading."""

    async def chain_id(self) -> int:
        """Return the node's chain id."""
        ...

    async def head(self) -> Head:
        """Return the latest block."""
        ...

    async def block(self, number: int) -> Head:
        """Return a block of the chain as it is now; Retryable while it has none of this number."""
        ...

    def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[LogPlace | Head | Gap, None]:
        """Yield places of logs that match any filter, and new heads, as they happen; a gap once subscriptions stand.

        What happened before a gap is the caller's to backfill. Raises Retryable when the connection is lost.
        """
        ...

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        """Return where past logs are that match any filter, in chain order, both bounds included."""
        ...

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        """Return the receipt, or None while there is none."""
        ...

    async def receipts(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        """Return a block's receipts that have a log for any filter, each whole, in chain order.

        Others may be among them. None when the node does not know the block: orphaned, or not served yet.
        """
        ...

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        """Return collateral balances, in the order asked."""
        ...

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        """Return what the spender may still pull from each wallet, in the order asked."""
        ...

    async def shares_approved(self, wallets: Sequence[Address], spender: Address, ledger: Address) -> list[bool]:
        """Return whether the spender may move each wallet's shares in a ledger, in the order asked."""
        ...

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        """Return share balances in one call per ledger, in the order asked."""
        ...

    async def shares_at(self, holdings: Sequence[tuple[Address, TokenId]], block_hash: str) -> list[Shares] | None:
        """Return share balances after a block, in the order asked.

        None when the node does not tell: it has not served the block yet, dropped its state (most keep that of 128
        blocks), or never was on its branch.
        """
        ...

    async def means_of(self, wallets: Sequence[Address], clearinghouse: Address) -> list[Means]:
        """Return what each wallet has, and what the Clearinghouse may take and when, in the order asked."""
        ...

    async def payouts(self, held: Collection[HeldToken]) -> Mapping[TokenId, Price | None]:
        """Return what a share pays of those whose market is resolved, as its ledger says now; None where it does not.

        A token of ConditionalTokens whose market is not known counts as open.
        """
        ...

    async def collateral_paused(self) -> bool:
        """Tell whether the collateral token refuses to move; one that knows no pause never does."""
        ...

    async def peg(self, feed: Address) -> Peg:
        """Return what a price feed says that the collateral is worth."""
        ...

    async def is_operator(self, wallet: Address, clearinghouse: Address) -> bool:
        """Tell whether the Clearinghouse lets the wallet settle."""
        ...

    async def native_of(self, wallets: Sequence[Address]) -> list[Wei]:
        """Return native balances, in the order asked."""
        ...

    async def account_nonce(self, wallet: Address) -> int:
        """Return the number of transactions of the wallet that are in blocks."""
        ...

    async def gas_price(self) -> GasPrice:
        """Return fees at which a transaction is mined soon."""
        ...


class Mempool(Protocol):
    """A node, for transactions that no block has yet."""

    def stream(self) -> AsyncGenerator[PendingTransaction | Head, None]:
        """Yield pending transactions, among which are those to the exchanges, and new heads, as they happen.

        Raises Retryable when the connection is lost, and what was pending meanwhile is not told; OperatorError when the
        node tells no pending transactions.
        """
        ...

    async def may_match(self, account: Address, exchange: Address) -> bool:
        """Tell whether the exchange lets an account match orders: of anybody else's match nothing comes."""
        ...


class TxSender(Protocol):
    """A node, for sending."""

    async def broadcast(self, signed: SignedTransaction) -> None:
        """Hand a signed transaction to the node; one that it already knows is fine.

        Raises Refused when the node proves that it won't take it (bad nonce, no funds), OutcomeUnknown when the answer
        is lost: the hash tells later.
        """
        ...


class Custody(Protocol):
    """The Clearinghouse and the approvals that it and the exchanges need."""

    def settle(self, step: SettlementStep, legs: Sequence[Leg]) -> Call:
        """Return the call that settles the legs, which share one step, and one token unless the step is remit."""
        ...

    def settlement_gas(self, legs: int) -> int:
        """Return the gas by which a settlement of so many legs is bound."""
        ...

    def outcomes(self, receipt: Receipt) -> list[LegOutcome]:
        """Return what a settlement transaction did with each of its legs."""
        ...

    def refuel(self, amounts: Mapping[Address, Wei]) -> Call:
        """Return the call that tops up many wallets at once."""
        ...

    def transfer(self, receiver: Address, amount: Collateral) -> Call:
        """Return the call that sends collateral."""
        ...

    def approvals(self) -> list[Approval]:
        """Return the approvals by which an operator wallet lets exchanges and Clearinghouse move its tokens."""
        ...


class Signer(Protocol):
    """The keys. They never leave the adapter."""

    @property
    def fleet(self) -> tuple[Address, ...]:
        """The operator wallets, by derivation index."""
        ...

    def grow(self, size: int) -> None:
        """Derive wallets until the fleet has so many; none is forgotten."""
        ...

    @property
    def treasury(self) -> Address:
        """The account that refuels the fleet, and keeps the float that no wallet needs."""
        ...

    def sign_order(self, terms: OrderTerms, kind: OrderKind, *, neg_risk: bool) -> SignedOrder:
        """Sign an order for the exchange of its market; its hash is the venue's order id."""
        ...

    def sign_transaction(self, transaction: Transaction) -> SignedTransaction:
        """Sign a transaction; signing the same one again gives the same hash."""
        ...
