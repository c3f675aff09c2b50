"""The official SDK meets the venue's limits: it reads what is left, and raises its own error when nothing is."""

from __future__ import annotations

import asyncio

import pytest
from polymarket import AsyncSecureClient, RateLimitError, RateLimitUpdate

from remora.devnet.accounts import Role, scripted
from remora.devnet.launcher import Devnet
from remora.devnet.sdk import environment

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN_ORDER = "0x" + "11" * 32
#: Twice as many in two requests take 1.5 s to be allowed again.
MANY = [f"0x{number:064x}" for number in range(118)]


async def test_a_signer_hears_what_is_left_until_it_is_refused(devnet: Devnet) -> None:
    dave, heard = scripted(Role.LEADER, 3, seed=1), list[RateLimitUpdate]()
    client = await AsyncSecureClient.create(
        private_key=dave.private_key,
        wallet=dave.address,
        environment=environment(devnet.endpoints),
        on_rate_limit_update=heard.append,
    )
    async with client:
        await client.cancel_order(order_id=UNKNOWN_ORDER)
        assert (heard[-1].remaining, heard[-1].tier, heard[-1].warning) == (119, "Standard", False)
        await client.cancel_orders(order_ids=MANY)
        with pytest.raises(RateLimitError) as caught:
            await client.cancel_orders(order_ids=MANY)
        assert caught.value.retry_after in (1, 2)
        assert caught.value.rate_limit is not None
        assert caught.value.rate_limit == heard[-1]

        await asyncio.sleep(caught.value.retry_after)
        assert (await client.cancel_order(order_id=UNKNOWN_ORDER)).canceled == ()
