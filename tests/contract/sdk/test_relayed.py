"""Safes, proxy wallets and deposit wallets through the relayer: made, commanded by what their owners sign, refused."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from eth_account import Account
from polymarket import BuilderApiKey, RelayerApiKey, RequestRejectedError, TransactionFailedError, UserInputError
from polymarket._internal.actions.relayer.calls import TransactionCall, erc20_approval_call, erc20_transfer_call
from polymarket._internal.actions.relayer.gasless import build_signed_payload_for_wallet_type
from polymarket._internal.actions.relayer.poll import poll_until_terminal
from polymarket._internal.actions.relayer.submit import is_retryable_submit_error, submit_gasless
from polymarket.types import EvmAddress

from remora.devnet.abi import calldata
from remora.devnet.accounts import DevnetAccount, Role, scripted
from remora.devnet.balances import collateral_of
from remora.devnet.launcher import Devnet, DevnetConfig, running_devnet
from remora.devnet.sdk import async_client, environment
from remora.devnet.wallet_factories import wallet_factories
from remora.devnet.wallets import Wallets
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral
from remora.domain.wallets import WalletKind
from tests.contract.sdk.flavours import Flavour
from tests.contract.sdk.pit import OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000
MEANS = Collateral(100 * ONE)
NOBODY = EvmAddress("0x" + "ab" * 20)
SECURE = (Flavour.ASYNC, Flavour.BLOCKING)
KINDS = (WalletKind.PROXY, WalletKind.SAFE, WalletKind.DEPOSIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """A wallet with means, and its owner's client with a key for the relayer."""

    devnet: Devnet
    flavour: Flavour
    client: Any
    wallet: Address

    async def execute(self, *calls: TransactionCall) -> Any:
        return await self.flavour.call(self.client, "execute_transaction", calls=[*calls])

    async def wait(self, handle: Any) -> Any:
        return await self.flavour.call(handle, "wait")

    def transfer(self, amount: int) -> TransactionCall:
        token = EvmAddress(self.devnet.endpoints.contracts.collateral)
        return erc20_transfer_call(token_address=token, recipient=NOBODY, amount=amount)

    async def has(self) -> int:
        return (await collateral_of(self.devnet.node, self.devnet.endpoints.contracts, self.wallet)).units

    async def shown(self, transaction_id: str) -> dict[str, Any]:
        async with aiohttp.ClientSession(self.devnet.endpoints.relayer_url) as session:
            return await fetched(session, f"/v1/account/transactions/{transaction_id}")

    async def confirmed(self, transaction_id: str) -> None:
        await poll_until_terminal(
            self.client._ctx.relayer,
            transaction_id=transaction_id,
            fallback_hash=None,
            max_polls=300,
            poll_delay_s=0.1,
        )


