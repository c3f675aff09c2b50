"""The ledger: postings are written once, whole, and only if they balance."""

from __future__ import annotations

import pytest

from remora.domain.errors import InvariantBroken
from remora.domain.ledger import COLLATERAL, VENUE, Posting, transfer
from tests.contract.store.implementations import Stores
from tests.contract.store.samples import TOKEN, balanced, lopsided


async def test_empty_ledger_has_no_balances(stores: Stores) -> None:
    assert await stores.settlements.ledger_balances() == {}


async def test_postings_add_up(stores: Stores) -> None:
    await stores.settlements.post([balanced("1", 5), balanced("2", 7), balanced("3", 2, to="other")])
    assert await stores.settlements.ledger_balances() == {
        (VENUE, COLLATERAL): -14,
        ("operator", COLLATERAL): 12,
        ("other", COLLATERAL): 2,
    }


async def test_assets_are_kept_apart(stores: Stores) -> None:
    token = str(TOKEN)
    moves = (*transfer("a", "b", COLLATERAL, 5), *transfer("b", "a", token, 8))
    await stores.settlements.post([Posting(posting_id="trade", entries=moves)])
    assert await stores.settlements.ledger_balances() == {
        ("a", COLLATERAL): -5,
        ("b", COLLATERAL): 5,
        ("a", token): 8,
        ("b", token): -8,
    }


async def test_balances_of_zero_are_left_out(stores: Stores) -> None:
    there, back = transfer("a", "b", COLLATERAL, 5), transfer("b", "a", COLLATERAL, 5)
    await stores.settlements.post([Posting(posting_id="there", entries=there)])
    await stores.settlements.post([Posting(posting_id="back", entries=back)])
    assert await stores.settlements.ledger_balances() == {}


@pytest.mark.parametrize("again", [balanced("1", 5), balanced("1", 6)], ids=["same", "same id"])
async def test_posting_is_written_once(stores: Stores, again: Posting) -> None:
    await stores.settlements.post([balanced("1", 5)])
    await stores.settlements.post([again, again])
    assert (await stores.settlements.ledger_balances())["operator", COLLATERAL] == 5


async def test_posting_without_entries_is_remembered(stores: Stores) -> None:
    await stores.settlements.post([Posting(posting_id="1", entries=())])
    await stores.settlements.post([balanced("1", 5)])
    assert await stores.settlements.ledger_balances() == {}


async def test_one_posting_that_does_not_balance_leaves_none_of_the_group(stores: Stores) -> None:
    with pytest.raises(InvariantBroken, match="lopsided leaves 1 units"):
        await stores.settlements.post([balanced("1", 5), lopsided()])
    assert await stores.settlements.ledger_balances() == {}
    await stores.settlements.post([balanced("1", 5)])
    assert (await stores.settlements.ledger_balances())["operator", COLLATERAL] == 5


async def test_assets_that_balance_only_together_do_not_balance(stores: Stores) -> None:
    first, _ = transfer("a", "b", COLLATERAL, 5)
    _, second = transfer("a", "b", "another", 5)
    with pytest.raises(InvariantBroken):
        await stores.settlements.post([Posting(posting_id="1", entries=(first, second))])


async def test_books_of_a_venue_s_size_fit(stores: Stores) -> None:
    billions = 10**9 * 10**6
    await stores.settlements.post([balanced(str(number), billions) for number in range(1000)])
    assert (await stores.settlements.ledger_balances())["operator", COLLATERAL] == 1000 * billions
