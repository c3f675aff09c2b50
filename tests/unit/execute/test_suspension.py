"""A wallet that is suspended is not checked out, whatever makes it ready; the others go on."""

from __future__ import annotations

import pytest

from remora.execute.fleet import Fleet, NoneFree
from tests.fakes.specimens import collateral, wallet


async def test_a_suspended_wallet_is_not_checked_out_until_it_is_lifted_and_enlisted() -> None:
    fleet = Fleet([wallet(1), wallet(2)])
    for each in fleet.wallets:
        await fleet.enlist(each, collateral("100"))
    assert fleet.suspend([wallet(1)]) is False
    await fleet.enlist(wallet(1), collateral("100"))
    assert list(fleet.ready) == [wallet(2)]
    async with fleet.checkout("a", collateral("1"), wait_s=1) as given:
        assert given == wallet(2)
        with pytest.raises(NoneFree):
            async with fleet.checkout("b", collateral("1"), wait_s=0):
                raise AssertionError("expected no wallet to be free")
    assert fleet.suspend([]) is True
    await fleet.enlist(wallet(1), collateral("100"))
    assert list(fleet.ready) == [wallet(1), wallet(2)]


async def test_a_wallet_that_is_suspended_while_it_is_out_does_not_come_back() -> None:
    fleet = Fleet([wallet(1)])
    await fleet.enlist(wallet(1), collateral("100"))
    async with fleet.checkout("a", collateral("1")):
        fleet.suspend([wallet(1)])
    with pytest.raises(NoneFree):
        async with fleet.checkout("b", collateral("1"), wait_s=0):
            raise AssertionError("expected no wallet to be free")
