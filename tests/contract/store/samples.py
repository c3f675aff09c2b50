"""Values to store, each made from a number: equal numbers are the same thing, different ones are different things."""

from __future__ import annotations

from collections.abc import Sequence

from remora.domain import ledger
from remora.domain.ids import (
    Address,
    OrderHash,
    PolicyId,
    TokenId,
    TxHash,
    intent_id,
    settlement_id,
    signal_id,
)
from remora.domain.ledger import Entry, Posting, transfer
from remora.domain.money import ZERO_COLLATERAL, ZERO_SHARES, Collateral, Price, Shares, Wei
from remora.domain.order import (
    Allocation,
    BlockOrder,
    Denial,
    Intent,
    IntentState,
    Leg,
    LegFailure,
    LegState,
    OrderKind,
    OrderTerms,
    Part,
    SettlementStep,
    SignedOrder,
)
from remora.domain.reasons import Because, Reason, because
from remora.domain.records import DebtSide, LegEffect, Owed
from remora.domain.signal import Fill, Role, Side, Signal
from remora.domain.transaction import Call, GasPrice, Transaction

NOW_US = 1_795_000_000_000_000
CHAIN_ID = 31337
TOKEN = TokenId(2**256 - 1)
"""The widest token id there is."""

WIDE_WEI = Wei(2**256 - 1)

TOO_ODD = because(Reason.MAX_ODDS, price="0.92", max_odds="0.85")
TOO_OLD = because(Reason.TOO_OLD, age_s="90", max_age_s="60")
NOTHING_FILLED = because(Reason.NOT_FILLED, limit="0.52")


def word(number: int) -> str:
    return f"0x{number:064x}"


def wallet(number: int) -> Address:
    return Address(f"0x{number:040x}")


EXCHANGE, LEADER, OPERATOR = wallet(0xE), wallet(0x1EAD), wallet(0x0B)


def signal(number: int = 1, *, side: Side = Side.BUY, token_id: TokenId = TOKEN) -> Signal:
    order_hash, tx_hash = OrderHash(word(number)), TxHash(word(number + 1000))
    return Signal(
        signal_id=signal_id(CHAIN_ID, EXCHANGE, order_hash, tx_hash),
        chain_id=CHAIN_ID,
        exchange=EXCHANGE,
        order_hash=order_hash,
        tx_hash=tx_hash,
        leader=LEADER,
        role=Role.TAKER,
        side=side,
        token_id=token_id,
        shares=Shares(20_000_000),
        collateral=Collateral(10_000_000),
        fee=Collateral(50_000),
        block_number=77,
        log_index=3,
        heard_us=NOW_US,
        block_us=NOW_US - 400_000,
    )


def intent(of: Signal, policy: str = "ann", *, size: int = 10_000_000) -> Intent:
    buying = of.side is Side.BUY
    policy_id = PolicyId(policy)
    return Intent(
        intent_id=intent_id(of.signal_id, policy_id),
        signal_id=of.signal_id,
        policy_id=policy_id,
        follower=follower(policy),
        side=of.side,
        token_id=of.token_id,
        limit=Price(520_000),
        budget=Collateral(size) if buying else ZERO_COLLATERAL,
        shares=ZERO_SHARES if buying else Shares(size),
        deadline_us=NOW_US + 60_000_000,
    )


def follower(policy: str) -> Address:
    return wallet(int.from_bytes(policy.encode(), "big"))


def denial(of: Signal, policy: str = "bob", why: Because = TOO_ODD) -> Denial:
    return Denial(signal_id=of.signal_id, policy_id=PolicyId(policy), follower=follower(policy), because=why)


def block(intents: Sequence[Intent]) -> BlockOrder:
    first = intents[0]
    parts = (
        Part(intent_id=each.intent_id, follower=each.follower, budget=each.budget, shares=each.shares)
        for each in intents
    )
    return BlockOrder(
        token_id=first.token_id,
        side=first.side,
        limit=first.limit,
        parts=tuple(parts),
        deadline_us=first.deadline_us,
    )


