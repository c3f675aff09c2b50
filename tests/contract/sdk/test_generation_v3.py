"""Markets of the third exchange generation, through the official SDK: orders, balances, splits, redemptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from polymarket import SecureClient, TransactionFailedError
from polymarket.models.clob.market_events import MarketResolvedEvent
from polymarket.models.data import MergeActivity, RedeemActivity, SplitActivity
from polymarket.streams import MarketSpec

from remora.devnet.accounts import Role, scripted
from remora.devnet.faults.settlement import FailedTrade
from remora.devnet.launcher import Devnet
from remora.devnet.markets import YES_WINS, resolve_market
from remora.devnet.sdk import environment
from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000
_TIMEOUT_S = 15


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_a_market_buy_takes_a_resting_sell(open_pit: OpenPit, alice: Trader, bob: Trader, neg_risk: bool) -> None:
    pit = await open_pit(neg_risk=neg_risk, fee_rate="0.07", version="v2")
    sell = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.10", size="100", side="SELL"))
    buy = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="BUY", amount="6", max_price="0.12")
    )
    # 6 / 0.12 = 50 shares were asked for; at 0.10 they cost 5. Fee 50 x 0.07 x 0.1 x 0.9: 6.3 % of the cash.
    assert (buy.status, buy.making_amount, buy.taking_amount) == ("matched", Decimal(5), Decimal(50))
    assert await pit.change_of(bob.wallet) == Balances(-5_315_000, 50 * U, 0)
    assert await pit.change_of(alice.wallet) == Balances(5 * U, -50 * U, 0)
    assert await pit.change_of(pit.fee_receiver) == Balances(315_000, 0, 0)
    resting = await alice.client.get_order(order_id=sell.order_id)
    assert (resting.size_matched, resting.associate_trades) == (Decimal(50), buy.trade_ids)


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_two_buyers_mint_and_two_sellers_merge(
    open_pit: OpenPit, alice: Trader, bob: Trader, neg_risk: bool
) -> None:
    pit = await open_pit(neg_risk=neg_risk, fee_rate="0.05", version="v2")
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.60", size="30", side="BUY"))
    await bob.settled(await bob.client.place_limit_order(token_id=pit.no, price="0.45", size="30", side="BUY"))
    # Alice pays 0.60 x 30 = 18, Bob the rest of the set, 12, and the fee 30 x 0.05 x 0.4 x 0.6 = 0.36
    assert await pit.change_of(alice.wallet) == Balances(-18 * U, 30 * U, 0)
    assert await pit.change_of(bob.wallet) == Balances(-12_360_000, 0, 30 * U)

    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.55", size="30", side="SELL"))
    await bob.settled(await bob.client.place_market_order(token_id=pit.no, side="SELL", shares="30", min_price="0.40"))
    # Alice gets 0.55 x 30 = 16.5, Bob the rest of the set, 13.5, less the fee 30 x 0.05 x 0.45 x 0.55 = 0.37125
    assert await pit.change_of(alice.wallet) == Balances(-1_500_000, 0, 0)
    assert await pit.change_of(bob.wallet) == Balances(768_750, 0, 0)
    assert await pit.change_of(pit.fee_receiver) == Balances(731_250, 0, 0)


async def test_a_sale_with_a_fee_goes_through_the_exchange(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(fee_rate="0.04", version="v2")
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="40", side="BUY"))
    sale = await bob.settled(
        await bob.client.place_market_order(token_id=pit.yes, side="SELL", shares="40", min_price="0.40")
    )
    # 40 x 0.50 = 20, less 40 x 0.04 x 0.25 = 0.4
    assert (sale.making_amount, sale.taking_amount) == (Decimal(40), Decimal(20))
    assert await pit.change_of(bob.wallet) == Balances(19_600_000, -40 * U, 0)
    assert await pit.change_of(alice.wallet) == Balances(-20 * U, 40 * U, 0)


async def test_a_match_can_be_made_to_revert_on_exchange_v3(open_pit: OpenPit, alice: Trader, bob: Trader) -> None:
    pit = await open_pit(version="v2")
    sell = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    pit.devnet.faults.inject(FailedTrade(token=pit.yes, count=1))
    buy = accepted(await bob.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="BUY"))
    with pytest.raises(TransactionFailedError):
        await bob.client.wait_for_order_fill_settlement(buy)
    assert await pit.change_of(bob.wallet) == Balances(0, 0, 0)
    assert (await alice.client.get_order(order_id=sell.order_id)).size_matched == Decimal(0)


async def test_balances_are_of_the_ledger_that_the_client_names(
    open_pit: OpenPit, devnet: Devnet, alice: Trader
) -> None:
    pit = await open_pit(version="v2")
    held = await alice.client.get_balance_allowance(asset_type="CONDITIONAL-V2", asset_id=pit.yes)
    assert held.balance == 1_000 * U
    assert list(held.allowances) == [devnet.endpoints.contracts.exchange_v3]


async def test_the_catalogue_says_the_version_and_finds_a_market_by_its_positions(
    open_pit: OpenPit, bob: Trader
) -> None:
    pit = await open_pit(version="v2")
    (found,) = (await bob.client.list_markets(position_ids=[pit.no]).first_page()).items
    assert (found.version, found.condition_id) == ("v2", pit.market.condition_id)
    assert (found.outcomes.yes.position_id, found.outcomes.no.position_id) == (pit.yes, pit.no)
    assert found.outcomes.yes.token_id is None


async def test_split_and_merge_go_through_the_router(open_pit: OpenPit, alice: Trader) -> None:
    pit = await open_pit(version="v2")
    condition = pit.market.condition_id
    await (await alice.client.split_position(condition_id=condition, amount=50 * U)).wait()
    assert await pit.change_of(alice.wallet) == Balances(-50 * U, 50 * U, 50 * U)
    await (await alice.client.merge_positions(condition_id=condition, amount=20 * U)).wait()
    assert await pit.change_of(alice.wallet) == Balances(-30 * U, 30 * U, 30 * U)
    merged, split, _ = (await alice.client.list_activity(user=alice.wallet, condition_id=condition).first_page()).items
    assert isinstance(merged, MergeActivity)
    assert isinstance(split, SplitActivity)
    assert (merged.amount, split.amount) == (Decimal(20), Decimal(50))


@pytest.mark.parametrize("neg_risk", [False, True])
async def test_a_resolved_condition_ends_its_market_and_is_redeemed(
    open_pit: OpenPit, devnet: Devnet, alice: Trader, bob: Trader, neg_risk: bool
) -> None:
    pit = await open_pit(neg_risk=neg_risk, version="v2")
    order = accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    spec = MarketSpec(asset_ids=[pit.yes], custom_feature_enabled=True)
    async with await bob.client.subscribe(spec) as events, asyncio.timeout(_TIMEOUT_S):
        await resolve_market(devnet.node, devnet.endpoints.contracts, pit.market, YES_WINS)
        while not isinstance(event := await anext(events), MarketResolvedEvent):
            pass
    assert (event.payload.market, event.payload.winning_asset_id) == (pit.market.condition_id, pit.yes)
    assert (await alice.client.get_order(order_id=order.order_id)).status == "CANCELED_MARKET_RESOLVED"
    await (await alice.client.redeem_positions(condition_id=pit.market.condition_id)).wait()
    # 1,000 of each outcome: YES pays one a piece, NO nothing
    assert await pit.change_of(alice.wallet) == Balances(1_000 * U, -1_000 * U, -1_000 * U)
    rows = (await alice.client.list_activity(user=alice.wallet).first_page()).items[:2]
    redeemed = {(row.condition_id, row.amount) for row in rows if isinstance(row, RedeemActivity)}
    assert redeemed == {(pit.market.condition_id, Decimal(paid)) for paid in (1_000, 0)}  # one row per position


async def test_the_synchronous_client_trades_too(open_pit: OpenPit, devnet: Devnet, alice: Trader) -> None:
    pit = await open_pit(version="v2")
    account = scripted(Role.LEADER, 1, seed=1)
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.40", size="10", side="SELL"))

    def buy() -> Any:
        with _client(devnet, account.private_key, account.address)() as client:
            order = accepted(client.place_limit_order(token_id=pit.yes, price="0.40", size="10", side="BUY"))
            assert client.wait_for_order_fill_settlement(order)
            return client.get_balance_allowance(asset_type="CONDITIONAL-V2", asset_id=pit.yes).balance

    assert await asyncio.to_thread(buy) == 1_010 * U


def _client(devnet: Devnet, key: str, wallet: str) -> Callable[[], SecureClient]:
    return lambda: SecureClient.create(private_key=key, wallet=wallet, environment=environment(devnet.endpoints))
