"""Double entry: what leaves one account enters another."""

from __future__ import annotations

import pytest

from remora.domain import ledger
from remora.domain.errors import InvariantBroken
from remora.domain.ledger import Entry, Posting, balances, check, transfer
from tests.fakes.specimens import follower, wallet

OPERATOR, FOLLOWER = ledger.operator_account(wallet(1)), ledger.follower_account(follower(1))


def test_accounts_are_named_by_their_owner() -> None:
    assert f"operator:{wallet(1)}" == OPERATOR
    assert f"follower:{follower(1)}" == FOLLOWER


def test_a_transfer_takes_from_one_and_gives_to_the_other() -> None:
    taken, given = transfer(OPERATOR, FOLLOWER, "7", 100)
    assert taken == Entry(account=OPERATOR, asset="7", units=-100)
    assert given == Entry(account=FOLLOWER, asset="7", units=100)


def test_a_posting_balances_for_each_asset_on_its_own() -> None:
    collateral = transfer(FOLLOWER, OPERATOR, ledger.COLLATERAL, 10)
    token = transfer(OPERATOR, FOLLOWER, "7", 20)
    whole = Posting(posting_id="delivery", entries=(*collateral, *token))
    assert check(whole) is whole
    mixed = Posting(posting_id="mixed", entries=(collateral[0], *token, Entry(account=OPERATOR, asset="8", units=10)))
    with pytest.raises(InvariantBroken, match="posting mixed leaves -10 units of collateral unaccounted for"):
        check(mixed)


def test_balances_leave_out_what_is_even() -> None:
    entries = [
        *transfer(OPERATOR, FOLLOWER, "7", 20),
        *transfer(FOLLOWER, OPERATOR, "7", 5),
        *transfer(OPERATOR, ledger.VENUE, ledger.COLLATERAL, 3),
        *transfer(ledger.VENUE, OPERATOR, ledger.COLLATERAL, 3),
    ]
    assert balances(entries) == {(OPERATOR, "7"): -15, (FOLLOWER, "7"): 15}
