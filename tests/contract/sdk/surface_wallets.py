"""One case for each method about keys, wallets and session keys, and for what a client tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from polymarket import RequestRejectedError
from polymarket._internal.actions.relayer.calls import erc20_transfer_call
from polymarket.types import EvmAddress

from remora.devnet.accounts import Role, scripted
from remora.devnet.balances import shares_of
from remora.devnet.endpoints import Market, Version
from remora.devnet.generations import exchange_versions
from remora.devnet.markets import NO_WINS, MarketTerms, resolve_market
from remora.domain.ids import TokenId
from remora.domain.money import ONE, Shares
from tests.contract.sdk.stage import Stage, U
from tests.contract.sdk.surface_trading import Case

_MAX = "max"
KEY = EvmAddress(scripted(Role.FOLLOWER, 0, seed=10).address)


async def create(stage: Stage) -> None:
    client: Any = stage.client
    assert (client.wallet.lower(), client.signer.lower()) == (stage.wallet, stage.account.address)
    assert (client.wallet_type, client.environment.name) == ("DEPOSIT_WALLET", "remora devnet")
    assert client.credentials.key in await stage.ask("fetch_api_keys")


async def environment(stage: Stage) -> None:
    client: Any = stage.client
    assert client.environment.name == "remora devnet"


async def close(stage: Stage) -> None:
    async with stage.another(101) as another:
        await stage.flavour.call(another, "close")  # and once more at the end


async def end_authentication(stage: Stage) -> None:
    async with stage.another(102) as another:
        public = await stage.flavour.call(another, "end_authentication")
        assert (await stage.flavour.call(public, "get_order_book", token_id=stage.yes)).asset_id == stage.yes
        await stage.flavour.call(public, "close")


async def delete_api_key(stage: Stage) -> None:
    async with stage.another(103) as another:
        await stage.flavour.call(another, "delete_api_key")
        with pytest.raises(RequestRejectedError, match="Unauthorized/Invalid api key"):
            await stage.flavour.call(another, "fetch_api_keys")


async def builder_keys(stage: Stage) -> None:
    created = await stage.ask("create_builder_api_key")
    assert created.key in {key.key for key in await stage.ask("fetch_builder_api_keys")}
    async with stage.another(104, api_key=created) as another:
        await stage.flavour.call(another, "revoke_builder_api_key")
    assert created.key not in {key.key for key in await stage.ask("fetch_builder_api_keys")}


async def approve_erc20(stage: Stage) -> None:
    contracts = stage.contracts
    terms = {"token_address": contracts.collateral, "spender_address": contracts.exchange}
    await stage.done("approve_erc20", **terms, amount=_MAX)
    with pytest.raises(RequestRejectedError, match="call blocked: approvals must be MaxUint256"):
        await stage.ask("approve_erc20", **terms, amount=U)


async def approve_erc1155_for_all(stage: Stage) -> None:
    contracts = stage.contracts
    await stage.done(
        "approve_erc1155_for_all",
        token_address=contracts.conditional_tokens,
        operator_address=contracts.neg_risk_exchange,
    )
    with pytest.raises(RequestRejectedError, match="call blocked: unlisted spender"):
        await stage.ask("approve_erc1155_for_all", token_address=contracts.conditional_tokens, operator_address=KEY)


async def transfer_erc20(stage: Stage) -> None:
    before = await stage.has_collateral()
    await stage.done("transfer_erc20", token_address=stage.contracts.collateral, recipient_address=KEY, amount=3 * U)
    assert await stage.has_collateral() == before - 3 * U


async def execute_transaction(stage: Stage) -> None:
    before = await stage.has_collateral()
    token = EvmAddress(stage.contracts.collateral)
    calls = [erc20_transfer_call(token_address=token, recipient=KEY, amount=amount) for amount in (U, 2 * U)]
    outcome = await stage.done("execute_transaction", calls=calls)
    receipt = await stage.devnet.node.call("eth_getTransactionReceipt", outcome.transaction_hash)
    assert int(receipt["status"], 16) == 1
    assert await stage.has_collateral() == before - 3 * U


async def setup_trading_approvals(stage: Stage) -> None:
    await stage.ask("setup_trading_approvals")
    await stage.ask("setup_trading_approvals")  # what is approved stays so
    assert (await stage.buy()).status == "matched"


async def setup_gasless_wallet(stage: Stage) -> None:
    same = await stage.ask("setup_gasless_wallet")
    assert same.wallet.lower() == stage.wallet


async def is_gasless_ready(stage: Stage) -> None:
    assert await stage.ask("is_gasless_ready") is True


async def get_trading_approvals_state(stage: Stage) -> None:
    own, nobodys = [
        {each.spender.lower() for each in (await stage.ask("get_trading_approvals_state", wallet=wallet)).missing.erc20}
        for wallet in (stage.wallet, KEY)
    ]
    exchanges = exchange_versions(stage.contracts).keys()
    assert not exchanges & own
    assert exchanges <= nobodys


async def held(stage: Stage, market: Market) -> tuple[int, ...]:
    """Return the wallet's YES, NO and collateral in base units."""
    tokens = (TokenId(market.yes_token_id), TokenId(market.no_token_id))
    shares = [(await shares_of(stage.devnet.node, stage.contracts, stage.wallet, token)).units for token in tokens]
    return *shares, await stage.has_collateral()


