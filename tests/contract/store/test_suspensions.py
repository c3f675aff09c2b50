"""Who is suspended is who does not add up at that moment: the books may have changed since somebody looked."""

from __future__ import annotations

from dataclasses import replace

from remora.domain.audit import Cause, Difference, Suspension
from remora.domain.ledger import COLLATERAL, opening
from remora.domain.money import Collateral
from tests.contract.store import samples
from tests.contract.store.implementations import Stores

SEEN = Difference(wallet=samples.OPERATOR, asset=COLLATERAL, booked=100, found=80, cause=Cause.MOVED)
SUSPENSION = Suspension(wallet=samples.OPERATOR, why=SEEN.sentence(), since_us=samples.NOW_US)


async def test_whose_books_are_as_they_were_seen_is_suspended(stores: Stores) -> None:
    await stores.settlements.post([opening(samples.OPERATOR, Collateral(100))])
    await stores.audits.suspend([SUSPENSION], [SEEN])
    assert list(await stores.audits.suspensions()) == [SUSPENSION]


async def test_whose_books_have_changed_since_is_not(stores: Stores) -> None:
    """A person has accepted the difference, in another process."""
    await stores.settlements.post([opening(samples.OPERATOR, Collateral(80))])
    await stores.audits.suspend([SUSPENSION], [SEEN])
    assert list(await stores.audits.suspensions()) == []


async def test_for_an_order_that_nobody_knows_the_books_do_not_matter(stores: Stores) -> None:
    strange = replace(SEEN, asset=samples.word(1), booked=0, found=1, cause=Cause.STRANGE_ORDER)
    await stores.audits.suspend([SUSPENSION], [strange])
    assert list(await stores.audits.suspensions()) == [SUSPENSION]
