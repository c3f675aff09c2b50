"""Every reason for which the venue does not take an order, in both of its forms, as the official SDK reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import pytest_asyncio
from polymarket import RejectedOrder, RequestRejectedError

from remora.devnet.clob.house import Phase, Standing
from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.domain.money import ONE, Shares
from tests.contract.sdk.pit import Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

_HUGE = "900000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A market with 10 YES for 0.50 in it, and who will not get any."""

    devnet: Devnet
    market: Market
    bob: Trader

    @property
    def yes(self) -> str:
        return str(self.market.yes_token_id)

    def limit(self, *, price: str = "0.40", size: str = "10", **terms: Any) -> Awaitable[Any]:
        return self.bob.client.place_limit_order(token_id=self.yes, side="BUY", price=price, size=size, **terms)

    def take(self, amount: str, price: str, kind: Literal["FAK", "FOK"] = "FAK") -> Awaitable[Any]:
        return self.bob.client.place_market_order(
            token_id=self.yes, side="BUY", amount=amount, max_price=price, order_type=kind
        )


@pytest_asyncio.fixture(params=[False, True], ids=["as an error", "in the body"], scope="session", loop_scope="session")
async def market(request: pytest.FixtureRequest, devnet: Devnet, alice: Trader) -> Market:
    terms = MarketTerms(question=f"Will a rejection be told {request.param}?", refuses_in_body=request.param)
    opened = await devnet.open_market(terms)
    await devnet.funding.split(alice.wallet, opened, Shares(100 * ONE))
    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def scene(devnet: Devnet, market: Market, alice: Trader, bob: Trader) -> AsyncIterator[Scene]:
    accepted(
        await alice.client.place_limit_order(token_id=str(market.yes_token_id), price="0.50", size="10", side="SELL")
    )
    yield Scene(devnet=devnet, market=market, bob=bob)
    house = devnet.clob.house
    house.phases.clear()
    house.standings.clear()
    house.refuses_plain_accounts = False
    for trader in (alice, bob):
        await trader.client.cancel_all()


async def rejection(scene: Scene, placing: Awaitable[Any]) -> tuple[str, str]:
    """Return the code (of the form that has one) and the words with which an order is rejected."""
    if scene.market.refuses_in_body:
        answered = await placing
        assert isinstance(answered, RejectedOrder), answered
        return answered.code, answered.message
    with pytest.raises(RequestRejectedError) as caught:
        await placing
    assert caught.value.status == 400
    return "", str(caught.value)


Attempt = Callable[[Scene], Awaitable[Any]]


@pytest.mark.parametrize(
    ("attempt", "code", "words"),
    [
        (lambda scene: scene.limit(size="1"), "unknown", "Size (1) lower than the minimum: 5"),
        (lambda scene: scene.limit(price="0.50", post_only=True), "post_only_would_cross",
         "invalid post-only order: order crosses book"),
        (lambda scene: scene.take("6", "0.50", "FOK"), "fok_not_filled",
         "order couldn't be fully filled. FOK orders are fully filled or killed."),
        (lambda scene: scene.take("5", "0.40"), "fak_not_filled",
         "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."),
        (lambda scene: scene.take("0.50", "0.50"), "unknown",
         "invalid amount for a marketable BUY order ($0.5), min size: $1"),
        (lambda scene: scene.limit(size=_HUGE), "not_enough_balance",
         "not enough balance / allowance: the balance is not enough -> balance: "),
    ],
)  # fmt: skip
async def test_an_order_that_does_not_fit_is_rejected(scene: Scene, attempt: Attempt, code: str, words: str) -> None:
    found, said = await rejection(scene, attempt(scene))
    assert words in said
    assert found == (code if scene.market.refuses_in_body else "")


async def test_the_same_order_is_rejected_the_second_time(scene: Scene) -> None:
    client = scene.bob.client
    order = await client.create_limit_order(token_id=scene.yes, side="BUY", price="0.40", size="10")
    placed = accepted(await client.post_order(order))
    _, said = await rejection(scene, client.post_order(order))
    assert said == f"order {placed.order_id} is invalid. Duplicated."


@pytest.mark.parametrize(
    ("phase", "code", "words"),
    [
        (Phase.NOT_READY, "market_not_ready", "the market is not yet ready to process new orders"),
        (Phase.STALLED, "unknown", "order match delayed due to market conditions"),
    ],
)
async def test_a_market_may_not_take_orders(scene: Scene, phase: Phase, code: str, words: str) -> None:
    scene.devnet.clob.house.phases[scene.market.condition_id] = phase
    assert await rejection(scene, scene.limit()) == (code if scene.market.refuses_in_body else "", words)


@pytest.mark.parametrize(
    ("standing", "words"),
    [(Standing.BANNED, "'{}' address banned"), (Standing.CLOSED_ONLY, "'{}' address in closed only mode")],
)
async def test_who_may_not_trade_is_told_so_with_400_everywhere(scene: Scene, standing: Standing, words: str) -> None:
    scene.devnet.clob.house.standings[scene.bob.wallet] = standing
    with pytest.raises(RequestRejectedError) as caught:
        await scene.limit()
    assert (caught.value.status, str(caught.value)) == (400, words.format(scene.bob.wallet))


async def test_plain_accounts_are_sent_to_the_deposit_wallet_flow(scene: Scene) -> None:
    scene.devnet.clob.house.refuses_plain_accounts = True
    with pytest.raises(RequestRejectedError, match="maker address not allowed, please use the deposit wallet flow"):
        await scene.limit()


async def test_closed_only_is_shown_and_lets_sell(scene: Scene, alice: Trader) -> None:
    scene.devnet.clob.house.standings[alice.wallet] = Standing.CLOSED_ONLY
    accepted(await alice.client.place_limit_order(token_id=scene.yes, price="0.60", size="10", side="SELL"))
    with pytest.raises(RequestRejectedError, match="address in closed only mode"):
        await alice.client.place_limit_order(token_id=scene.yes, price="0.40", size="10", side="BUY")
