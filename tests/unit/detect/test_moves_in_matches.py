"""What leaves a leader in the transaction of a match, and is no part of the match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import pytest

from remora.detect.explain import NoTrade, explain
from remora.domain import contracts
from remora.domain.chain import Log
from remora.domain.contracts import CONDITIONAL_TOKENS, CONVERSION_BURN
from remora.domain.ids import ZERO_ADDRESS, Address, TokenId, address
from tests.fakes.receipts import KNOWN, NON_TRADES, TRADES, receipt_of
from tests.unit.detect.share_logs import event, transfer

LEADER, STRANGER = Address("0x" + 40 * "a"), Address("0x" + 40 * "b")
ADAPTER, NEG_RISK, MODULE, REDEEMER = (Address("0x" + 40 * digit) for digit in "defc")
YES, NO, OTHER_YES = 70, 71, 80

EXITS: dict[str, tuple[NoTrade, Sequence[Log]]] = {
    "a merge": (
        NoTrade.MERGE,
        (
            transfer(LEADER, LEADER, ZERO_ADDRESS, (YES, 4), (NO, 4)),
            event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, LEADER),
        ),
    ),
    "a merge by an adapter": (
        NoTrade.MERGE,
        (
            transfer(ADAPTER, LEADER, ADAPTER, (YES, 4), (NO, 4)),
            transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 4), (NO, 4)),
            event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, ADAPTER),
        ),
    ),
    "a merge by the neg-risk adapter": (
        NoTrade.MERGE,
        (
            transfer(NEG_RISK, LEADER, NEG_RISK, (YES, 4), (NO, 4)),
            transfer(NEG_RISK, NEG_RISK, ZERO_ADDRESS, (YES, 4), (NO, 4)),
            event(CONDITIONAL_TOKENS, contracts.POSITIONS_MERGE, NEG_RISK),
            event(NEG_RISK, contracts.NEG_RISK_MERGE, LEADER),
        ),
    ),
    "a merge by a module": (
        NoTrade.MERGE,
        (
            transfer(ADAPTER, LEADER, MODULE, (YES, 4), (NO, 4)),
            transfer(MODULE, MODULE, ZERO_ADDRESS, (YES, 4)),
            transfer(MODULE, MODULE, ZERO_ADDRESS, (NO, 4)),
            event(MODULE, contracts.MODULE_MERGE, ADAPTER),
        ),
    ),
    "a conversion": (
        NoTrade.CONVERSION,
        (
            transfer(NEG_RISK, LEADER, CONVERSION_BURN, (NO, 4)),
            transfer(NEG_RISK, NEG_RISK, LEADER, (OTHER_YES, 4)),
            event(NEG_RISK, contracts.NEG_RISK_CONVERSION, LEADER),
        ),
    ),
    "a redemption": (
        NoTrade.REDEMPTION,
        (
            transfer(LEADER, LEADER, ZERO_ADDRESS, (YES, 4)),
            event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, LEADER),
        ),
    ),
    "a redemption by somebody else": (
        NoTrade.REDEMPTION,
        (
            transfer(REDEEMER, LEADER, REDEEMER, (YES, 5), (NO, 2)),
            transfer(ADAPTER, REDEEMER, ADAPTER, (YES, 5), (NO, 2)),
            transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (YES, 5)),
            transfer(ADAPTER, ADAPTER, ZERO_ADDRESS, (NO, 2)),
            event(CONDITIONAL_TOKENS, contracts.PAYOUT_REDEMPTION, ADAPTER),
        ),
    ),
    "a gift": (NoTrade.TRANSFER, (transfer(LEADER, LEADER, STRANGER, (YES, 4)),)),
}
"""Ways in which shares leave a leader, and what each is."""


Seen: TypeAlias = tuple[set[tuple[str, TokenId, int]], set[tuple[str, TokenId, int]]]


def seen(logs: Iterable[Log], wallet: Address) -> Seen:
    """Return what a wallet's fills and what its moves are, as of one transaction."""
    placed = [log._replace(tx_hash=None, log_index=position) for position, log in enumerate(logs)]
    explained = explain(placed, wallet, KNOWN, complete=True)
    fills = {(fill.side.value, fill.token_id, fill.shares.units) for fill in explained.fills}
    return fills, {(move.reason.value, move.token_id, move.shares.units) for move in explained.moves}


def as_done_by(wallet: Address, logs: Iterable[Log]) -> list[Log]:
    """Return the logs with the wallet in the leader's place."""
    return [log._replace(topics=tuple(topic.replace(LEADER[2:], wallet[2:]) for topic in log.topics)) for log in logs]


MATCHES = pytest.mark.parametrize("match", TRADES)
"""Of every kind, at the real exchange."""


@MATCHES
def test_an_exit_beside_a_match_is_what_it_would_be_alone(match: str) -> None:
    matched = receipt_of(TRADES[match]).logs
    for wallet in {LEADER, *(address(row["wallet"]) for row in TRADES[match]["expected_fills"])}:
        fills, moves = seen(matched, wallet)
        assert not moves
        for what, (reason, logs) in EXITS.items():
            own = as_done_by(wallet, logs)
            _, alone = seen(own, wallet)
            assert {kind for kind, _, units in alone if units < 0} == {reason}, what
            assert seen([*matched, *own], wallet) == (fills, alone), what
            assert seen([*own, *matched], wallet) == (fills, alone), what


@MATCHES
def test_a_match_is_one_whatever_somebody_else_does_beside_it(match: str) -> None:
    matched = receipt_of(TRADES[match]).logs
    for party in map(address, TRADES[match]["balances"]):
        for what, (_, logs) in EXITS.items():
            assert seen([*logs, *matched], party) == seen(matched, party), what
            assert seen([*matched, *logs], party) == seen(matched, party), what


@MATCHES
@pytest.mark.parametrize("name", NON_TRADES)
def test_what_was_recorded_apart_means_the_same_together(name: str, match: str) -> None:
    matched, other = receipt_of(TRADES[match]).logs, receipt_of(NON_TRADES[name]).logs
    for wallet in map(address, NON_TRADES[name]["parties"]):
        fills, moves = seen(other, wallet)
        assert seen([*matched, *other], wallet) == (fills | seen(matched, wallet)[0], moves)
        assert seen([*other, *matched], wallet) == (fills | seen(matched, wallet)[0], moves)
