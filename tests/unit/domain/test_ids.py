"""Identities: one form of hex, and ids that depend on all they identify and on nothing else."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.domain.errors import Malformed
from remora.domain.ids import (
    Address,
    IntentId,
    OrderHash,
    PolicyId,
    SettlementId,
    SignalId,
    TxHash,
    address,
    intent_id,
    settlement_id,
    signal_id,
    word,
)
from remora.domain.order import SettlementStep

CHECKSUMMED = "0xE111180000d2663C0091e4f400237545B87B996B"


@pytest.mark.parametrize("text", [CHECKSUMMED, CHECKSUMMED.lower(), "0X" + CHECKSUMMED[2:].upper()])
def test_an_address_in_any_case_is_one_address(text: str) -> None:
    assert address(text) == "0xe111180000d2663c0091e4f400237545b87b996b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        CHECKSUMMED[2:],
        CHECKSUMMED[:-1],
        CHECKSUMMED + "0",
        CHECKSUMMED[:-1] + "g",
        f" {CHECKSUMMED}",
        f"{CHECKSUMMED}\n",
        None,
        0xE111180000D2663C0091E4F400237545B87B996B,
        b"0x",
    ],
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    with pytest.raises(Malformed, match="expected an address of 0x and 40 hex digits, found"):
        address(text)


def test_a_word_has_64_digits() -> None:
    assert word("0x" + 64 * "A") == "0x" + 64 * "a"
    for wrong in ("0x" + 63 * "a", "0x" + 65 * "a", 64 * "a", "0x" + 63 * "a" + "\n", None, 5):
        with pytest.raises(Malformed, match="expected 0x and 64 hex digits, found"):
            word(wrong)  # type: ignore[arg-type]  # what JSON may bring


EXCHANGE = Address("0x" + 40 * "e")
ORDER = OrderHash("0x" + 64 * "1")
TX = TxHash("0x" + 64 * "2")


def test_a_signal_is_an_order_in_a_transaction_of_an_exchange_on_a_chain() -> None:
    identity = signal_id(137, EXCHANGE, ORDER, TX)
    assert identity == signal_id(137, EXCHANGE, ORDER, TX)
    others = {
        signal_id(31337, EXCHANGE, ORDER, TX),
        signal_id(137, Address("0x" + 40 * "f"), ORDER, TX),
        signal_id(137, EXCHANGE, OrderHash(TX), TX),
        signal_id(137, EXCHANGE, ORDER, TxHash(ORDER)),
    }
    assert len(others | {identity}) == 5


def test_ids_survive_a_release() -> None:
    """They are keys of rows that an earlier version wrote: a replay must find them."""

    def digest(*parts: str) -> str:
        return "0x" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    signal = signal_id(137, EXCHANGE, ORDER, TX)
    intent = intent_id(signal, PolicyId("0xf:0xa"))
    assert signal == digest("signal", "137", EXCHANGE, ORDER, TX)
    assert intent == digest("intent", signal, "0xf:0xa")
    assert settlement_id(SettlementStep.DELIVER, intent) == digest("settlement", "deliver", intent)


@given(policies=st.lists(st.text(max_size=8), min_size=2, max_size=2, unique=True))
def test_each_policy_has_its_own_intent(policies: list[str]) -> None:
    first, second = (intent_id(SignalId("0x1"), PolicyId(policy)) for policy in policies)
    assert first != second


def test_each_step_of_an_intent_is_settled_once_on_its_own() -> None:
    ids: set[SettlementId] = {settlement_id(step, IntentId("0x1")) for step in SettlementStep}
    assert len(ids) == 3
    assert all(word(each) == each for each in ids)
    assert settlement_id("deliver", IntentId("0x1")) == settlement_id(SettlementStep.DELIVER, IntentId("0x1"))