def order(number: int, of: BlockOrder, operator: Address = OPERATOR) -> SignedOrder:
    terms = OrderTerms(
        salt=2**53 - 1,
        maker=operator,
        signer=operator,
        token_id=of.token_id,
        maker_amount=5_200_000,
        taker_amount=10_000_000,
        side=of.side,
        timestamp_ms=NOW_US // 1000,
    )
    return SignedOrder(order_hash=OrderHash(word(number)), terms=terms, kind=OrderKind.FAK, signature=bytes(65))


def fill(of: SignedOrder, number: int = 1, *, shares: int, collateral: int, fee: int = 0) -> Fill:
    return Fill(
        wallet=of.terms.maker,
        counterparty=EXCHANGE,
        role=Role.TAKER,
        side=of.terms.side,
        token_id=of.terms.token_id,
        shares=Shares(shares),
        collateral=Collateral(collateral),
        fee=Collateral(fee),
        order_hash=of.order_hash,
        exchange=EXCHANGE,
        tx_hash=TxHash(word(number)),
        block_number=78,
        log_index=1,
    )


def allocation(of: Intent, *, shares: int, collateral: int) -> Allocation:
    return Allocation(
        intent_id=of.intent_id,
        follower=of.follower,
        shares=Shares(shares),
        collateral=Collateral(collateral),
        fee=ZERO_COLLATERAL,
    )


def balanced(posting_id: str = "balanced", units: int = 7, *, to: str = "operator") -> Posting:
    return Posting(posting_id=posting_id, entries=transfer(ledger.VENUE, to, ledger.COLLATERAL, units))


def lopsided() -> Posting:
    return Posting(posting_id="lopsided", entries=(Entry(account="operator", asset=ledger.COLLATERAL, units=1),))


def leg(of: Intent, step: SettlementStep, *, shares: int, collateral: int = 0, returned: int = 0) -> Leg:
    return Leg(
        settlement_id=settlement_id(step, of.intent_id),
        intent_id=of.intent_id,
        step=step,
        wallet=OPERATOR,
        follower=of.follower,
        token_id=of.token_id,
        shares=Shares(shares),
        collateral=Collateral(collateral),
        returned=Shares(returned),
    )


def transaction(nonce: int, operator: Address = OPERATOR) -> Transaction:
    return Transaction(
        chain_id=CHAIN_ID,
        wallet=operator,
        nonce=nonce,
        call=Call(to=EXCHANGE, data=b"\x00\xff" * 40, value=WIDE_WEI, gas=300_000),
        gas_price=GasPrice(max_fee=WIDE_WEI, priority_fee=Wei(30 * 10**9)),
    )


def settled(of: Leg, state: IntentState | None = IntentState.SETTLED, *, posting: Posting | None = None) -> LegEffect:
    return LegEffect(
        settlement_id=of.settlement_id,
        leg_state=LegState.SETTLED,
        intent_state=state,
        because=None,
        posting=posting or balanced(f"leg:{of.settlement_id}"),
        debt=None,
    )


def unpaid(of: Leg, side: DebtSide = DebtSide.FOLLOWER) -> LegEffect:
    """The effect of a delivery, or remittance, that failed: a debt."""
    return LegEffect(
        settlement_id=of.settlement_id,
        leg_state=LegState.FAILED,
        intent_state=IntentState.OWED,
        because=None,
        posting=None,
        debt=Owed(side=side, leg=of, due=of.collateral, failure=LegFailure.COLLATERAL_REFUSED),
    )


def not_collected(of: Leg) -> LegEffect:
    """The effect of a collection that failed: the exit is given up."""
    return LegEffect(
        settlement_id=of.settlement_id,
        leg_state=LegState.FAILED,
        intent_state=IntentState.FAILED,
        because=because(Reason.COLLECT_FAILED, detail=LegFailure.SHARES_REFUSED.name),
        posting=None,
        debt=None,
    )
