"""A new market in which two people with SDK clients meet, and a hand on the devnet's control API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
import pytest
from _pytest.mark import ParameterSet
from polymarket import AcceptedOrder, AsyncSecureClient, OrderResponse

from remora.devnet.accounts import DevnetAccount
from remora.devnet.endpoints import Market
from remora.devnet.launcher import Devnet
from remora.domain.ids import Address
from remora.domain.money import Wei

PATIENCE_S = 15
NATIVE = Wei.parse("1000")
"""What a person has of the native coin: enough for the gas of every test, in whatever order."""
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account with its SDK client."""

    account: DevnetAccount
    client: AsyncSecureClient

    @property
    def wallet(self) -> Address:
        return self.account.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A devnet, a market of its own, and who trades in it."""

    devnet: Devnet
    market: Market
    alice: Person
    bob: Person

    @property
    def yes(self) -> str:
        return str(self.market.yes_token_id)

    async def control(self, method: str, path: str, body: object = None) -> tuple[HTTPStatus, Any]:
        """Ask the control API; return status and JSON."""
        url = self.devnet.endpoints.control_url + path
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
            return HTTPStatus(response.status), await response.json()

    async def inject(self, fault: str, **parameters: object) -> list[dict[str, Any]]:
        """Inject a fault over the control API."""
        status, answered = await self.control("POST", "/faults", {"faults": [{"fault": fault, **parameters}]})
        assert status is HTTPStatus.OK, answered
        injected: list[dict[str, Any]] = answered["injected"]
        return injected

    async def rests(
        self, person: Person, *, side: Literal["BUY", "SELL"] = "SELL", price: str = "0.52", size: str = "100"
    ) -> str:
        """Have somebody place an order that rests; return its id."""
        order = await person.client.place_limit_order(token_id=self.yes, price=price, size=size, side=side)
        return accepted(order).order_id

    async def buys(self, person: Person, amount: str = "5.20") -> OrderResponse:
        """Have somebody take what rests, 10 shares at 0.52 by default."""
        return await person.client.place_market_order(token_id=self.yes, side="BUY", amount=amount, max_price="0.55")

    async def open_orders(self, person: Person) -> list[str]:
        """Return the ids of somebody's resting orders here."""
        page = await person.client.list_open_orders(market=self.market.condition_id).first_page()
        return [order.id for order in page.items]

    async def trade_statuses(self, person: Person) -> list[str]:
        """Return how far somebody's trades here are."""
        page = await person.client.list_account_trades(market=self.market.condition_id).first_page()
        return [trade.status for trade in page.items]


def accepted(response: OrderResponse) -> AcceptedOrder:
    assert isinstance(response, AcceptedOrder), response
    return response


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await holds():
                return
            await asyncio.sleep(_POLL_S)


def showing(fault: str, *parameters: object) -> ParameterSet:
    """Return a test's parameters, a fault and others, with the mark that the test shows that fault."""
    return pytest.param(fault, *parameters, marks=pytest.mark.shows(fault))
