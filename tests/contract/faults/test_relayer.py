"""A relayed transaction that would have succeeded when it was sent, and does not any more when its block comes."""

from __future__ import annotations

import aiohttp
import pytest
from polymarket._internal.actions.relayer.calls import erc20_transfer_call
from polymarket.errors import PolymarketError
from polymarket.types import EvmAddress

from remora.devnet.accounts import Role, scripted
from remora.devnet.balances import collateral_of
from remora.devnet.sdk import async_client
from remora.devnet.wallets import Wallets
from remora.domain.money import ONE, Collateral
from remora.domain.wallets import WalletKind
from tests.contract.faults.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEANS = Collateral(100 * ONE)


async def test_a_batch_that_reverts_in_its_block_has_failed(scene: Scene) -> None:
    endpoints, account = scene.devnet.endpoints, scripted(Role.FOLLOWER, 20, seed=7)
    wallets = Wallets(node=scene.devnet.node, contracts=endpoints.contracts)
    wallet = await wallets.make(WalletKind.DEPOSIT, account.address)
    await scene.devnet.funding.fund([wallet], collateral=MEANS)
    transfer = erc20_transfer_call(
        token_address=EvmAddress(endpoints.contracts.collateral), recipient=EvmAddress(account.address), amount=ONE
    )
    async with await async_client(endpoints, account.private_key) as owner:
        key = await owner.create_builder_api_key()
    async with await async_client(endpoints, account.private_key, wallet=wallet, api_key=key) as client:
        await scene.inject("block-time", seconds=600)
        try:
            handle = await client.execute_transaction(calls=[transfer])
            await scene.inject("pause-token")
        finally:
            await scene.inject("block-time", seconds=0.2)
        with pytest.raises(PolymarketError):
            await handle.wait()
        url = f"{endpoints.relayer_url}/v1/account/transactions/{handle.transaction_id}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (await response.json())["state"] == "STATE_FAILED"
    await scene.inject("pause-token", paused=False)
    assert await collateral_of(scene.devnet.node, endpoints.contracts, wallet) == MEANS