async def fetched(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with session.get(path) as response:
        shown: dict[str, Any] = await response.json()
        return shown


def owner(index: int) -> DevnetAccount:
    return scripted(Role.FOLLOWER, index, seed=11)


async def builder_key(devnet: Devnet, account: DevnetAccount) -> BuilderApiKey:
    async with await async_client(devnet.endpoints, account.private_key) as client:
        return await client.create_builder_api_key()


async def relayer_key(devnet: Devnet, account: DevnetAccount) -> RelayerApiKey:
    """Ask the order book for a relayer key, as the venue's website would."""
    async with await async_client(devnet.endpoints, account.private_key) as client:
        issued = await client._ctx.secure_clob.post_json("/auth/relayer-api-key")
    assert isinstance(issued, dict)
    return RelayerApiKey(key=str(issued["key"]), address=EvmAddress(str(issued["address"])))


@asynccontextmanager
async def relayed(
    devnet: Devnet,
    kind: WalletKind | None,
    index: int,
    flavour: Flavour = Flavour.ASYNC,
    *,
    made: bool = True,
    **terms: Any,
) -> AsyncIterator[Relayed]:
    """Open an owner's client for a wallet of some kind, or for the plain account where there is none."""
    account, contracts = owner(index), devnet.endpoints.contracts
    wallet = account.address if kind is None else wallet_factories(contracts).of(account.address, kind)
    if kind is not None and made:
        assert await Wallets(node=devnet.node, contracts=contracts).make(kind, account.address) == wallet
    await devnet.funding.fund([wallet], collateral=MEANS)
    terms.setdefault("api_key", await builder_key(devnet, account))
    client = await flavour.connect(
        private_key=account.private_key, wallet=EvmAddress(wallet), environment=environment(devnet.endpoints), **terms
    )
    try:
        yield Relayed(devnet=devnet, flavour=flavour, client=client, wallet=wallet)
    finally:
        await flavour.call(client, "close")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def slow_devnet() -> AsyncIterator[Devnet]:
    """A devnet whose blocks can be held back: its node takes up whole seconds again only."""
    async with running_devnet(DevnetConfig(block_time_s=1, markets=())) as running:
        yield running


@asynccontextmanager
async def no_blocks(devnet: Devnet) -> AsyncIterator[None]:
    await devnet.node.call("evm_setIntervalMining", 0)
    try:
        yield
    finally:
        await devnet.node.call("evm_setIntervalMining", 1)


def number(kind: WalletKind, flavour: Flavour, first: int) -> int:
    return first + 2 * KINDS.index(kind) + SECURE.index(flavour)


@pytest.mark.parametrize("flavour", SECURE, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_wallet_does_what_its_owner_signs(
    devnet: Devnet, open_pit: OpenPit, alice: Trader, kind: WalletKind, flavour: Flavour
) -> None:
    pit = await open_pit()
    async with relayed(devnet, kind, number(kind, flavour, 0), flavour) as owned:
        await owned.wait(await owned.execute(owned.transfer(U)))
        await owned.wait(await owned.execute(owned.transfer(U), owned.transfer(2 * U)))
        assert await owned.has() == 96 * U
        await flavour.call(owned.client, "setup_trading_approvals")
        terms = {"condition_id": pit.market.condition_id, "amount": 10 * U}
        await owned.wait(await flavour.call(owned.client, "split_position", **terms))
        # what it approved and split on chain it sells: 10 x 0.50 = 5
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="10", side="BUY"))
        sale = {"token_id": pit.yes, "side": "SELL", "shares": "10", "min_price": "0.50"}
        sold = accepted(await flavour.call(owned.client, "place_market_order", **sale))
        assert await flavour.call(owned.client, "wait_for_order_fill_settlement", sold)
        assert await owned.has() == 91 * U


async def test_a_proxy_wallet_is_made_with_its_first_batch(devnet: Devnet) -> None:
    async with relayed(devnet, None, 10) as plain:
        wallet = wallet_factories(devnet.endpoints.contracts).of(owner(10).address, WalletKind.PROXY)
        await devnet.funding.fund([wallet], collateral=MEANS)
        context = dataclasses.replace(plain.client._ctx, wallet=EvmAddress(wallet), wallet_type="POLY_PROXY")
        payload = await build_signed_payload_for_wallet_type(context, calls=[plain.transfer(U)], metadata="")
        assert await devnet.node.call("eth_getCode", wallet, "latest") == "0x"
        await plain.confirmed((await submit_gasless(context.relayer, payload=payload)).transaction_id)
        assert len(await devnet.node.call("eth_getCode", wallet, "latest")) > len("0x")
        assert (await collateral_of(devnet.node, devnet.endpoints.contracts, wallet)).units == 99 * U


async def test_a_safe_is_made_for_who_signs_for_it(devnet: Devnet) -> None:
    async with relayed(devnet, None, 11) as plain:
        relayer = plain.client._ctx.relayer
        answered = await relayer.post_json("/submit", json=safe_creation(devnet, owner(11)))
        await plain.confirmed(answered["transactionID"])
    async with relayed(devnet, WalletKind.SAFE, 11, made=False) as owned:
        await owned.wait(await owned.execute(owned.transfer(U)))
        assert await owned.has() == 99 * U


