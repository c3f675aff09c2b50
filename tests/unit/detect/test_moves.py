"""What moved a wallet's shares without being a trade: which token, how many, for which reason, and what is an exit."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from remora.detect.explain import Explanation, NoTrade, explain, explain_receipt
from remora.detect.moves import moves_of
from remora.detect.trades import beside_trades
from remora.detect.watch import Watch
from remora.domain import contracts
from remora.domain.chain import Log, Receipt, parse_log
from remora.domain.contracts import CONDITIONAL_TOKENS, CONVERSION_BURN, NEG_RISK_ADAPTER, POLYGON
from remora.domain.ids import ZERO_ADDRESS, Address, TxHash, address
from remora.domain.signal import Side, SignalKind
from tests.fakes.receipts import FIXTURES, KNOWN, NON_TRADES, TRADES, receipt_of
from tests.unit.detect.share_logs import event, transfer

LEADER, FRIEND = Address("0x" + 40 * "a"), Address("0x" + 40 * "b")
ADAPTER, NEG_RISK, REDEEMER = (Address("0x" + 40 * digit) for digit in "def")
TX = TxHash("0x" + 64 * "2")
YES, NO, OTHER_YES, OTHER_NO = 70, 71, 80, 81

RECORDED = {**TRADES, **NON_TRADES}
"""Matches, splits, gifts and a redemption at the real exchange, with every wallet's balances before and after."""

CAPTURED = {item["name"]: item for item in json.loads((FIXTURES / "polygon/polygon_logs.json").read_text())}


def told(seen: Explanation) -> list[tuple[str, int, str]]:
    return [(move.reason.value, move.token_id, str(move.shares)) for move in seen.moves]


def moves(*logs: Log, wallet: Address = LEADER) -> list[tuple[str, int, str]]:
    placed = [log._replace(tx_hash=TX, log_index=position) for position, log in enumerate(logs)]
    return told(explain(placed, wallet, POLYGON, complete=True))


def exits(*logs: Log, fleet: frozenset[Address] = frozenset()) -> list[tuple[SignalKind, int, str]]:
    placed = [log._replace(tx_hash=TX, log_index=position) for position, log in enumerate(logs)]
    receipt = Receipt(tx_hash=TX, block_number=1, succeeded=True, gas_used=1, logs=tuple(placed))
    watch = Watch(chain_id=137, known=POLYGON, leaders=frozenset({LEADER}), fleet=fleet)
    found = moves_of(beside_trades([receipt], [], watch), fleet)
    return [(move.kind, move.token_id, str(move.shares)) for move in found if move.kind is not None]


@pytest.mark.parametrize("name", RECORDED)
def test_fills_and_moves_are_all_that_became_of_the_shares(name: str) -> None:
    case = RECORDED[name]
    for wallet, balances in case["balances"].items():
        seen = explain_receipt(receipt_of(case), address(wallet), KNOWN)
        changes: Counter[int] = Counter()
        for fill in seen.fills:
            changes[fill.token_id] += fill.shares.units if fill.side is Side.BUY else -fill.shares.units
        for move in seen.moves:
            changes[move.token_id] += move.shares.units
        for token_id, key in zip(case["token_ids"], ("token0", "token1"), strict=True):
            before, after = map(int, balances[key])
            assert changes[int(token_id)] == after - before, (wallet, key)


@pytest.mark.parametrize(
    ("name", "party", "expected"),
    [
        ("u01_adapter_split", "user", [(NoTrade.SPLIT, "10"), (NoTrade.SPLIT, "10")]),
        ("u03_direct_ctf_split", "user", [(NoTrade.SPLIT, "10"), (NoTrade.SPLIT, "10")]),
        ("u05_gift_single", "user", [(NoTrade.TRANSFER, "-3")]),
        ("u05_gift_single", "user2", [(NoTrade.TRANSFER, "3")]),
        ("u07_negrisk_adapter_split", "user", [(NoTrade.SPLIT, "10"), (NoTrade.SPLIT, "10")]),
        ("u09_direct_ctf_redeem", "user2", [(NoTrade.REDEMPTION, "-5004"), (NoTrade.REDEMPTION, "-5001")]),
    ],
)
def test_a_recorded_move_has_its_reason(name: str, party: str, expected: list[tuple[NoTrade, str]]) -> None:
    case = NON_TRADES[name]
    (wallet,) = (where for where, who in case["parties"].items() if who == party)
    seen = explain_receipt(receipt_of(case), address(wallet), KNOWN)
    assert [(move.reason, str(move.shares)) for move in seen.moves] == expected
    assert {str(move.token_id) for move in seen.moves} <= set(case["token_ids"])


def test_a_captured_redemption_leaves_out_the_token_of_which_there_was_none() -> None:
    case = CAPTURED["vike_transfer_batch_redeem_in"]
    seen = explain([parse_log(case["log"])], address(case["expected"]["from"]), POLYGON, complete=False)
    assert [(move.reason, str(move.shares)) for move in seen.moves] == [(NoTrade.REDEMPTION, "-5")]


