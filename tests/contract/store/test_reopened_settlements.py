"""A settlement that a reorg puts into another block, where its legs end differently: they are what that block says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from remora.domain import ledger
from remora.domain.ids import TxHash
from remora.domain.ledger import Posting, transfer
from remora.domain.money import Collateral, Shares
from remora.domain.order import IntentState, Leg
from remora.domain.records import DebtSide, LegEffect
from remora.domain.signal import Side
from remora.domain.transaction import TxState
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey


class Chain:
    """Puts one transaction into one block after the other."""

    def __init__(self, stores: Stores, journey: Journey) -> None:
        self.stores = stores
        self.journey = journey
        self.tx_hash = TxHash("")

    async def mine(self, leg: Leg, effects: Sequence[LegEffect], *, state: TxState = TxState.MINED) -> None:
        """Put a leg's transaction into a block: its first, or, after a reorg, another."""
        if not self.tx_hash:
            self.tx_hash = await self.journey.send([leg], nonce=7)
        else:
            assert await self.stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=0) == 1
        await self.stores.settlements.record_mined(self.tx_hash, state=state, effects=effects, mined_us=9)

    async def books(self) -> dict[tuple[str, str], int]:
        return dict(await self.stores.settlements.ledger_balances())


@pytest.fixture
def chain(stores: Stores, journey: Journey) -> Chain:
    return Chain(stores, journey)


@pytest.fixture
async def leg(journey: Journey) -> Leg:
    """20 shares to be delivered for 9."""
    (leg,) = await journey.fill(await journey.decide("ann"))
    return leg


def paid(leg: Leg) -> LegEffect:
    """What it means that a delivery settles: shares there, collateral here, nothing owed."""
    follower, operator = ledger.follower_account(leg.follower), ledger.operator_account(leg.wallet)
    moves = (
        *transfer(operator, follower, str(leg.token_id), leg.shares.units),
        *transfer(follower, operator, ledger.COLLATERAL, leg.collateral.units),
        *transfer(follower, ledger.PAID, ledger.RECEIVABLE, leg.collateral.units),
    )
    return samples.settled(leg, posting=Posting(posting_id=ledger.leg_id(leg.settlement_id), entries=moves))


async def test_what_had_settled_and_does_not_is_owed_and_its_books_are_undone(
    stores: Stores, chain: Chain, leg: Leg
) -> None:
    before = await chain.books()
    await chain.mine(leg, [paid(leg)])
    await chain.mine(leg, [samples.unpaid(leg)])
    assert await chain.books() == before
    (debt,) = await stores.debts.open_debts()
    assert (debt.left, debt.legs) == (leg.collateral, (leg,))
    assert stores.audit().intents[leg.intent_id] == (IntentState.OWED, None)
    assert await stores.signals.lots(samples.TOKEN) == {}


async def test_what_had_been_refused_and_settles_is_paid(stores: Stores, chain: Chain, leg: Leg) -> None:
    await chain.mine(leg, [samples.unpaid(leg)])
    await chain.mine(leg, [paid(leg)])
    assert await stores.debts.open_debts() == []
    assert stores.audit().intents[leg.intent_id] == (IntentState.SETTLED, None)
    assert (await chain.books())[ledger.PAID, ledger.RECEIVABLE] == leg.collateral.units


async def test_it_may_change_as_often_as_blocks_do(stores: Stores, chain: Chain, leg: Leg) -> None:
    await chain.mine(leg, [paid(leg)])
    settled = await chain.books()
    for _ in range(3):
        await chain.mine(leg, [samples.unpaid(leg)])
        assert len(await stores.debts.open_debts()) == 1
        assert await chain.books() == {}
        await chain.mine(leg, [paid(leg)])
        assert await stores.debts.open_debts() == []
        assert await chain.books() == settled


async def test_the_same_in_another_block_is_no_news(stores: Stores, chain: Chain, leg: Leg) -> None:
    await chain.mine(leg, [paid(leg)])
    books = await chain.books()
    await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=0)
    assert not await stores.settlements.record_mined(
        chain.tx_hash, state=TxState.MINED, effects=[paid(leg)], mined_us=10
    )
    assert await chain.books() == books


async def test_what_had_settled_and_is_reverted_is_pending_again(stores: Stores, chain: Chain, leg: Leg) -> None:
    before = await chain.books()
    await chain.mine(leg, [paid(leg)])
    await chain.mine(leg, [], state=TxState.REVERTED)
    assert await chain.books() == before
    assert await stores.settlements.pending_legs() == [leg]
    assert stores.audit().intents[leg.intent_id] == (IntentState.FILLED, None)