async def test_a_wallet_that_is_not_there_does_nothing(devnet: Devnet) -> None:
    async with relayed(devnet, None, 12) as plain:
        wallet = wallet_factories(devnet.endpoints.contracts).of(owner(12).address, WalletKind.SAFE)
        context = dataclasses.replace(plain.client._ctx, wallet=EvmAddress(wallet), wallet_type="GNOSIS_SAFE")
        payload = await build_signed_payload_for_wallet_type(context, calls=[plain.transfer(U)], metadata="")
        with pytest.raises(RequestRejectedError, match="wallet is not deployed"):
            await submit_gasless(context.relayer, payload=payload)


def safe_creation(devnet: Devnet, account: DevnetAccount) -> dict[str, Any]:
    """Return what the venue's own clients submit to have a safe; the SDK no longer makes any."""
    factory, nobody = devnet.endpoints.contracts.safe_factory, "0x" + "00" * 20
    payment = {"paymentToken": nobody, "payment": 0, "paymentReceiver": nobody}
    domain = {
        "name": "Polymarket Contract Proxy Factory", "chainId": devnet.endpoints.chain_id, "verifyingContract": factory,
    }  # fmt: skip
    fields = [("paymentToken", "address"), ("payment", "uint256"), ("paymentReceiver", "address")]
    types = {"CreateProxy": [{"name": name, "type": type_} for name, type_ in fields]}
    signed = Account.sign_typed_data(account.private_key, domain, types, payment)
    return {
        "type": "SAFE-CREATE",
        "from": account.address,
        "to": factory,
        "proxyWallet": wallet_factories(devnet.endpoints.contracts).of(account.address, WalletKind.SAFE),
        "data": "0x",
        "signature": "0x" + signed.signature.hex(),
        "signatureParams": {**payment, "payment": "0"},
    }


@pytest.mark.parametrize(
    ("kind", "reason"), [(WalletKind.SAFE, "GS013"), (WalletKind.DEPOSIT, "revert")], ids=["safe", "deposit wallet"]
)
async def test_a_batch_that_would_revert_is_never_sent(devnet: Devnet, kind: WalletKind, reason: str) -> None:
    async with relayed(devnet, kind, 14 + KINDS.index(kind)) as owned:
        handle = await owned.execute(owned.transfer(101 * U))
        shown = await owned.shown(handle.transaction_id)
        assert (shown["state"], shown["transaction_hash"]) == ("STATE_INVALID", "")
        with pytest.raises(TransactionFailedError, match=reason):
            await owned.wait(handle)
        # the nonce is not spent
        await owned.wait(await owned.execute(owned.transfer(U)))


async def test_a_call_that_reverts_behind_the_relay_hub_has_failed(devnet: Devnet) -> None:
    async with relayed(devnet, WalletKind.PROXY, 20) as owned:
        handle = await owned.execute(owned.transfer(101 * U))
        with pytest.raises(TransactionFailedError, match="relayed call failed"):
            await owned.wait(handle)
        assert (await owned.shown(handle.transaction_id))["state"] == "STATE_FAILED"
        assert await owned.has() == 100 * U


