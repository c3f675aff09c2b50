"""A devnet that is asked over its control API, and people who trade there with what it answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from polymarket import AcceptedOrder, AsyncSecureClient, OrderResponse

from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.launcher import Devnet
from remora.devnet.sdk import async_client
from remora.domain.ids import Address, TokenId

U = 1_000_000
PATIENCE_S = 20
_POLL_S = 0.02
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A devnet and a hand on its control API."""

    devnet: Devnet

    async def control(self, method: str, path: str, body: object = None) -> tuple[HTTPStatus, Any]:
        """Ask the control API; return status and JSON."""
        url = self.devnet.endpoints.control_url + path
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
            return HTTPStatus(response.status), await response.json()

    async def asked(self, method: str, path: str, body: object = None) -> Json:
        """Ask for something that is granted."""
        status, answered = await self.control(method, path, body)
        assert status is HTTPStatus.OK, answered
        return dict(answered)

    async def places(self, path: str, body: object) -> list[list[str | int]]:
        """Ask for something that is refused; return what is wrong with it."""
        status, answered = await self.control("POST", path, body)
        assert status is HTTPStatus.BAD_REQUEST, answered
        return [problem["place"] for problem in answered["problems"]]

    async def accounts(self, **terms: Any) -> list[Json]:
        """Have accounts made."""
        return list((await self.asked("POST", "/accounts", terms))["accounts"])

    async def market(self, question: str, **terms: Any) -> Json:
        """Have a market opened."""
        (market,) = (await self.asked("POST", "/markets", {"markets": [{"question": question, **terms}]}))["opened"]
        return dict(market)

    @asynccontextmanager
    async def trading(self, account: Json) -> AsyncIterator[AsyncSecureClient]:
        """Trade with an account as the control API answered with it."""
        client = await async_client(self.devnet.endpoints, account["private_key"], wallet=Address(account["address"]))
        async with client:
            yield client

    async def collateral(self, wallet: str) -> int:
        """Return a wallet's collateral on chain, in base units."""
        return (await collateral_of(self.devnet.node, self.devnet.endpoints.contracts, Address(wallet))).units

    async def shares(self, wallet: str, token: str) -> int:
        """Return a wallet's shares on chain, in base units."""
        contracts = self.devnet.endpoints.contracts
        return (await shares_of(self.devnet.node, contracts, Address(wallet), TokenId(int(token)))).units


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
