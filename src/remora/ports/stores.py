"""The seams to the database of what is heard, decided and executed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from remora.domain.history import TradeKey
from remora.domain.ids import Address, IntentId, OrderHash, PolicyId, SignalId, TokenId, TxHash
from remora.domain.ledger import Posting
from remora.domain.means import Holding
from remora.domain.money import Collateral, Price, Shares
from remora.domain.order import (
    Allocation,
    BlockOrder,
    Decision,
    Denial,
    Intent,
    IntentState,
    Leg,
    OrderState,
    SignedOrder,
)
from remora.domain.parties import Leader, LeaderStats
from remora.domain.policy import Policy, Rulebook
from remora.domain.reasons import Because, Reason
from remora.domain.records import (
    Allotment,
    BookedFill,
    DebtSale,
    Filled,
    KnownSignal,
    LateFill,
    LostSignal,
    OpenOrder,
    Reversal,
)
from remora.domain.rules import Imported, RuleChanges
from remora.domain.signal import Fill, Signal
from remora.domain.switches import Switch
from remora.domain.usage import Baseline, HeldToken, Lot, Result, Subject, Taken, UsageQuestion


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
        """Store a signal with all its intents, in `state`, and denials in one transaction; False when it is known.

        A known one that is heard from a block is `confirm`ed; one that was taken back before anything was sent for it
        is decided anew: its intents and denials are replaced. A polled one is known when any signal is of its trade, or
        may be: a pending match that another transaction replaced.
        """
        ...

    async def decide_and_record(
        self,
        signal: Signal,
        question: UsageQuestion,
        decide: Callable[[Taken], Decision],
        *,
        stored_us: int,
        state: IntentState,
    ) -> Decision | None:
        """Read what is taken, decide by it and store the decision, in one transaction; None when the signal is known.

        Decisions are made one after the other, so that no two of them see the same room, or spend the same collateral.
        `decide` must be pure and quick: nobody else writes meanwhile.
        """
        ...

    async def confirm(self, signal: Signal) -> bool:
        """Note that a block has a known signal, by whatever transaction; False when it must be decided (anew).

        What was withdrawn of a decision of which something was sent is pending again.
        """
        ...

    async def known_signals(self, since_block: int) -> list[KnownSignal]:
        """Return the signals of blocks from a number on, and those that are in none, but for what was taken back."""
        ...

    async def mined_trades(self, trades: Collection[TradeKey]) -> frozenset[TradeKey]:
        """Return those of the trades that a signal in a block is stored of."""
        ...

    async def withdraw(self, block_hashes: Collection[str]) -> list[LostSignal]:
        """Take back the signals of orphaned blocks, in one transaction, and return them.

        Intents of which nothing was sent become withdrawn, so that nothing can be sent any more. A signal becomes
        withdrawn if that are all of its intents, reorged otherwise.
        """
        ...

    async def pending_signals(self, heard_before_us: int) -> list[KnownSignal]:
        """Return the signals that are in no block yet although they were heard of before a time."""
        ...

    async def mark_vanished(self, signal_id: SignalId) -> LostSignal | None:
        """Note that a pending signal will be in no block, and withdraw its unsent intents; None if it is not so."""
        ...

    async def entries_in_flight(self, token_id: TokenId, policies: Collection[PolicyId]) -> set[IntentId]:
        """Return the policies' entries in the token that may still become lots."""
        ...

    async def holdings(self) -> list[Holding]:
        """Return what followers hold through policies: delivered, less what is sold, at average cost.

        What is of resolved markets is left out.
        """
        ...

    async def held_through_others(self, token_id: TokenId, policies: Collection[PolicyId]) -> Mapping[Address, Shares]:
        """Return the shares of a token that followers hold through any but these policies."""
        ...

    async def carried(self, token_id: TokenId) -> Mapping[PolicyId, Collateral]:
        """Return what policies have kept of copies in the token that were too small."""
        ...

    async def stop_resting(self, token_id: TokenId, policies: Collection[PolicyId], at_us: int) -> None:
        """Let the orders of these policies in the token rest no longer than to a time: the reconciler cancels them."""
        ...

    async def lots(self, token_id: TokenId) -> Mapping[PolicyId, Shares]:
        """Return the shares of a token held through each policy: delivered, less what is sold or being sold."""
        ...


