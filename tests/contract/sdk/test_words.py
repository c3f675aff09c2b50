"""Every word in which the venue refuses (its error page) can be had from the devnet, and reaches who uses the SDK.

Reasons of the order book, which have a second form, are also in `test_rejections.py`; here each string has one row.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_account import Account
from polymarket import PolymarketError, RejectedOrder
from polymarket._internal.actions.auth import build_l1_auth_headers
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.l1_auth import sign_api_key_auth

from remora.devnet.accounts import Role, scripted
from remora.devnet.clob.orders import parse_request
from remora.devnet.clob.signing import exchange_domain, order_digest
from remora.devnet.launcher import Devnet
from remora.devnet.markets import MarketTerms
from remora.devnet.sdk import async_client
from remora.domain.money import ONE, Collateral, Shares
from tests.contract.sdk.pit import Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

ZERO = "0x" + "00" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A market with ten YES offered for 0.50, and one who asks for them in the wrong way."""

    devnet: Devnet
    yes: str
    alice: Trader
    bob: Trader

    async def limit(self, *, price: str = "0.40", size: str = "10", **terms: Any) -> Any:
        placed = await self.bob.client.place_limit_order(token_id=self.yes, side="BUY", price=price, size=size, **terms)
        return told(placed)

    async def take(self, amount: str, price: str, kind: Any = "FAK") -> Any:
        return told(
            await self.bob.client.place_market_order(
                token_id=self.yes, side="BUY", amount=amount, max_price=price, order_type=kind
            )
        )

    async def body(self) -> dict[str, Any]:
        """Return the body of an order as the SDK would post it."""
        signed = await self.bob.client.create_limit_order(token_id=self.yes, side="BUY", price="0.40", size="10")
        _, body = build_post_order_request(signed, owner_api_key=self.bob.client.credentials.key)
        return {**body}

    async def raw(self, changes: Mapping[str, object], **outer: object) -> None:
        """Post an order that differs from what the SDK makes, and is signed all the same."""
        body = await self.body()
        body |= {"order": {**body["order"], **changes}, **outer}
        if "side" not in changes:
            body["order"]["signature"] = self.signature(body)
        await self.post("/order", body)

    def signature(self, body: Mapping[str, Any]) -> str:
        endpoints = self.devnet.endpoints
        domain = exchange_domain(endpoints.chain_id, endpoints.contracts.exchange, "2")
        digest = order_digest(parse_request(body).order, domain)
        key = scripted(Role.LEADER, 1, seed=1).private_key
        return f"0x{Account.unsafe_sign_hash(digest, key).signature.hex()}"

    async def post(self, path: str, body: Any) -> None:
        answered = await self.bob.client._ctx.secure_clob.post_json(path, json=body)
        if isinstance(answered, dict) and answered.get("success") is False:
            raise Told(answered["errorMsg"])

    @asynccontextmanager
    async def fault(self, name: str, **parameters: object) -> AsyncIterator[None]:
        url = self.devnet.endpoints.control_url + "/faults"
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json={"faults": [{"fault": name, **parameters}]}) as response:
                assert response.status == 200, await response.text()
            try:
                yield
            finally:
                async with session.delete(url) as response:
                    assert response.status == 200


class Told(Exception):
    """What the SDK returns instead of raising."""


def told(response: Any) -> Any:
    if isinstance(response, RejectedOrder):
        raise Told(response.message)
    return response


@pytest_asyncio.fixture(params=[False, True], ids=["as an error", "in the body"], scope="session", loop_scope="session")
async def yes(request: pytest.FixtureRequest, devnet: Devnet, alice: Trader) -> str:
    terms = MarketTerms(question=f"Is a word kept {request.param}?", refuses_in_body=request.param)
    market = await devnet.open_market(terms)
    await devnet.funding.split(alice.wallet, market, Shares(100 * ONE))
    return str(market.yes_token_id)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(devnet: Devnet, yes: str, alice: Trader, bob: Trader) -> AsyncIterator[Scene]:
    accepted(await alice.client.place_limit_order(token_id=yes, price="0.50", size="10", side="SELL"))
    yield Scene(devnet=devnet, yes=yes, alice=alice, bob=bob)
    for trader in (alice, bob):
        await trader.client.cancel_all()


def refused(reason: str) -> Callable[[Scene], Awaitable[Any]]:
    """Return the attempt of an order that the venue's people refuse for a reason."""

    async def attempt(scene: Scene) -> None:
        async with scene.fault("refuse-orders", reason=reason, wallet=scene.bob.wallet):
            await scene.limit()

    return attempt


def struck(fault: str) -> Callable[[Scene], Awaitable[Any]]:
    """Return the attempt of an order under a fault."""

    async def attempt(scene: Scene) -> None:
        async with scene.fault(fault):
            await scene.limit()

    return attempt


