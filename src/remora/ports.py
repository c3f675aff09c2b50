"""The seams to the outside world. Adapters implement them, stages use them, tests fake them.

Every call that crosses one fails only with the errors of `domain.errors`: Retryable when nothing happened,
OutcomeUnknown when something may have, Refused when the other side proved that it did not accept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from remora.domain.chain import Head, Log, Receipt
from remora.domain.ids import Address, IntentId, OrderHash, PolicyId, TokenId, TxHash
from remora.domain.ledger import Posting
from remora.domain.market import MarketInfo, Quote
from remora.domain.money import Collateral, Shares, Wei
from remora.domain.order import (
    Acknowledgement,
    Allocation,
    BlockOrder,
    Denial,
    Intent,
    IntentState,
    Leg,
    LegOutcome,
    OrderKind,
    OrderReport,
    OrderState,
    OrderTerms,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because
from remora.domain.records import Debt, Filled, LegEffect, OpenOrder, SentTransaction
from remora.domain.signal import Fill, Signal
from remora.domain.transaction import Call, GasPrice, SignedTransaction, Transaction, TxState


class Clock(Protocol):
    """Wall-clock time and waiting, so that tests can simulate both."""

    def now_us(self) -> int:
        """Return the wall clock in microseconds since the epoch."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """An eth_getLogs / eth_subscribe filter: any of `addresses`; per topic position any of the words, None for all."""

    addresses: tuple[Address, ...]
    topics: tuple[tuple[str, ...] | None, ...]


class ChainReader(Protocol):
    """A node, for reading."""

    async def chain_id(self) -> int:
        """Return the node's chain id."""
        ...

    async def head(self) -> Head:
        """Return the latest block."""
        ...

    async def block(self, number: int) -> Head:
        """Return a past block."""
        ...

    def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[Log | Head, None]:
        """Yield logs that match any filter, and new heads, as they happen.

        Raises Retryable when the connection is lost; what happened meanwhile is the caller's to backfill.
        """
        ...

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[Log]:
        """Return past logs that match any filter, in chain order, both bounds included."""
        ...

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        """Return the receipt, or None while there is none."""
        ...

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        """Return collateral balances, in the order asked."""
        ...

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        """Return what the spender may still pull from each wallet, in the order asked."""
        ...

    async def shares_approved(self, wallets: Sequence[Address], spender: Address) -> list[bool]:
        """Return whether the spender may move each wallet's shares, in the order asked."""
        ...

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        """Return share balances in one call, in the order asked."""
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

    def outcomes(self, receipt: Receipt) -> list[LegOutcome]:
        """Return what a settlement transaction did with each of its legs."""
        ...

    def refuel(self, amounts: Mapping[Address, Wei]) -> Call:
        """Return the call that tops up many wallets at once."""
        ...

    def approvals(self) -> list[Call]:
        """Return the calls by which an operator wallet lets exchanges and Clearinghouse move its tokens."""
        ...


class Signer(Protocol):
    """The keys. They never leave the adapter."""

    @property
    def fleet(self) -> tuple[Address, ...]:
        """The operator wallets, by derivation index."""
        ...

    @property
    def treasury(self) -> Address:
        """The account that refuels the fleet."""
        ...

    def sign_order(self, terms: OrderTerms, kind: OrderKind, *, neg_risk: bool) -> SignedOrder:
        """Sign an order for the exchange of its market; its hash is the venue's order id."""
        ...

    def sign_transaction(self, transaction: Transaction) -> SignedTransaction:
        """Sign a transaction; signing the same one again gives the same hash."""
        ...


class Venue(Protocol):
    """The order book."""

    async def authenticate(self, wallet: Address) -> None:
        """Make or find the wallet's API key. Must succeed before the wallet submits or asks for orders."""
        ...

    async def market(self, token_id: TokenId) -> MarketInfo | None:
        """Return what the venue knows of the token's market, None when it knows none."""
        ...

    async def quote(self, token_id: TokenId) -> Quote | None:
        """Return the best prices, None when the venue has no book for the token."""
        ...

    async def submit(self, order: SignedOrder) -> Acknowledgement:
        """Post an order, once.

        Raises Refused with the venue's words, OutcomeUnknown when it may have been accepted (time-out, lost connection,
        5xx, an answer that cannot be read), Retryable when it provably was not looked at (429, 425, 503).
        """
        ...

    async def report(self, order_hash: OrderHash, wallet: Address) -> OrderReport | None:
        """Return what the venue knows of an order, None when it proves that it has none of this hash."""
        ...


class SignalStore(Protocol):
    """The durable side of detection and dispatch."""

    async def cursor(self) -> int | None:
        """Return the last block whose logs are all dealt with, None before the first."""
        ...

    async def save_cursor(self, block_number: int) -> None:
        """Move the cursor; it never goes back."""
        ...

    async def record_decision(
        self,
        signal: Signal,
        intents: Sequence[Intent],
        denials: Sequence[Denial],
        *,
        stored_us: int,
        state: IntentState,
    ) -> bool:
        """Store a signal with all its intents, in `state`, and denials in one transaction; False when it is known."""
        ...

    async def debts(self) -> Mapping[Address, Collateral]:
        """Return what followers owe for shares that were not delivered."""
        ...

    async def entries_in_flight(self, token_id: TokenId, policies: Collection[PolicyId]) -> bool:
        """Tell whether an entry of one of the policies in the token may still become a lot."""
        ...

    async def lots(self, token_id: TokenId) -> Mapping[PolicyId, Shares]:
        """Return the shares of a token held through each policy: delivered, less what is sold or being sold."""
        ...


