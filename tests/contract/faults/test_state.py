"""What wallets have, and what contracts let happen, is changed behind everybody's back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from eth_abi.abi import decode
from polymarket.errors import PolymarketError

from remora.devnet.abi import calldata
from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.control.faults import FaultControl
from remora.devnet.deployment import OWNER
from remora.devnet.faults.board import Board
from remora.devnet.faults.fault import Instant
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.transactions import Act, transact
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId
from tests.contract.faults.scene import NATIVE, Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000
SHORTAGE = "not enough balance / allowance"


@pytest.mark.shows("set-collateral")
@pytest.mark.parametrize("amount", ["12.5", "3000000"])
async def test_collateral_is_what_was_set_and_the_nonce_is_what_it_was(scene: Scene, bob: Person, amount: str) -> None:
    node, contracts = scene.devnet.node, scene.devnet.endpoints.contracts
    nonce = await node.call("eth_getTransactionCount", bob.wallet, "latest")
    before = await collateral_of(node, contracts, bob.wallet)
    await scene.inject("set-collateral", wallet=bob.wallet, amount=amount)
    assert str(await collateral_of(node, contracts, bob.wallet)) == amount
    assert await node.call("eth_getTransactionCount", bob.wallet, "pending") == nonce
    await scene.inject("set-collateral", wallet=bob.wallet, amount=str(before))
    await transact(node, [Act(sender=bob.wallet, to=OWNER, data=b"")])


@pytest.mark.shows("set-shares")
@pytest.mark.parametrize("amount", ["0", "1500.25"])
async def test_shares_are_what_was_set(scene: Scene, bob: Person, amount: str) -> None:
    await scene.inject("set-shares", wallet=bob.wallet, token=scene.yes, amount=amount)
    token_id = TokenId(scene.market.yes_token_id)
    held = await shares_of(scene.devnet.node, scene.devnet.endpoints.contracts, bob.wallet, token_id)
    assert str(held) == amount


@pytest.mark.shows("set-allowance", "set-approval")
async def test_allowances_and_approvals_are_what_was_set_as_the_sdk_sees_them(scene: Scene, bob: Person) -> None:
    exchange = scene.devnet.endpoints.contracts.exchange
    await scene.inject("set-allowance", wallet=bob.wallet, spender="exchange", amount="7")
    await scene.inject("set-approval", wallet=bob.wallet, spender="exchange")

    async def is_seen() -> bool:
        money = await bob.client.get_balance_allowance(asset_type="COLLATERAL")
        shares = await bob.client.get_balance_allowance(asset_type="CONDITIONAL", token_id=scene.yes)
        return (money.allowances[exchange], shares.allowances[exchange]) == (7 * U, 0)

    try:
        await eventually(is_seen)
    finally:
        await scene.devnet.funding.fund([bob.wallet], native=NATIVE, approve_exchanges=True)


@pytest.mark.shows("pause-token")
@pytest.mark.parametrize(
    ("contract", "signature", "tail"),
    [
        ("collateral", "transfer(address,uint256)", (1,)),
        ("conditional_tokens", "safeTransferFrom(address,address,uint256,uint256,bytes)", ()),
    ],
)
async def test_a_paused_token_refuses_transfers_and_answers_balances(
    scene: Scene, bob: Person, contract: str, signature: str, tail: tuple[int, ...]
) -> None:
    node, contracts = scene.devnet.node, scene.devnet.endpoints.contracts
    token_id = TokenId(scene.market.yes_token_id)
    arguments = (OWNER, *tail) if tail else (bob.wallet, OWNER, token_id, 1, b"")
    move = {
        "from": bob.wallet,
        "to": getattr(contracts, contract),
        "data": "0x" + calldata(signature, *arguments).hex(),
    }
    held = await shares_of(node, contracts, bob.wallet, token_id), await collateral_of(node, contracts, bob.wallet)
    await scene.inject("pause-token", contract=contract)
    try:
        with pytest.raises(Refused, match="paused"):
            await node.call("eth_call", move, "latest")
        assert any(await node.view(Address(getattr(contracts, contract)), calldata("paused()")))
        still = await shares_of(node, contracts, bob.wallet, token_id), await collateral_of(node, contracts, bob.wallet)
        assert still == held
    finally:
        await scene.inject("pause-token", contract=contract, paused=False)
    await node.call("eth_call", move, "latest")


async def test_a_match_on_a_paused_token_fails_on_chain(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("pause-token")
    try:
        accepted(await scene.buys(bob))
        await eventually(lambda: _is(scene, bob, "FAILED"))
    finally:
        await scene.inject("pause-token", paused=False)


class SlowDeeds:
    """A deed that takes its time, and what was done in which order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    def check(self, _fault: Instant) -> str | None:
        return None

    async def do(self, fault: Instant) -> None:
        self.begun.set()
        await self.may_end.wait()
        self.done.append(fault.name)

    async def mend(self) -> None:
        self.done.append("mend")


