"""A wallet that approved nothing: the SDK sends the approval itself, through the devnet's node, and posts again."""

from __future__ import annotations

import pytest

from remora.devnet.accounts import Role, scripted
from remora.devnet.launcher import Devnet
from remora.devnet.sdk import async_client
from remora.domain.money import ONE, Collateral
from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_missing_approval_is_made_on_the_way(open_pit: OpenPit, devnet: Devnet, alice: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="SELL"))
    carol = scripted(Role.LEADER, 2, seed=1)
    await devnet.funding.fund([carol.address], collateral=Collateral(100 * ONE))

    async with await async_client(devnet.endpoints, carol.private_key) as client:
        before = await client.get_balance_allowance(asset_type="COLLATERAL")
        assert set(before.allowances.values()) == {0}
        await Trader(wallet=carol.address, client=client).settled(
            await client.place_market_order(token_id=pit.yes, side="BUY", amount="5", max_price="0.50")
        )
        after = await client.get_balance_allowance(asset_type="COLLATERAL")

    exchange = devnet.endpoints.contracts.exchange
    assert {spender.lower(): allowed > 0 for spender, allowed in after.allowances.items()}[exchange]
    assert await pit.balances_of(carol.address) == Balances(95 * ONE, 10 * ONE, 0)