class PolicyStore(Protocol):
    """The rules in force, each change of which is one transaction with a revision of its own."""

    async def rulebook(self) -> Rulebook:
        """Return all rules, policies by follower and then leader."""
        ...

    async def policy(self, policy_id: PolicyId) -> Policy | None:
        """Return a policy, None when there is none of this id."""
        ...

    async def changes(self, since: int) -> RuleChanges:
        """Return what changed after a revision, by reading nothing else; after 0, everything."""
        ...

    async def put(
        self, book: Rulebook, *, replace: bool, add_leaders: bool, keep_lots: bool, changed_us: int
    ) -> Imported:
        """Take up rules, whole or not at all.

        Those for the same pair, wallet or service are replaced; with `replace` all others are removed. `add_leaders`
        puts the policies' leaders into the registry. BadRules when a policy would go that holds shares or has an entry
        under way, unless `keep_lots`.
        """
        ...

    async def remove(self, policy_id: PolicyId, *, keep_lots: bool, changed_us: int) -> Imported | None:
        """Remove a policy, and bounds that no policy is left for; None when it is not known. BadRules as for `put`."""
        ...


class LeaderStore(Protocol):
    """The leaders that are listened to, and what they did."""

    async def leaders(self) -> list[Leader]:
        """Return all leaders, oldest first."""
        ...

    async def add_leader(self, leader: Leader, *, added_us: int) -> bool:
        """Add a leader; False, and nothing is changed, when the wallet is known. Malformed when the label is taken."""
        ...

    async def label_leader(self, leader: Leader) -> bool:
        """Give a leader another label; False when the wallet is not known. Malformed when the label is taken."""
        ...

    async def remove_leader(self, wallet: Address) -> bool:
        """Remove a leader; False when it is not known. What it did is kept."""
        ...

    async def heard_leaders(self) -> frozenset[Address]:
        """Return all wallets of which a signal is stored."""
        ...

    async def leader_stats(self) -> list[LeaderStats]:
        """Return what every leader did that a signal is stored of."""
        ...