async def positions(stage: Stage) -> None:
    await stage.ask("setup_trading_approvals")
    yes, no, collateral = await held(stage, stage.market)
    terms = {"condition_id": stage.market.condition_id}
    await stage.done("split_position", **terms, amount=5 * U)
    assert await held(stage, stage.market) == (yes + 5 * U, no + 5 * U, collateral - 5 * U)
    await stage.done("merge_positions", **terms, amount=2 * U)
    assert await held(stage, stage.market) == (yes + 3 * U, no + 3 * U, collateral - 3 * U)
    await stage.done("merge_multiple_positions", positions=[{**terms, "amount": 3 * U}])
    assert await held(stage, stage.market) == (yes, no, collateral)


async def redeem_positions(stage: Stage) -> None:
    await stage.ask("setup_trading_approvals")
    versions: tuple[Version, ...] = ("v1", "v2")
    for version in versions:
        terms = MarketTerms(question=f"Does {stage.flavour.name} redeem {version}?", version=version)
        market, collateral = await stage.devnet.open_market(terms), await stage.has_collateral()
        await stage.devnet.funding.split(stage.wallet, market, Shares(7 * ONE))
        await resolve_market(stage.devnet.node, stage.contracts, market, NO_WINS)
        await stage.devnet.clob.catch_up()
        await stage.done("redeem_positions", condition_id=market.condition_id)
        assert await held(stage, market) == (0, 0, collateral)


async def session_keys(stage: Stage) -> None:
    granted = (await stage.ask("authorize_session_key", address=KEY, scopes=["CLOB"])).session_key
    assert await stage.ask("fetch_session_keys") == (granted,)
    await stage.ask("revoke_session_key", address=KEY)
    assert await stage.ask("fetch_session_keys") == ()


WALLETS: Mapping[str, Case] = {
    **dict.fromkeys(("create", "credentials", "signer", "wallet", "wallet_type", "fetch_api_keys"), create),
    "environment": environment,
    "close": close,
    "end_authentication": end_authentication,
    "delete_api_key": delete_api_key,
    **dict.fromkeys(("create_builder_api_key", "fetch_builder_api_keys", "revoke_builder_api_key"), builder_keys),
    "approve_erc20": approve_erc20,
    "approve_erc1155_for_all": approve_erc1155_for_all,
    "transfer_erc20": transfer_erc20,
    "execute_transaction": execute_transaction,
    "setup_trading_approvals": setup_trading_approvals,
    "setup_gasless_wallet": setup_gasless_wallet,
    "is_gasless_ready": is_gasless_ready,
    "get_trading_approvals_state": get_trading_approvals_state,
    **dict.fromkeys(("split_position", "merge_positions", "merge_multiple_positions"), positions),
    "redeem_positions": redeem_positions,
    **dict.fromkeys(("authorize_session_key", "fetch_session_keys", "revoke_session_key"), session_keys),
}
