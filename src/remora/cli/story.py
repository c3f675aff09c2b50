"""Stories as documents and as text: the same facts for machines and for people. Nothing here asks or decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from remora.domain.money import format_units
from remora.domain.order import Intent, Sized
from remora.domain.reasons import Because
from remora.domain.signal import Side, Signal, SignalKind, Source
from remora.domain.stories import DebtTold, Fate, Heard, LegTold, OrderTold, Story

US = 1_000_000
US_PER_MS = 1_000

SENTENCES = {
    Fate.EXECUTED: "copied, and settled",
    Fate.PENDING: "on its way",
    Fate.OWED: "copied, and owed for",
    Fate.DENIED: "not copied",
    Fate.FAILED: "nothing was copied",
    Fate.PAPER: "decided on paper only: nothing was sent",
    Fate.WITHDRAWN: "taken back before anything was sent: the leader's transaction left the chain",
    Fate.UNDECIDED: "no policy of the follower for this leader was in force when it was decided",
}


def as_row(story: Story) -> dict[str, Any]:
    """Return what a list of copies tells: amounts are decimal texts of whole tokens, latencies milliseconds."""
    signal, got = story.heard.signal, story.got
    return {
        "signal_id": signal.signal_id,
        "tx_hash": signal.tx_hash,
        "heard": at(signal.heard_us),
        "leader": signal.leader,
        "kind": signal.kind,
        "side": signal.side,
        "token_id": str(signal.token_id),
        "leader_shares": str(signal.shares),
        "leader_price": _price(signal),
        "signal_state": story.heard.state,
        "policy_id": story.policy_id,
        "fate": story.fate,
        "stage": story.intent_state,
        **_because(story.because),
        "sized": None if story.sized is None else _sized(story.sized),
        "shares": str(got.shares) if got else "0",
        "price": str(got.price) if got and got.shares else None,
        "collateral": str(got.collateral) if got else "0",
        "fee": str(got.fee) if got else "0",
        "total": str(story.total),
        "slippage_bps": story.slippage_bps,
        "latency_ms": {step: None if us is None else us // US_PER_MS for step, us in asdict(story.latency).items()},
    }


def as_document(story: Story) -> dict[str, Any]:
    """Return the whole story."""
    return {
        **as_row(story),
        "source": _source(story.heard),
        "intent": None if story.intent is None else _intent(story.intent),
        "orders": [_order(each) for each in story.orders],
        "legs": [_leg(each) for each in story.legs],
        "debts": [_debt(each) for each in story.debts],
    }


def as_text(story: Story) -> Iterator[str]:
    """Yield the whole story for people, a line per step, in the order in which things happened."""
    row = as_row(story)
    heard, signal = story.heard, story.heard.signal
    yield f"signal {signal.signal_id}"
    yield f"  leader {signal.leader}: {_deed(signal)}"
    yield f"  transaction {signal.tx_hash}, {_block(heard)}"
    yield f"  heard {row['heard']} from {signal.source}{_late(row, 'heard', 'after the block')}"
    yield f"policy {story.policy_id or 'none'}: {story.fate}, {SENTENCES[story.fate]}"
    if story.because is not None:
        yield f"  {story.because.sentence()}"
    if story.intent is not None:
        yield f"  wanted {_wanted(story.intent)}{_late(row, 'decided', 'to decide')}"
        if story.sized is not None:
            yield from _sized_text(story.intent, story.sized)
    for order in story.orders:
        yield from _order_text(order)
    if story.got is not None:
        yield f"  got {_got_text(row)}"
    yield from (_leg_text(told) for told in story.legs)
    yield from (_debt_text(told) for told in story.debts)


def at(us: int) -> str:
    """Return a moment as an ISO 8601 text with milliseconds, in UTC."""
    seconds, rest = divmod(us, US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // US_PER_MS:03}Z"


def _because(because: Because | None) -> dict[str, Any]:
    if because is None:
        return {"reason": None, "sentence": None, "facts": {}}
    return {"reason": because.reason, "sentence": because.sentence(), "facts": dict(because.facts)}


def _sized(sized: Sized) -> dict[str, Any]:
    cuts = [{"left": str(cut.left), **_because(cut.because)} for cut in sized.cuts]
    return {**sized.facts, "cuts": cuts}


def _source(heard: Heard) -> dict[str, Any]:
    signal = heard.signal
    held = None if signal.held_before is None else str(signal.held_before)
    return {
        "first_heard_from": signal.source,
        "role": signal.role,
        "exchange": signal.exchange,
        "order_hash": signal.order_hash,
        "block_number": signal.block_number,
        "log_index": signal.log_index,
        "block_time": _maybe_at(signal.block_us),
        "stored": at(heard.stored_us),
        "block_heard": _maybe_at(heard.mined_heard_us),
        "leader_collateral": str(signal.collateral),
        "leader_fee": str(signal.fee),
        "leader_held_before": held,
    }


def _intent(intent: Intent) -> dict[str, Any]:
    return {
        "intent_id": intent.intent_id,
        "limit": str(intent.limit),
        "budget": str(intent.budget),
        "shares": str(intent.shares),
        "deadline": at(intent.deadline_us),
    }


def _order(told: OrderTold) -> dict[str, Any]:
    return {
        "order_hash": told.order_hash,
        "rest_of": told.rest_of,
        "wallet": told.wallet,
        "kind": told.kind,
        "limit": str(told.limit),
        "state": told.state,
        "intents": told.parts,
        "sent": at(told.sent_us),
        "acknowledged": _maybe_at(told.acknowledged_us),
        "fills": [
            {
                "tx_hash": fill.tx_hash,
                "shares": str(fill.shares),
                "collateral": str(fill.collateral),
                "fee": str(fill.fee),
                "block_number": fill.block_number,
                "heard": at(fill.heard_us),
            }
            for fill in told.fills
        ],
    }


def _leg(told: LegTold) -> dict[str, Any]:
    return {
        "settlement_id": told.leg.settlement_id,
        "step": told.leg.step,
        "wallet": told.leg.wallet,
        "shares": str(told.leg.shares),
        "collateral": str(told.leg.collateral),
        "returned": str(told.leg.returned),
        "state": told.state,
        "tx_hash": told.tx_hash,
        "settled": _maybe_at(told.settled_us),
    }


def _debt(told: DebtTold) -> dict[str, Any]:
    return {
        "side": told.side,
        "cause": told.cause.name,
        "due": str(told.due),
        "collected": str(told.collected),
        "sold": str(told.sold),
        "written_off": str(told.written_off),
        "opened": at(told.opened_us),
        "recovered": _maybe_at(told.recovered_us),
        "why": told.why,
    }


def _price(signal: Signal) -> str | None:
    return str(signal.price) if signal.collateral and signal.shares else None


def _deed(signal: Signal) -> str:
    what = f"{signal.shares} shares of token {signal.token_id}"
    if signal.source is Source.OPERATOR:
        return f"remora's own word to sell {what}, whatever the leader does"
    if signal.kind is not SignalKind.TRADE:
        return f"{what} left by a {signal.kind}"
    held = "" if signal.held_before is None else f", of {signal.held_before} held before"
    return f"{signal.role} {signal.side} of {what} at {signal.price}{held}"


def _block(heard: Heard) -> str:
    number = heard.signal.block_number
    return str(heard.state) if number is None else f"{heard.state}, block {number}"


def _wanted(intent: Intent) -> str:
    if intent.side is Side.BUY:
        return f"to buy for {intent.budget} at {intent.limit} at most, until {at(intent.deadline_us)}"
    return f"to sell {intent.shares} shares at {intent.limit} at least, until {at(intent.deadline_us)}"


def _sized_text(intent: Intent, sized: Sized) -> Iterator[str]:
    facts = sized.facts
    if intent.side is Side.SELL:
        let_go = f"the leader let go {facts['gone']} of {facts['before']}"
        yield f"    {intent.shares} of a lot of {facts['lot']} by exit mode {facts['mode']}: {let_go}"
        return
    yield f"    {facts['wanted']} by sizing mode {facts['mode']}"
    sizes = (facts["wanted"], *(str(cut.left) for cut in sized.cuts))
    for size, left, cut in zip(sizes, sizes[1:], sized.cuts, strict=False):
        yield f"    cut from {size} to {left} by {cut.because.sentence()}"


def _order_text(told: OrderTold) -> Iterator[str]:
    yield f"  order {told.order_hash}: {told.kind} at {told.limit}, {told.state}, sent {at(told.sent_us)}"
    if told.rest_of is not None:
        yield f"    tries once more for the rest of {told.rest_of}"
    yield f"    by operator wallet {told.wallet}, for {told.parts} {'intent' if told.parts == 1 else 'intents'}"
    for fill in told.fills:
        yield f"    filled {fill.shares} shares for {fill.collateral}, fee {fill.fee}, in {fill.tx_hash}"


def _got_text(row: dict[str, Any]) -> str:
    worse = row["slippage_bps"]
    compared = "" if worse is None else f", {format_units(abs(worse), 2)} % {'worse' if worse > 0 else 'better'}"
    beside = f"{compared} than the leader's" if worse else ", the leader's price" if worse == 0 else ""
    return f"{row['shares']} shares at {row['price'] or 0}, fee {row['fee']}: {row['total']} in all{beside}"


def _leg_text(told: LegTold) -> str:
    leg, when = told.leg, "" if told.settled_us is None else f" {at(told.settled_us)}"
    where = "" if told.tx_hash is None else f", in {told.tx_hash}"
    return f"  {leg.step} {leg.shares} shares, {leg.collateral} collateral: {told.state}{when}{where}"


def _debt_text(told: DebtTold) -> str:
    words = (
        f"  the {told.side} owed {told.due} from {at(told.opened_us)} ({told.cause.name}): collected {told.collected}"
    )
    if told.sold:
        words += f", {told.sold} by a sale of its shares"
    if told.written_off:
        words += f", written off {told.written_off}: {told.why}"
    return words if told.recovered_us is None else f"{words}, paid {at(told.recovered_us)}"


def _late(row: dict[str, Any], step: str, words: str) -> str:
    found = row["latency_ms"][step]
    return "" if found is None else f", {found} ms {words}"


def _maybe_at(us: int | None) -> str | None:
    return None if us is None else at(us)