async def test_who_waits_for_it_to_be_mined_again_is_moving(stores: Stores, chain: Chain, leg: Leg) -> None:
    await chain.mine(leg, [paid(leg)])
    assert leg.follower not in (await stores.audits.standing()).moving
    await stores.settlements.reopen_transactions(samples.OPERATOR, 7, mined_since_us=0)
    assert (await stores.audits.standing()).moving[leg.follower] == [f"deliver transaction {chain.tx_hash}"]


async def test_an_exit_that_was_sold_is_not_sold_again_when_its_collection_is_reverted(
    stores: Stores, chain: Chain, journey: Journey
) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    (collected,) = await journey.collecting([intent])
    await chain.mine(collected, [samples.settled(collected, IntentState.COLLECTED)])
    (remitted,) = await journey.fill([intent])
    await journey.mine([remitted], [samples.settled(remitted)])
    await chain.mine(collected, [], state=TxState.REVERTED)
    assert stores.audit().intents[intent.intent_id] == (IntentState.SETTLED, None)


async def test_what_was_written_off_and_settles_after_all_is_paid_and_not_written_off(
    stores: Stores, chain: Chain, leg: Leg
) -> None:
    follower = ledger.follower_account(leg.follower)
    claim = transfer(ledger.SPENT, follower, ledger.RECEIVABLE, leg.collateral.units)
    await stores.settlements.post([Posting(posting_id="claim", entries=claim)])
    await chain.mine(leg, [samples.unpaid(leg)])
    await stores.debts.write_off(leg.settlement_id, "gone", at_us=9)
    await chain.mine(leg, [paid(leg)])
    books = await chain.books()
    assert books[ledger.PAID, ledger.RECEIVABLE] == leg.collateral.units
    assert (ledger.WRITTEN_OFF, ledger.RECEIVABLE) not in books
    assert (follower, ledger.RECEIVABLE) not in books
    assert stores.audit().intents[leg.intent_id] == (IntentState.SETTLED, None)
    assert await stores.debts.open_debts() == []
    assert await stores.signals.lots(samples.TOKEN) == {"ann": leg.shares}
    assert await stores.switches.open_lots() != []

    await chain.mine(leg, [samples.unpaid(leg)])
    (debt,) = await stores.debts.open_debts()
    assert (debt.left, debt.collected, debt.written_off) == (leg.collateral, Collateral(0), Collateral(0))


async def test_a_part_of_a_debt_that_had_settled_is_owed_again(stores: Stores, journey: Journey, leg: Leg) -> None:
    await journey.mine([leg], [samples.unpaid(leg)])
    chain = Chain(stores, journey)
    await chain.mine(leg, [paid(leg)])
    assert await stores.debts.open_debts() == []
    await chain.mine(leg, [samples.unpaid(leg)])
    (debt,) = await stores.debts.open_debts()
    assert (debt.left, debt.collected) == (leg.collateral, Collateral(0))


async def test_proceeds_that_did_not_arrive_are_owed_by_the_operator(
    stores: Stores, journey: Journey, chain: Chain
) -> None:
    intents = await journey.decide(side=Side.SELL)
    await journey.collect(intents)
    (leg,) = await journey.fill(intents)
    chain.tx_hash = await journey.mine([leg], [samples.settled(leg)])
    assert await stores.settlements.reopen_transactions(samples.OPERATOR, 1, mined_since_us=0) == 1
    await stores.settlements.record_mined(
        chain.tx_hash, state=TxState.MINED, effects=[samples.unpaid(leg, DebtSide.OPERATOR)], mined_us=9
    )
    (debt,) = await stores.debts.open_debts()
    assert debt.side is DebtSide.OPERATOR
    assert await stores.settlements.owed_proceeds() == [leg]


async def test_a_collection_that_did_not_happen_gives_its_exit_up_and_one_that_did_goes_on(
    stores: Stores, journey: Journey
) -> None:
    (intent,) = await journey.decide(side=Side.SELL)
    (leg,) = await journey.collecting([intent])
    collected = samples.settled(leg, IntentState.COLLECTED)
    chain = Chain(stores, journey)
    await chain.mine(leg, [collected])
    await chain.mine(leg, [samples.not_collected(leg)])
    assert journey.state(intent) is IntentState.FAILED
    assert await stores.orders.collected() == []
    await chain.mine(leg, [collected])
    assert stores.audit().intents[intent.intent_id] == (IntentState.COLLECTED, None)
    assert [each for each, _ in await stores.orders.collected()] == [leg]
    assert leg.shares == Shares(10_000_000)