class SwitchStore(Protocol):
    """What is halted, what protections are judged by, and which held shares are of markets that are over."""

    async def switches(self, now_us: int) -> list[Switch]:
        """Return the switches in force, oldest first."""
        ...

    async def set_switch(self, switch: Switch) -> None:
        """Set a switch, in place of an earlier one with the same halt for the same subject."""
        ...

    async def lift(self, subject: Subject) -> int:
        """Lift all switches of a subject and return how many there were."""
        ...

    async def trip(self, switch: Switch, baseline: Baseline | None) -> None:
        """Set a protection's switch, and from where it counts once that is lifted; losses in a row are 0 again."""
        ...

    async def open_lots(self) -> list[Lot]:
        """Return all that was bought and not sold yet, what is of resolved markets too."""
        ...

    async def held_tokens(self) -> list[HeldToken]:
        """Return of what shares are held, without those of which it is known what they pay."""
        ...

    async def resolve(self, payouts: Mapping[TokenId, Price | None]) -> bool:
        """Note that the markets of these tokens are resolved, and what a share pays where it is known.

        No lot of such a market takes anything of a limit any more. Return whether it is news.
        """
        ...

    async def results(self) -> Mapping[Subject, Result]:
        """Return what exits brought, of every scope that had one."""
        ...

    async def baselines(self) -> Mapping[tuple[Subject, Reason], Baseline]:
        """Return from where protections count, by subject and protection."""
        ...

    async def save_baseline(self, subject: Subject, reason: Reason, baseline: Baseline) -> None:
        """Store from where a protection counts."""
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
        """Return what was collected for exits and is in no order and no remit yet.

        And what is held for a debt and to be sold: its leg is the delivery that was not paid for.
        """
        ...

    async def record_order(self, order: SignedOrder, block: BlockOrder, *, neg_risk: bool, sent_us: int) -> None:
        """Store an order before it is sent, and mark its intents as ordered."""
        ...

    async def record_second_try(
        self, first: OpenOrder, state: OrderState, order: SignedOrder, *, neg_risk: bool, sent_us: int
    ) -> None:
        """Store an order for the rest of one that is open, and end that one in the same transaction.

        Its intents stay ordered: what both fill is allocated together, when the second ends.
        """
        ...

    async def latest_try(self, order_hash: OrderHash) -> OrderHash:
        """Return the order that tries the rest of this one, this one itself if there is none."""
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
        """Store what one of our orders filled in a transaction, with its ledger posting; False when it is known.

        One of an order that has ended is late, unless it was reversed after something of it was settled.
        """
        ...

    async def fills_not_final(self, last_block: int) -> list[BookedFill]:
        """Return the fills, oldest first, that were first heard up to a block and are not marked as final."""
        ...

    async def mark_final(self, fills: Collection[BookedFill]) -> None:
        """Store that these fills are in blocks that are not taken back any more: nobody looks for them again."""
        ...

    async def late_fills(self) -> list[BookedFill]:
        """Return the fills that were heard after their orders had ended, and that nobody has got anything of yet."""
        ...

    async def allot_late(
        self, order_hash: OrderHash, tx_hash: TxHash, allot: Callable[[LateFill], Allotment], *, at_us: int
    ) -> Allotment | None:
        """Give a late fill to whom it was ordered for, in one transaction with all that follows from it.

        `allot` is asked with the room that its intents have in that transaction. None, and nothing is changed, while
        another order has one of them, or shares that it did not sell are on their way back; and when it is done.
        """
        ...

    async def reverse_fill(self, order_hash: OrderHash, tx_hash: TxHash) -> Reversal:
        """Take back the booking of a fill that no block has any more, in one transaction.

        The posting is reversed by another, and heard again the fill is booked again. An order of which nothing was
        settled is open again; while a settlement of it is under way, nothing is changed.
        """
        ...

    async def open_order(self, order_hash: OrderHash) -> OpenOrder | None:
        """Return an order whose end is not known yet; None when it has ended or is not ours."""
        ...

    async def open_orders(self) -> list[OpenOrder]:
        """Return all orders whose end is not known yet, oldest first."""
        ...

    async def resting(self, now_us: int) -> list[tuple[OrderHash, Intent]]:
        """Return the open orders that are to rest in the book beyond now, with each intent that they are for."""
        ...

    async def end_rest(self, order_hashes: Collection[OrderHash], at_us: int) -> None:
        """Let orders rest no longer than to a time: the reconciler cancels them."""
        ...

    async def intents_of(self, order_hash: OrderHash) -> list[Intent]:
        """Return the intents that an order is for."""
        ...

    async def filled(self, *order_hashes: OrderHash) -> Filled:
        """Return what orders filled in blocks so far, together; a late fill is not part of it before it is allotted."""
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
        sale: DebtSale | None = None,
    ) -> Sequence[Leg]:
        """End an order in one transaction: allocations, settlement legs, books, and the intents that got nothing.

        `sale` is what it brought a debt whose shares it sold; what of that is due to the follower is returned, stored.
        """
        ...

    async def release_order(self, order_hash: OrderHash) -> bool:
        """End an order that never reached the venue; its intents may be ordered again.

        False, and nothing is changed, for an order that was acknowledged or has filled, whoever asks, and for a second
        try: what the first one filled is allocated at its end.
        """
        ...

    async def fail_intents(self, failures: Mapping[IntentId, Because]) -> None:
        """Mark intents as failed, each for its reason."""
        ...

    async def return_collected(self, legs: Sequence[Leg], failures: Mapping[IntentId, Because]) -> None:
        """Give up exits whose shares were collected: store the remit legs that give them back, and the reasons.

        What was to be sold for a debt has no such leg: it is held for the debt as before.
        """
        ...