@pytest.mark.parametrize(("kind", "reason"), [(WalletKind.SAFE, "GS013"), (WalletKind.DEPOSIT, "revert")])
async def test_a_batch_that_reverts_on_chain_has_failed(slow_devnet: Devnet, kind: WalletKind, reason: str) -> None:
    async with relayed(slow_devnet, kind, 22 + KINDS.index(kind)) as owned:
        node, contracts = slow_devnet.node, slow_devnet.endpoints.contracts
        drain = {
            "from": owned.wallet,
            "to": contracts.collateral,
            "data": "0x" + calldata("transfer(address,uint256)", NOBODY, 100 * U).hex(),
            "gas": hex(200_000),
            "gasPrice": hex(500 * 10**9),  # before everybody else's
        }
        await node.call("anvil_setBalance", owned.wallet, hex(10**18))
        async with no_blocks(slow_devnet):
            handle = await owned.execute(owned.transfer(U))
            await node.call("eth_sendTransaction", drain)
            assert (await owned.shown(handle.transaction_id))["state"] == "STATE_EXECUTED"
        with pytest.raises(TransactionFailedError, match=reason):
            await owned.wait(handle)
        assert (await owned.shown(handle.transaction_id))["state"] == "STATE_FAILED"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_batch_out_of_turn_is_refused_in_words_that_the_sdk_retries(
    slow_devnet: Devnet, kind: WalletKind
) -> None:
    async with relayed(slow_devnet, kind, 30 + KINDS.index(kind)) as owned:
        context = owned.client._ctx
        payload = await build_signed_payload_for_wallet_type(context, calls=[owned.transfer(U)], metadata="")

        async def submit() -> str:
            with pytest.raises(RequestRejectedError) as caught:
                await submit_gasless(context.relayer, payload=payload)
            assert caught.value.status == 400
            assert is_retryable_submit_error(caught.value)
            return str(caught.value)

        async with no_blocks(slow_devnet):
            sent = await submit_gasless(context.relayer, payload=payload)
            assert "wallet has in-flight action" in await submit()
        await owned.confirmed(sent.transaction_id)
        assert "batch nonce 0 does not match on-chain nonce 1" in await submit()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_policy_does_not_list_is_blocked_for_every_kind_of_wallet(
    devnet: Devnet, kind: WalletKind
) -> None:
    async with relayed(devnet, kind, 40 + KINDS.index(kind)) as owned:
        token = EvmAddress(devnet.endpoints.contracts.collateral)
        spender = EvmAddress(devnet.endpoints.contracts.exchange)
        for call, words in (
            (TransactionCall(to=NOBODY, data=owned.transfer(U).data), f"unlisted target {NOBODY}"),
            (erc20_approval_call(token_address=token, spender=NOBODY, amount=2**256 - 1), "unlisted spender"),
            (erc20_approval_call(token_address=token, spender=spender, amount=U), "approvals must be MaxUint256"),
        ):
            with pytest.raises(RequestRejectedError, match=f"call blocked: {words}"):
                await owned.execute(owned.transfer(U), call)
        assert await owned.has() == 100 * U


async def test_a_relayer_key_carries_and_revokes_but_authorises_nobody(devnet: Devnet) -> None:
    account, key = owner(50), EvmAddress(owner(51).address)
    async with relayed(devnet, WalletKind.DEPOSIT, 50, api_key=await relayer_key(devnet, account)) as owned:
        await owned.wait(await owned.execute(owned.transfer(U)))
        with pytest.raises(UserInputError, match="builder API-key"):
            await owned.client.authorize_session_key(address=key)
        builder = await async_client(
            devnet.endpoints, account.private_key, wallet=owned.wallet, api_key=await builder_key(devnet, account)
        )
        async with builder:
            await builder.authorize_session_key(address=key)
        await owned.client.revoke_session_key(address=key)
        assert await owned.client.fetch_session_keys() == ()
        headers = {"RELAYER_API_KEY": owned.client._ctx.api_key.key, "RELAYER_API_KEY_ADDRESS": account.address}
        async with (
            aiohttp.ClientSession(devnet.endpoints.relayer_url, headers=headers) as session,
            session.post("/v1/session-signers/authorizations", json={}) as response,
        ):
            assert response.status == 401


async def test_a_relayer_key_is_good_with_its_own_account_only(devnet: Devnet) -> None:
    issued = await relayer_key(devnet, owner(52))
    for stranger in (
        dataclasses.replace(issued, address=EvmAddress(owner(53).address)),
        dataclasses.replace(issued, key="none"),
    ):
        async with relayed(devnet, WalletKind.SAFE, 52, api_key=stranger, made=stranger.key != "none") as owned:
            with pytest.raises(RequestRejectedError, match="Unauthorized") as caught:
                await owned.execute(owned.transfer(U))
            assert caught.value.status == 401
