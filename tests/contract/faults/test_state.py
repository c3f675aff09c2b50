"""What wallets have, and what contracts let happen, is changed behind everybody's back."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from remora.devnet.abi import calldata
from remora.devnet.balances import collateral_of, shares_of
from remora.devnet.deployment import OWNER
from remora.devnet.launcher import DevnetConfig, running_devnet
from remora.devnet.transactions import Act, transact
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId
from tests.contract.faults.scene import Person, Scene, accepted, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000


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


@pytest.mark.parametrize("amount", ["0", "1500.25"])
async def test_shares_are_what_was_set(scene: Scene, bob: Person, amount: str) -> None:
    await scene.inject("set-shares", wallet=bob.wallet, token=scene.yes, amount=amount)
    token_id = TokenId(scene.market.yes_token_id)
    held = await shares_of(scene.devnet.node, scene.devnet.endpoints.contracts, bob.wallet, token_id)
    assert str(held) == amount


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
        await scene.devnet.funding.fund([bob.wallet], approve_exchanges=True)


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


async def test_a_match_on_a_paused_exchange_fails_on_chain(scene: Scene, alice: Person, bob: Person) -> None:
    await scene.rests(alice)
    await scene.inject("pause-exchange")
    try:
        accepted(await scene.buys(bob))
        await eventually(lambda: _is(scene, bob, "FAILED"))
    finally:
        await scene.inject("pause-exchange", paused=False)


async def test_blocks_come_at_another_interval(scene: Scene) -> None:
    async with running_devnet(DevnetConfig(block_time_s=0.2, markets=())) as devnet:
        its_own = replace(scene, devnet=devnet)
        await its_own.inject("block-time", seconds=1)
        start, began = int(await devnet.node.call("eth_blockNumber"), 16), time.monotonic()
        await eventually(lambda: _reaches(its_own, start + 3))
        assert time.monotonic() - began > 1.5  # at 0.2 s it would be 0.6 s


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