async def test_a_pause_that_is_just_being_set_does_not_outlast_its_end() -> None:
    deeds, application = SlowDeeds(), web.Application()
    application.add_routes(FaultControl(Board(time.monotonic), deeds, asyncio.Lock()).routes())
    async with TestClient(TestServer(application)) as client:
        setting = asyncio.ensure_future(client.post("/faults", json={"faults": [{"fault": "pause-token"}]}))
        await deeds.begun.wait()
        ending = asyncio.ensure_future(client.delete("/faults"))
        await asyncio.wait({ending}, timeout=0.2)
        deeds.may_end.set()
        await asyncio.gather(setting, ending)
    assert deeds.done == ["pause-token", "mend"]


@pytest.mark.shows("pause-exchange")
async def test_a_match_on_a_paused_exchange_fails_on_chain(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("pause-exchange")
    try:
        accepted(await scene.buys(bob))
        await eventually(lambda: _is(scene, bob, "FAILED"))
    finally:
        await scene.inject("pause-exchange", paused=False)


@pytest.mark.shows("block-time")
async def test_blocks_come_at_another_interval(scene: Scene) -> None:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as devnet:
        its_own = replace(scene, devnet=devnet)
        began = time.monotonic()
        await its_own.inject("block-time", seconds=1.5)
        start = int(await devnet.node.call("eth_blockNumber"), 16)
        await eventually(lambda: _reaches(its_own, start + 2))
        assert time.monotonic() - began > 2.5  # the second block is 3 s after the change; at 1 s it would be 2 s
        began = time.monotonic()
        await its_own.inject("block-time", seconds=0.25)
        start = int(await devnet.node.call("eth_blockNumber"), 16)
        await eventually(lambda: _reaches(its_own, start + 8))
        assert 1.75 < time.monotonic() - began < 7  # at 1 s it would be at least 7


async def test_an_order_for_money_that_is_gone_is_refused(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("set-collateral", wallet=bob.wallet, amount="5")
    await eventually(lambda: _reaches_for(scene, bob, 5 * U, asset_type="COLLATERAL"))
    with pytest.raises(PolymarketError, match=SHORTAGE):
        await scene.buys(bob)  # for 5.20
    await scene.inject("set-collateral", wallet=bob.wallet, amount="1000000")
    accepted(await scene.buys(bob))


async def test_an_order_for_shares_that_are_gone_is_refused(scene: Scene, bob: Person) -> None:
    await scene.inject("set-shares", wallet=bob.wallet, token=scene.yes, amount="5")
    await eventually(lambda: _reaches_for(scene, bob, 5 * U, asset_type="CONDITIONAL", token_id=scene.yes))
    with pytest.raises(PolymarketError, match=SHORTAGE):
        await scene.rests(bob, size="10")
    await scene.rests(bob, size="5")


async def test_an_allowance_that_is_gone_is_given_again_by_the_sdk(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("set-allowance", wallet=bob.wallet, spender="exchange", amount="5")
    await eventually(lambda: _reaches_for(scene, bob, 5 * U, asset_type="COLLATERAL"))
    accepted(await scene.buys(bob))  # for 5.20
    assert not await _reaches_for(scene, bob, 5 * U, asset_type="COLLATERAL")


async def _reaches_for(scene: Scene, person: Person, units: int, **asset: Any) -> bool:
    """Tell whether the venue knows that the exchange can take so much of somebody's, and no more."""
    found = await person.client.get_balance_allowance(**asset)
    return min(found.balance, found.allowances[scene.devnet.endpoints.contracts.exchange]) == units


async def _is(scene: Scene, person: Person, status: str) -> bool:
    return await scene.trade_statuses(person) == [status]


async def _reaches(scene: Scene, number: int) -> bool:
    return int(await scene.devnet.node.call("eth_blockNumber"), 16) >= number


async def test_the_venue_keeps_the_address_of_a_contract_that_is_paused(scene: Scene) -> None:
    collateral = Address(scene.devnet.endpoints.contracts.collateral)
    before = await scene.devnet.node.call("eth_getCode", collateral, "latest")
    await scene.inject("pause-token")
    await scene.inject("pause-token")
    assert await scene.devnet.node.call("eth_getCode", collateral, "latest") != before
    await scene.inject("pause-token", paused=False)
    assert await scene.devnet.node.call("eth_getCode", collateral, "latest") == before


@pytest.mark.shows("depeg")
async def test_the_price_feed_says_what_the_collateral_is_worth(scene: Scene) -> None:
    node, feed = scene.devnet.node, Address(scene.devnet.endpoints.contracts.price_feed)

    async def told() -> tuple[Any, ...]:
        types = ("uint80", "int256", "uint256", "uint256", "uint80")
        return decode(types, await node.view(feed, calldata("latestRoundData()")))

    assert (await told())[1] == 10**8
    await scene.inject("depeg", price="0.987654")
    round_id, answer, _, told_s, _ = await told()
    assert answer == 98_765_400
    assert abs(told_s - time.time()) < 7_200
    await scene.inject("depeg", price="1")
    assert (await told())[:2] == (round_id + 1, 10**8)