async def twice(scene: Scene) -> None:
    signed = await scene.bob.client.create_limit_order(token_id=scene.yes, side="BUY", price="0.40", size="10")
    accepted(await scene.bob.client.post_order(signed))
    told(await scene.bob.client.post_order(signed))


async def without_allowance(scene: Scene) -> None:
    carol = scripted(Role.LEADER, 20, seed=1)
    await scene.devnet.funding.fund([carol.address], collateral=Collateral(100 * ONE))
    async with await async_client(scene.devnet.endpoints, carol.private_key) as client:
        signed = await client.create_limit_order(token_id=scene.yes, side="BUY", price="0.40", size="10")
        told(await client.post_order(signed))


async def sixteen(scene: Scene) -> None:
    await scene.post("/orders", [await scene.body()] * 16)


async def by_another(scene: Scene) -> None:
    body = await scene.body() | {"owner": scene.alice.client.credentials.key}
    await scene.alice.client._ctx.secure_clob.post_json("/order", json=body)


async def l1(scene: Scene, method: str, headers: Mapping[str, str]) -> None:
    url = f"{scene.devnet.endpoints.clob_url}/auth/api-key"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        raise Told((await response.json())["error"])


async def a_key_once_more(scene: Scene) -> None:
    context = scene.bob.client._ctx
    signature = sign_api_key_auth(
        signer=context.signer, chain_id=scene.devnet.endpoints.chain_id, timestamp=int(time.time()), nonce=0
    )
    await l1(scene, "POST", build_l1_auth_headers(signature))


WORDS: Mapping[str, Callable[[Scene], Awaitable[Any]]] = {
    "Invalid order payload": lambda scene: scene.raw({"side": "HOLD"}),
    "the order owner has to be the owner of the API KEY": lambda scene: scene.raw({}, owner="nobody"),
    "the order signer address has to be the address of the API KEY": by_another,
    "' address banned": refused("banned"),
    "' address in closed only mode": refused("closed-only"),
    "maker address not allowed, please use the deposit wallet flow": refused("deposit-wallets-only"),
    "Price (0.405) breaks minimum tick size rule: 0.01": lambda scene: scene.raw({"makerAmount": "4050000"}),
    "Size (1) lower than the minimum: 5": lambda scene: scene.limit(size="1"),
    "is invalid. Duplicated.": twice,
    "not enough balance / allowance: the balance is not enough -> ": lambda scene: scene.limit(size="900000000"),
    "not enough balance / allowance: the allowance is not enough -> spender: ": without_allowance,
    "invalid nonce": refused("invalid-nonce"),
    "invalid expiration": lambda scene: scene.raw({"expiration": "1"}, orderType="GTD"),
    "invalid post-only order: order crosses book": lambda scene: scene.limit(price="0.50", post_only=True),
    "order couldn't be fully filled. FOK orders are fully filled or killed.": lambda s: s.take("6", "0.50", "FOK"),
    "no orders found to match with FAK order.": lambda scene: scene.take("5", "0.40"),
    "the market is not yet ready to process new orders": refused("not-ready"),
    "order match delayed due to market conditions": refused("stalled"),
    "invalid amount for a marketable BUY order ($0.5), min size: $1": lambda scene: scene.take("0.50", "0.50"),
    "the market buy orders maker amount supports a max accuracy of 2 decimals": lambda scene: scene.raw(
        {"makerAmount": "5005000", "takerAmount": "10010000"}, orderType="FAK"
    ),
    "Too many orders in payload: 16, max allowed: 15": sixteen,
    "post-only mode: only post-only orders and cancels are allowed": struck("post-only"),
    "cancel-only": struck("cancel-only"),
    "engine is restarting": struck("restarting"),
    "was rate limited": struck("rate-limited"),
    "No orderbook exists for the requested token id": lambda s: s.bob.client.get_order_book(token_id=str(2**255)),
    "Unauthorized/Invalid api key": lambda scene: l1(scene, "DELETE", {}),
    "Invalid L1 Request headers": lambda scene: l1(scene, "POST", {}),
    "Could not create api key": a_key_once_more,
}


@pytest.mark.parametrize("words", WORDS)
async def test_the_venues_words_are_heard(scene: Scene, words: str) -> None:
    with pytest.raises((PolymarketError, Told), match=re.escape(words)):
        await WORDS[words](scene)


async def test_closed_only_is_shown_while_the_fault_lasts(scene: Scene) -> None:
    async with scene.fault("refuse-orders", reason="closed-only", wallet=scene.bob.wallet):
        assert await scene.bob.client.get_closed_only_mode() is True
        assert await scene.alice.client.get_closed_only_mode() is False
    assert await scene.bob.client.get_closed_only_mode() is False