CONVERSION = (
    # NO of one question of two becomes YES of the other; the NO that comes with that YES is burned as well
    transfer(ADAPTER, LEADER, ADAPTER, (NO, 5)),
    transfer(NEG_RISK, ZERO_ADDRESS, NEG_RISK, (OTHER_YES, 5), (OTHER_NO, 5)),
    event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, NEG_RISK),
    transfer(NEG_RISK, ADAPTER, CONVERSION_BURN, (NO, 5)),
    transfer(NEG_RISK, NEG_RISK, CONVERSION_BURN, (OTHER_NO, 5)),
    transfer(NEG_RISK, NEG_RISK, ADAPTER, (OTHER_YES, 5)),
    event(NEG_RISK, contracts.NEG_RISK_CONVERSION, ADAPTER),
    transfer(ADAPTER, ADAPTER, LEADER, (OTHER_YES, 5)),
)


def test_a_conversion_takes_no_shares_and_brings_yes_shares() -> None:
    assert moves(*CONVERSION) == [("conversion", NO, "-5"), ("conversion", OTHER_YES, "5")]
    assert moves(*CONVERSION, wallet=FRIEND) == []


def test_a_conversion_is_an_exit_of_what_it_takes_and_no_entry() -> None:
    assert exits(*CONVERSION) == [(SignalKind.CONVERSION, NO, "-5")]


def test_a_conversion_without_an_adapter_burns_the_wallets_own() -> None:
    assert moves(
        transfer(NEG_RISK_ADAPTER, LEADER, CONVERSION_BURN, (NO, 5), (OTHER_NO, 5)),
        transfer(NEG_RISK_ADAPTER, NEG_RISK_ADAPTER, CONVERSION_BURN),
        event(NEG_RISK_ADAPTER, contracts.NEG_RISK_CONVERSION, LEADER),
    ) == [("conversion", NO, "-5"), ("conversion", OTHER_NO, "-5")]


def test_who_pulls_shares_and_redeems_them_is_no_receiver_of_a_gift() -> None:
    redemption = (
        transfer(REDEEMER, LEADER, REDEEMER, (YES, 5), (NO, 2)),
        transfer(ADAPTER, REDEEMER, ADAPTER, (YES, 5), (NO, 2)),
        transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 5)),
        transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (NO, 2)),
        event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, ADAPTER),
    )
    assert moves(*redemption) == [("redemption", YES, "-5"), ("redemption", NO, "-2")]


def test_a_gift_that_is_redeemed_at_once_stays_a_gift() -> None:
    gift = (
        transfer(LEADER, LEADER, FRIEND, (YES, 5)),
        transfer(ADAPTER, FRIEND, ADAPTER, (YES, 5), (NO, 0)),
        event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, ADAPTER),
    )
    assert moves(*gift) == [("transfer", YES, "-5")]
    assert moves(*gift, wallet=FRIEND) == [("transfer", YES, "5"), ("redemption", YES, "-5")]


def test_moves_of_one_batch_keep_their_reasons() -> None:
    assert moves(
        transfer(ADAPTER, ZERO_ADDRESS, ADAPTER, (YES, 9), (NO, 9)),
        event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, ADAPTER),
        transfer(ADAPTER, ADAPTER, LEADER, (YES, 9), (NO, 9)),
        transfer(LEADER, LEADER, FRIEND, (YES, 1)),
        transfer(ADAPTER, LEADER, ADAPTER, (YES, 4), (NO, 4)),
        transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 4), (NO, 4)),
        event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, ADAPTER),
    ) == [
        ("split", YES, "9"),
        ("split", NO, "9"),
        ("transfer", YES, "-1"),
        ("merge", YES, "-4"),
        ("merge", NO, "-4"),
    ]


def test_a_merge_is_an_exit_of_both_outcomes_and_merges_of_one_transaction_are_one() -> None:
    merge = (
        transfer(ADAPTER, LEADER, ADAPTER, (YES, 4), (NO, 4)),
        transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 4), (NO, 4)),
        event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, ADAPTER),
    )
    assert exits(*merge, *merge) == [(SignalKind.MERGE, YES, "-8"), (SignalKind.MERGE, NO, "-8")]


def test_a_split_and_a_gift_to_the_leader_are_no_entries() -> None:
    assert (
        exits(
            transfer(ADAPTER, ZERO_ADDRESS, ADAPTER, (YES, 9), (NO, 9)),
            event(CONDITIONAL_TOKENS, contracts.POSITION_SPLIT, ADAPTER),
            transfer(ADAPTER, ADAPTER, LEADER, (YES, 9), (NO, 9)),
            transfer(FRIEND, FRIEND, LEADER, (YES, 1)),
        )
        == []
    )


def test_a_redemption_and_a_transfer_out_are_exits_of_their_own_kinds() -> None:
    assert exits(
        transfer(ADAPTER, LEADER, ADAPTER, (YES, 5), (NO, 0)),
        transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 5)),
        event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, ADAPTER),
        transfer(LEADER, LEADER, FRIEND, (OTHER_YES, 2)),
    ) == [(SignalKind.REDEMPTION, YES, "-5"), (SignalKind.TRANSFER, OTHER_YES, "-2")]


def test_what_the_fleet_collects_from_a_leader_who_follows_somebody_is_no_exit() -> None:
    collected = transfer(ADAPTER, LEADER, FRIEND, (YES, 5))
    assert exits(collected) == [(SignalKind.TRANSFER, YES, "-5")]
    assert exits(collected, fleet=frozenset({FRIEND})) == []


def test_shares_sent_to_oneself_and_spoofed_shares_did_not_move() -> None:
    spoof = transfer(FRIEND, FRIEND, LEADER, (YES, 5))._replace(address=FRIEND)
    assert moves(transfer(LEADER, LEADER, LEADER, (YES, 5)), spoof) == []
