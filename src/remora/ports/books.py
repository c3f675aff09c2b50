"""The seams to the database of what is settled, owed and compared, and of the fleet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from remora.domain.audit import Difference, HeardFills, Standing, Suspension
from remora.domain.chain import BlockId
from remora.domain.fleet import FleetPlan, WalletStanding
from remora.domain.floats import BookedFloat, FloatRequest, FloatTransfer, TreasuryStanding
from remora.domain.ids import Address, SettlementId, TxHash
from remora.domain.ledger import Posting
from remora.domain.money import ZERO_WEI, Collateral, Wei
from remora.domain.order import Decision, Leg
from remora.domain.records import (
    Debt,
    LegEffect,
    SentTransaction,
)
from remora.domain.transaction import Transaction, TxState


class SettlementStore(Protocol):
    """The durable side of settlement."""

    async def pending_legs(self) -> list[Leg]:
        """Return the legs that are in no transaction, oldest first."""
        ...

    async def unsettled(self) -> int:
        """Return how many legs are pending or on their way."""
        ...

    async def owed_proceeds(self) -> list[Leg]:
        """Return the remit legs whose proceeds are still in operator wallets."""
        ...

    async def reservations(self, wallet: Address) -> Mapping[int, Wei]:
        """Return the account nonces of the wallet whose end is not known yet, and what each costs at most."""
        ...

    async def record_transaction(
        self,
        transaction: Transaction,
        tx_hash: TxHash,
        *,
        purpose: str,
        legs: Sequence[Leg],
        sent_us: int,
        transfer: FloatTransfer | None = None,
    ) -> None:
        """Store a transaction before it is broadcast, with the float that it transfers, and mark its legs as sent.

        Its account nonce must be new.
        """
        ...

    async def record_replacement(self, transaction: Transaction, tx_hash: TxHash, *, sent_us: int) -> None:
        """Store one more transaction of an account nonce before it is broadcast; the legs are those of the first.

        Raises InvariantBroken when the end of the account nonce is known.
        """
        ...

    async def unmined(self) -> list[SentTransaction]:
        """Return the account nonces whose end is not known yet, each with all its transactions, by wallet and nonce."""
        ...

    async def discard_transaction(self, tx_hash: TxHash) -> None:
        """Forget a transaction that no block will take, and all of its account nonce.

        The nonce is free, and the legs are pending again. One whose legs or float came to an end, because a block had
        it once, is kept: the books rest on it.
        """
        ...

    async def record_mined(
        self,
        tx_hash: TxHash,
        *,
        state: TxState,
        effects: Sequence[LegEffect],
        mined_us: int,
        block: BlockId | None = None,
        gas_used: int | None = None,
        cost: Wei = ZERO_WEI,
    ) -> frozenset[SettlementId]:
        """Store a transaction's end with all that it changes, and its cost; legs without an effect are pending again.

        `block` is the one that has it, if it is known.

        Float that a mined one transferred is booked.

        It is the end of its account nonce: other transactions of it are replaced. What another block had told of the
        legs, before a reorg, is taken back where this one says otherwise. Return the legs that it was news of.
        """
        ...

    async def reopen_transactions(self, wallet: Address, first_nonce: int, *, mined_since_us: int) -> int:
        """Note that no block has the wallet's transactions from an account nonce on; return of how many that is news.

        Those that were mined before `mined_since_us` are final, whatever a node says.
        Their end is unknown again. What their legs came to stands until a block tells otherwise.
        """
        ...

    async def blocks_since(self, mined_since_us: int, most: int) -> list[BlockId]:
        """Return the blocks that ended account nonces since then, the highest first, and so many at most."""
        ...

    async def reopen_blocks(self, blocks: Collection[BlockId]) -> int:
        """Note that the chain has these blocks no more; return of how many account nonces that is news.

        Their end is unknown again. What their legs came to stands until a block tells otherwise.
        """
        ...

    async def post(self, postings: Sequence[Posting]) -> None:
        """Write postings to the ledger; one whose id is known is left as it is."""
        ...

    async def ledger_balances(self) -> Mapping[tuple[str, str], int]:
        """Return the sum per (account, asset) of the whole ledger, without the zeros."""
        ...


class DebtStore(Protocol):
    """The durable side of recovery."""

    async def open_debts(self) -> list[Debt]:
        """Return the debts of which something is left to be settled, oldest first."""
        ...

    async def record_tries(self, next_try_us: Mapping[SettlementId, int], *, tried_us: int) -> None:
        """Store that debts are tried now, before they are, and when they may be tried next, by debt."""
        ...

    async def split_leg(self, whole: SettlementId, part: Leg, rest: Leg) -> None:
        """Let two legs stand for one that failed: the part is pending, the rest is owed as the whole was.

        InvariantBroken, and nothing is changed, when the whole is not a debt's, or on its way.
        """
        ...

    async def try_again(self, debts: Collection[SettlementId]) -> None:
        """Let debts be tried as soon as somebody looks, whatever their next try was."""
        ...

    async def start_sale(self, debt_id: SettlementId, sale: Decision, *, at_us: int) -> bool:
        """Store the sale of all shares that a debt's legs hold, before anything is sent.

        False, and nothing is changed, when one of them is on its way, or the debt is over. The sale is one intent of
        one signal of remora's own. It is executed as exits are whose shares were collected.
        """
        ...

    async def write_off(self, debt_id: SettlementId, why: str, *, at_us: int) -> Collateral:
        """Give up what is left of a follower's debt, in the books too, and return how much that was.

        Malformed, and nothing is changed, when there is no such debt, when an operator owes it, or when a leg of it is
        on its way.
        """
        ...


class AuditStore(Protocol):
    """The durable side of the audit."""

    async def standing(self) -> Standing:
        """Return what the database says, of one moment."""
        ...

    async def verify_sums(self) -> int:
        """Add up the whole ledger and put right the sums that were not kept true; return how many these were."""
        ...

    async def heard_fills(self, wallet: Address) -> HeardFills | None:
        """Return which fills of a wallet are booked and not final; None while there is no cursor."""
        ...

    async def blocks_since(self, mined_since_us: int, most: int) -> list[BlockId]:
        """Return the last blocks, the highest first, that ended transactions of ours since a time."""
        ...

    async def book(self, found: Sequence[tuple[Difference, Posting]]) -> None:
        """Write what explains differences, in one transaction.

        Not of wallets whose books are no longer as the differences say: somebody has booked them meanwhile.
        """
        ...

    async def suspensions(self) -> list[Suspension]:
        """Return who is suspended, longest first."""
        ...

    async def suspend(self, suspensions: Sequence[Suspension], seen: Sequence[Difference]) -> None:
        """Store who is suspended; whoever is already stays so for the first reason.

        Not whose books are no longer as the differences say: somebody has booked, or accepted, them meanwhile.
        """
        ...

    async def lift(self, wallet: Address, found: Sequence[tuple[Difference, Posting]], why: str) -> None:
        """Write adjustments of differences with their reason, and lift a suspension, in one transaction.

        Malformed, and nothing is changed, when there is neither a difference nor a suspension, or when the books are no
        longer as the differences say.
        """
        ...


class FleetStore(Protocol):
    """What a person asked of the fleet, and how its wallets stand."""

    async def plan(self, size: int) -> FleetPlan:
        """Return what was asked of the fleet; `size` is what it is unless it was resized."""
        ...

    async def resize(self, size: int) -> None:
        """Store how many wallets the fleet shall have."""
        ...

    async def retire(self, wallet: Address, *, retired: bool) -> bool:
        """Retire a wallet or take it back; False when it is not known, or is so already."""
        ...

    async def record(self, standings: Sequence[WalletStanding], *, seen_us: int) -> None:
        """Store how all wallets stand, at least one; others are forgotten, and who is retired stays so."""
        ...

    async def standings(self) -> list[tuple[WalletStanding, int]]:
        """Return how the wallets stood and when that was, in µs, by derivation index."""
        ...

    async def record_treasury(self, standing: TreasuryStanding) -> None:
        """Store what the treasury has."""
        ...

    async def treasury(self) -> TreasuryStanding | None:
        """Return what the treasury had, None before that was looked at."""
        ...


class FloatStore(Protocol):
    """The durable side of rebalancing."""

    async def floats(self, wallets: Sequence[Address]) -> list[BookedFloat]:
        """Return the float of those of the operator wallets that the books know, in the order asked, of one moment."""
        ...

    async def in_flight(self) -> list[FloatTransfer]:
        """Return the transfers of float whose end is not known yet."""
        ...

    async def ask(self, request: FloatRequest) -> None:
        """Store a request in place of an earlier one."""
        ...

    async def request(self) -> FloatRequest | None:
        """Return the request that is not done yet."""
        ...

    async def answered(self, request: FloatRequest) -> None:
        """Note that a request is done; a newer one stays."""
        ...