class OrderStore(Protocol):
    """The durable side of execution."""

    async def pending_intents(self) -> list[Intent]:
        """Return the intents that nothing was recorded for yet, oldest first."""
        ...

    async def start_collecting(self, legs: Sequence[Leg]) -> None:
        """Store the collect legs of exits and mark their intents as collecting."""
        ...

    async def collected(self) -> list[tuple[Leg, Intent]]:
        """Return what was collected for exits and is in no order and no remit yet."""
        ...

    async def record_order(self, order: SignedOrder, block: BlockOrder, *, neg_risk: bool, sent_us: int) -> None:
        """Store an order before it is sent, and mark its intents as ordered."""
        ...

    async def mark_sending(self, order_hash: OrderHash, *, sent_us: int) -> None:
        """Store when an open order is posted again, before it is: how long it may be under way counts from then."""
        ...

    async def mark_acknowledged(self, order_hash: OrderHash, matched: Shares | None, *, acknowledged_us: int) -> None:
        """Store that the venue has an open order and what it matched, provisionally; None leaves that as it is."""
        ...

    async def knows_order(self, order_hash: OrderHash) -> bool:
        """Tell whether the order is one of ours, open or ended."""
        ...

    async def record_fill(self, fill: Fill, posting: Posting, *, heard_us: int) -> bool:
        """Store what one of our orders filled in a transaction, with its ledger posting; False when it is known."""
        ...

    async def open_order(self, order_hash: OrderHash) -> OpenOrder | None:
        """Return an order whose end is not known yet; None when it has ended or is not ours."""
        ...

    async def open_orders(self) -> list[OpenOrder]:
        """Return all orders whose end is not known yet, oldest first."""
        ...

    async def filled(self, order_hash: OrderHash) -> Filled:
        """Return what an order filled in blocks so far."""
        ...

    async def fill_transactions(self, order_hash: OrderHash) -> frozenset[TxHash]:
        """Return the transactions in which an order filled, as far as they were heard."""
        ...

    async def finish_order(
        self,
        order_hash: OrderHash,
        *,
        state: OrderState,
        allocations: Sequence[Allocation],
        failures: Mapping[IntentId, Because],
        legs: Sequence[Leg],
        postings: Sequence[Posting],
    ) -> None:
        """End an order in one transaction: allocations, settlement legs, books, and the intents that got nothing."""
        ...

    async def release_order(self, order_hash: OrderHash) -> bool:
        """End an order that never reached the venue; its intents may be ordered again.

        False, and nothing is changed, for an order that was acknowledged or has filled, whoever asks.
        """
        ...

    async def fail_intents(self, failures: Mapping[IntentId, Because]) -> None:
        """Mark intents as failed, each for its reason."""
        ...

    async def return_collected(self, legs: Sequence[Leg], failures: Mapping[IntentId, Because]) -> None:
        """Give up exits whose shares were collected: store the remit legs that give them back, and the reasons."""
        ...


class SettlementStore(Protocol):
    """The durable side of settlement and recovery."""

    async def pending_legs(self) -> list[Leg]:
        """Return the legs that are in no transaction, oldest first."""
        ...

    async def unsettled(self) -> int:
        """Return how many legs are pending or on their way."""
        ...

    async def owed_proceeds(self) -> list[Leg]:
        """Return the remit legs whose proceeds are still in operator wallets."""
        ...

    async def recorded_nonces(self, wallet: Address) -> frozenset[int]:
        """Return the account nonces of the wallet's transactions whose end is not known yet."""
        ...

    async def record_transaction(
        self, transaction: Transaction, tx_hash: TxHash, *, purpose: str, legs: Sequence[Leg], sent_us: int
    ) -> None:
        """Store a transaction before it is broadcast, and mark its legs as sent."""
        ...

    async def unmined(self) -> list[SentTransaction]:
        """Return the transactions whose end is not known yet, by wallet and nonce."""
        ...

    async def discard_transaction(self, tx_hash: TxHash) -> None:
        """Forget a transaction that the node proved not to take: its nonce is free, its legs are pending again."""
        ...

    async def record_mined(
        self, tx_hash: TxHash, *, state: TxState, effects: Sequence[LegEffect], mined_us: int
    ) -> None:
        """Store a transaction's end with all that it changes; legs without an effect are pending again."""
        ...

    async def open_debts(self) -> list[Debt]:
        """Return the debts that are still owed, oldest first."""
        ...

    async def post(self, postings: Sequence[Posting]) -> None:
        """Write postings to the ledger; one whose id is known is left as it is."""
        ...

    async def ledger_balances(self) -> Mapping[tuple[str, str], int]:
        """Return the sum per (account, asset) of the whole ledger, without the zeros."""
        ...
