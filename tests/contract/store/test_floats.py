"""FloatStore, and what the settlement's store does with float: in flight with its transaction, booked with its end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remora.domain.floats import BookedFloat, FloatBounds, FloatRequest, FloatTransfer, TransferKind, TreasuryStanding
from remora.domain.ids import Address, TxHash
from remora.domain.ledger import COLLATERAL, TREASURY, opening, operator_account
from remora.domain.money import Collateral
from remora.domain.order import IntentState, SettlementStep
from remora.domain.records import DebtSide
from remora.domain.signal import Side
from remora.domain.transaction import TxState
from tests.contract.store import samples
from tests.contract.store.implementations import Stores
from tests.contract.store.journey import Journey

HOARD = samples.wallet(70)
"""The treasury."""
DRAW = FloatTransfer(wallet=samples.OPERATOR, kind=TransferKind.DRAW, amount=Collateral(30))
TOP_UP = FloatTransfer(wallet=samples.OPERATOR, kind=TransferKind.TOP_UP, amount=Collateral(30))
SENDERS = {DRAW: samples.OPERATOR, TOP_UP: HOARD}
EITHER = pytest.mark.parametrize("transfer", [DRAW, TOP_UP], ids=lambda transfer: str(transfer.kind))
BOUNDS = FloatBounds(floor=Collateral(1), target=Collateral(2), ceiling=Collateral(3))


async def send(stores: Stores, transfer: FloatTransfer, *, nonce: int = 5) -> TxHash:
    tx_hash = TxHash(samples.word(900 + nonce))
    await stores.settlements.record_transaction(
        samples.transaction(nonce, SENDERS[transfer]),
        tx_hash,
        purpose=transfer.kind,
        legs=[],
        transfer=transfer,
        sent_us=samples.NOW_US,
    )
    return tx_hash


async def mine(stores: Stores, tx_hash: TxHash, state: TxState = TxState.MINED) -> None:
    await stores.settlements.record_mined(tx_hash, state=state, effects=[], mined_us=samples.NOW_US)


async def booked(stores: Stores) -> dict[str, int]:
    """Return what was moved between wallet and treasury, by the books."""
    balances = await stores.settlements.ledger_balances()
    return {account: units for (account, asset), units in balances.items() if asset == COLLATERAL}


def moved(transfer: FloatTransfer) -> dict[str, int]:
    sign = -1 if transfer.kind is TransferKind.DRAW else 1
    return {operator_account(samples.OPERATOR): sign * 30, TREASURY: -sign * 30}


async def replaced(stores: Stores, transfer: FloatTransfer) -> TxHash:
    second = TxHash(samples.word(990))
    await stores.settlements.record_replacement(
        samples.transaction(5, SENDERS[transfer]), second, sent_us=samples.NOW_US
    )
    return second


@EITHER
async def test_float_is_in_flight_until_its_transaction_ends_and_booked_then(
    stores: Stores, transfer: FloatTransfer
) -> None:
    tx_hash = await send(stores, transfer)
    assert await stores.floats.in_flight() == [transfer]
    assert await booked(stores) == {}
    await mine(stores, tx_hash)
    assert await stores.floats.in_flight() == []
    assert await booked(stores) == moved(transfer)


@EITHER
async def test_float_of_a_reverted_transaction_did_not_move(stores: Stores, transfer: FloatTransfer) -> None:
    await mine(stores, await send(stores, transfer), TxState.REVERTED)
    assert await stores.floats.in_flight() == []
    assert await booked(stores) == {}


@EITHER
@pytest.mark.parametrize("mined", ["first", "second"])
async def test_float_moves_once_whichever_transaction_of_its_nonce_is_mined(
    stores: Stores, transfer: FloatTransfer, mined: str
) -> None:
    first = await send(stores, transfer)
    second = await replaced(stores, transfer)
    assert await stores.floats.in_flight() == [transfer]
    await mine(stores, first if mined == "first" else second)
    assert await stores.floats.in_flight() == []
    assert await booked(stores) == moved(transfer)


@EITHER
async def test_what_a_reorg_turns_into_a_revert_did_not_move_and_moves_if_a_block_says_so_again(
    stores: Stores, transfer: FloatTransfer
) -> None:
    tx_hash = await send(stores, transfer)
    for state, books in [
        (TxState.MINED, moved(transfer)),
        (TxState.REVERTED, {}),
        (TxState.REVERTED, {}),
        (TxState.MINED, moved(transfer)),
    ]:
        await mine(stores, tx_hash, state)
        assert await booked(stores) == books
        await stores.settlements.reopen_transactions(SENDERS[transfer], 5, mined_since_us=0)


@EITHER
async def test_what_no_block_will_take_is_forgotten_and_its_nonce_free(stores: Stores, transfer: FloatTransfer) -> None:
    first = await send(stores, transfer)
    await replaced(stores, transfer)
    await stores.settlements.discard_transaction(first)
    assert await stores.floats.in_flight() == []
    assert await stores.settlements.unmined() == []
    await mine(stores, await send(stores, transfer))
    assert await booked(stores) == moved(transfer)


@EITHER
async def test_after_a_reorg_it_is_in_flight_again_and_booked_as_it_was(
    stores: Stores, transfer: FloatTransfer
) -> None:
    tx_hash = await send(stores, transfer)
    second = await replaced(stores, transfer)
    await mine(stores, tx_hash)
    assert await stores.settlements.reopen_transactions(SENDERS[transfer], 5, mined_since_us=0) == 1
    assert await stores.floats.in_flight() == [transfer]
    await stores.settlements.discard_transaction(second)  # the books rest on it
    assert await stores.floats.in_flight() == [transfer]
    await mine(stores, second)
    assert await booked(stores) == moved(transfer)


async def test_the_audit_takes_no_top_up_on_its_way_for_a_deposit(stores: Stores) -> None:
    tx_hash = await send(stores, TOP_UP)
    (named,) = (await stores.audits.standing()).moving[samples.OPERATOR]
    assert named == f"top-up of 0.00003 in transaction {tx_hash}"
    await mine(stores, tx_hash)
    assert samples.OPERATOR not in (await stores.audits.standing()).moving


async def floats(stores: Stores) -> BookedFloat:
    (found,) = await stores.floats.floats([samples.OPERATOR, samples.wallet(71)])  # the books do not know the other
    return found


QUIET = BookedFloat(wallet=samples.OPERATOR, booked=Collateral(100), owed=Collateral(0), moving=False)


@pytest.fixture
async def opened(stores: Stores) -> Address:
    await stores.settlements.post([opening(samples.OPERATOR, Collateral(100))])
    return samples.OPERATOR


@pytest.mark.usefixtures("opened")
@EITHER
async def test_a_wallets_float_is_what_is_booked_and_moves_with_transfers(
    stores: Stores, transfer: FloatTransfer
) -> None:
    assert await floats(stores) == QUIET
    tx_hash = await send(stores, transfer)
    assert await floats(stores) == replace(QUIET, moving=True)
    await mine(stores, tx_hash)
    assert (await floats(stores)).booked == Collateral(100 + moved(transfer)[operator_account(samples.OPERATOR)])


@pytest.mark.usefixtures("opened")
async def test_orders_legs_and_transactions_make_a_wallet_moving(stores: Stores, journey: Journey) -> None:
    await journey.order(await journey.decide())
    assert (await floats(stores)).moving


@pytest.mark.usefixtures("opened")
async def test_a_late_fill_that_nobody_was_given_yet_makes_a_wallet_moving(stores: Stores, journey: Journey) -> None:
    order = await journey.order(await journey.decide(side=Side.SELL))
    await journey.finish(order, [], shares=0, collateral=0)
    assert await floats(stores) == QUIET
    late = samples.fill(order, shares=10, collateral=5)
    assert await stores.orders.record_fill(late, samples.balanced("late"), heard_us=1)
    assert (await floats(stores)).moving


@pytest.mark.usefixtures("opened")
async def test_a_wallet_whose_delivery_is_to_be_settled_is_moving(stores: Stores, journey: Journey) -> None:
    legs = await journey.fill(await journey.decide())
    assert (await floats(stores)).moving
    tx_hash = await journey.send(legs)
    assert (await floats(stores)).moving
    await stores.settlements.record_mined(
        tx_hash, state=TxState.MINED, effects=[samples.settled(leg) for leg in legs], mined_us=1
    )
    assert await floats(stores) == QUIET


@pytest.mark.usefixtures("opened")
async def test_proceeds_that_a_wallet_could_not_pay_are_owed(stores: Stores, journey: Journey) -> None:
    (intent,) = await journey.decide(side=Side.SELL, state=IntentState.PENDING)
    await stores.orders.start_collecting([samples.leg(intent, SettlementStep.REMIT, shares=5, collateral=40)])
    legs = await stores.settlements.pending_legs()
    await journey.mine(legs, [samples.unpaid(leg, DebtSide.OPERATOR) for leg in legs])
    assert await floats(stores) == replace(QUIET, owed=Collateral(40))


async def test_a_request_stands_until_it_is_answered_and_a_newer_one_in_its_place(stores: Stores) -> None:
    first, second = (FloatRequest(bounds=BOUNDS, asked_us=at_us) for at_us in (7, 8))
    assert await stores.floats.request() is None
    await stores.floats.ask(first)
    await stores.floats.ask(second)
    assert await stores.floats.request() == second
    await stores.floats.answered(first)
    assert await stores.floats.request() == second
    await stores.floats.answered(second)
    assert await stores.floats.request() is None


async def test_what_the_treasury_had_last_is_kept(stores: Stores) -> None:
    assert await stores.fleet.treasury() is None
    for balance in (5, 6):
        standing = TreasuryStanding(wallet=HOARD, balance=Collateral(balance), seen_us=balance)
        await stores.fleet.record_treasury(standing)
    assert await stores.fleet.treasury() == standing
