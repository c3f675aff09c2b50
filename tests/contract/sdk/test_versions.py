"""An order that is signed for another exchange, or version of its domain, is told apart from a wrong signature."""

from __future__ import annotations

import dataclasses
from operator import attrgetter

import pytest
from eth_account import Account
from polymarket import RequestRejectedError
from polymarket._internal.actions.orders.post import build_post_order_request

from remora.devnet.accounts import Role, scripted
from remora.devnet.clob.orders import parse_request
from remora.devnet.clob.signing import exchange_domain, order_digest
from remora.devnet.endpoints import Version
from tests.contract.sdk.pit import OpenPit, Trader

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("market", "signed_for", "words"),
    [
        ("v1", ("exchange", "1"), "order_version_mismatch"),
        ("v1", ("exchange", "3"), "order_version_mismatch"),
        ("v1", ("exchange_v3", "3"), "order_version_mismatch"),
        ("v1", ("exchange", "4"), "invalid signature"),
        ("v2", ("exchange", "2"), "order_version_mismatch"),
        ("v2", ("exchange_v3", "2"), "order_version_mismatch"),
        ("v2", ("router", "3"), "invalid signature"),
    ],
)
async def test_the_version_is_named(
    open_pit: OpenPit, alice: Trader, market: Version, signed_for: tuple[str, str], words: str
) -> None:
    pit = await open_pit(version=market)
    client = alice.client
    order = await client.create_limit_order(token_id=pit.yes, side="BUY", price="0.40", size="10")
    _, payload = build_post_order_request(order, owner_api_key=client.credentials.key)
    endpoints = pit.devnet.endpoints
    contract, version = signed_for
    domain = exchange_domain(endpoints.chain_id, attrgetter(contract)(endpoints.contracts), version)
    digest = order_digest(parse_request(payload).order, domain)
    signed = Account.unsafe_sign_hash(digest, scripted(Role.LEADER, 0, seed=1).private_key)
    with pytest.raises(RequestRejectedError, match=words):
        await client.post_order(dataclasses.replace(order, signature="0x" + signed.signature.hex()))
