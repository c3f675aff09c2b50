"""The official SDK trades with every kind of wallet of the venue, from its answer to the last base unit on chain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import ClientSession
from eth_utils.address import to_checksum_address
from polymarket import AsyncSecureClient, BuilderApiKey, UserInputError
from polymarket._internal.actions.relayer.calls import erc20_approval_call, erc20_transfer_call
from polymarket.types import EvmAddress

from remora.adapters.clock import SystemClock
from remora.adapters.venue.data_api import DataApi
from remora.cli.leader_check import idleness
from remora.devnet.accounts import DevnetAccount, Role, scripted
from remora.devnet.balances import collateral_of
from remora.devnet.endpoints import Version
from remora.devnet.launcher import Devnet
from remora.devnet.sdk import async_client, environment
from remora.devnet.wallet_factories import wallet_factories
from remora.devnet.wallets import Wallets
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral
from remora.domain.wallets import WalletKind
from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000
_MEANS = Collateral(100 * ONE)
_SIGNATURE_TYPES = {WalletKind.PROXY: 1, WalletKind.SAFE: 2, WalletKind.DEPOSIT: 3}
_NAMES = {WalletKind.PROXY: "proxy wallet", WalletKind.SAFE: "safe", WalletKind.DEPOSIT: "deposit wallet"}


def owner(index: int) -> DevnetAccount:
    return scripted(Role.FOLLOWER, index, seed=2)


def deposit_wallet_of(devnet: Devnet, account: DevnetAccount) -> Address:
    return wallet_factories(devnet.endpoints.contracts).of(account.address, WalletKind.DEPOSIT)


async def builder_key(devnet: Devnet, account: DevnetAccount) -> BuilderApiKey:
    async with await async_client(devnet.endpoints, account.private_key) as client:
        return await client.create_builder_api_key()


@asynccontextmanager
async def trading_as(devnet: Devnet, kind: WalletKind, account: DevnetAccount) -> AsyncIterator[Trader]:
    wallet = await Wallets(node=devnet.node, contracts=devnet.endpoints.contracts).make(kind, account.address)
    await devnet.funding.fund([wallet], collateral=_MEANS, approve_exchanges=True)
    async with await async_client(devnet.endpoints, account.private_key, wallet=wallet) as client:
        yield Trader(wallet=wallet, client=client)


@pytest.mark.parametrize("kind", WalletKind)
@pytest.mark.parametrize(("version", "first_owner"), [("v1", 0), ("v2", 20)])
async def test_a_wallet_buys_rests_sells_and_is_settled(
    open_pit: OpenPit, alice: Trader, kind: WalletKind, version: Version, first_owner: int
) -> None:
    pit = await open_pit(version=version)
    async with trading_as(pit.devnet, kind, owner(first_owner + _SIGNATURE_TYPES[kind])) as trader:
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
        buy = await trader.settled(
            await trader.client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
        )
        # 10 / 0.50 = 20 shares
        assert (buy.making_amount, buy.taking_amount) == (Decimal(10), Decimal(20))
        assert await pit.balances_of(trader.wallet) == Balances(90 * U, 20 * U, 0)

        ask = accepted(await trader.client.place_limit_order(token_id=pit.yes, price="0.60", size="15", side="SELL"))
        resting = await trader.client.get_order(order_id=ask.order_id)
        assert resting.maker_address.lower() == trader.wallet
        await alice.client.cancel_all()
        await alice.settled(await alice.client.place_limit_order(token_id=pit.yes, price="0.60", size="15", side="BUY"))
        # 15 x 0.60 = 9
        assert await pit.balances_of(trader.wallet) == Balances(99 * U, 5 * U, 0)

        trades = (await trader.client.list_account_trades(market=pit.market.condition_id).first_page()).items
        assert [(trade.status, trade.trader_side) for trade in trades] == [
            ("CONFIRMED", "MAKER"),
            ("CONFIRMED", "TAKER"),
        ]
        held = await trader.client.get_balance_allowance(asset_type="COLLATERAL")
        assert held.balance == 99 * U


async def test_the_owner_of_one_wallet_signs_for_no_other(open_pit: OpenPit, devnet: Devnet, alice: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
    wallets = Wallets(node=devnet.node, contracts=devnet.endpoints.contracts)
    wallet = await wallets.make(WalletKind.DEPOSIT, owner(4).address)
    await devnet.funding.fund([wallet], collateral=_MEANS, approve_exchanges=True)
    # the SDK takes a key that is not the owner's for a session key
    async with await async_client(devnet.endpoints, owner(5).private_key, wallet=wallet) as thief:
        with pytest.raises(Exception, match="signer address has to be the address of the API KEY"):
            await thief.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
    assert await pit.balances_of(wallet) == Balances(100 * U, 0, 0)


@pytest.mark.parametrize(("version", "account"), [("v1", owner(6)), ("v2", owner(26))])
async def test_a_client_without_a_wallet_gets_one_approves_and_trades(
    open_pit: OpenPit, alice: Trader, version: Version, account: DevnetAccount
) -> None:
    pit = await open_pit(version=version)
    devnet = pit.devnet
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
    wallet = deposit_wallet_of(devnet, account)
    await devnet.funding.fund([wallet], collateral=_MEANS)
    client = await AsyncSecureClient.create(
        private_key=account.private_key,
        environment=environment(devnet.endpoints),
        api_key=await builder_key(devnet, account),
    )
    async with client:
        assert client.wallet.lower() == wallet
        await client.setup_trading_approvals()
        await Trader(wallet=wallet, client=client).settled(
            await client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
        )
    assert await pit.balances_of(wallet) == Balances(90 * U, 20 * U, 0)


async def test_batches_of_one_wallet_wait_for_each_other(devnet: Devnet) -> None:
    account, contracts = owner(8), devnet.endpoints.contracts
    wallet = await Wallets(node=devnet.node, contracts=contracts).make(WalletKind.DEPOSIT, account.address)
    await devnet.funding.fund([wallet], collateral=_MEANS)
    transfer = erc20_transfer_call(
        token_address=EvmAddress(contracts.collateral), recipient=EvmAddress(account.address), amount=U
    )
    key = await builder_key(devnet, account)
    async with await async_client(devnet.endpoints, account.private_key, wallet=wallet, api_key=key) as client:
        # all three are signed for the same nonce: the SDK reads what the relayer answers, and signs again
        handles = await asyncio.gather(*(client.execute_transaction(calls=[transfer]) for _ in range(3)))
        outcomes = await asyncio.gather(*(handle.wait() for handle in handles))
    assert len({outcome.transaction_hash for outcome in outcomes}) == len(outcomes)
    assert (await collateral_of(devnet.node, contracts, wallet)).units == 97 * U


async def test_a_relayed_transaction_is_executed_then_mined_then_confirmed(devnet: Devnet) -> None:
    account, contracts = owner(9), devnet.endpoints.contracts
    wallet = await Wallets(node=devnet.node, contracts=contracts).make(WalletKind.DEPOSIT, account.address)
    approval = erc20_approval_call(
        token_address=EvmAddress(contracts.collateral), spender=EvmAddress(contracts.exchange), amount=2**256 - 1
    )
    key = await builder_key(devnet, account)
    states: list[str] = []
    async with (
        await async_client(devnet.endpoints, account.private_key, wallet=wallet, api_key=key) as client,
        ClientSession(devnet.endpoints.relayer_url) as session,
        devnet.controls.world.chain.still(),
    ):
        handle = await client.execute_transaction(calls=[approval])
        while states[-1:] != ["STATE_CONFIRMED"]:
            async with session.get(f"/v1/account/transactions/{handle.transaction_id}") as response:
                shown = await response.json()
            assert shown["transaction_hash"] == handle.transaction_hash
            if shown["state"] not in states:
                states.append(shown["state"])
                await devnet.node.call("evm_mine")
    assert states == ["STATE_EXECUTED", "STATE_MINED", "STATE_CONFIRMED"]


async def test_the_relayer_makes_no_wallet_without_a_builder_key(devnet: Devnet) -> None:
    with pytest.raises(UserInputError, match="Builder API Key"):
        await AsyncSecureClient.create(private_key=owner(7).private_key, environment=environment(devnet.endpoints))
    stranger = BuilderApiKey(key="none", secret="bm9uZQ==", passphrase="none")
    with pytest.raises(Exception, match="Unauthorized"):
        await AsyncSecureClient.create(
            private_key=owner(7).private_key, environment=environment(devnet.endpoints), api_key=stranger
        )


@pytest.mark.parametrize("kind", WalletKind)
async def test_whoever_names_the_owner_as_a_leader_is_told_the_wallet(
    open_pit: OpenPit, alice: Trader, kind: WalletKind
) -> None:
    pit, account = await open_pit(), owner(40 + _SIGNATURE_TYPES[kind])
    contracts, data_url = pit.devnet.endpoints.contracts, pit.devnet.endpoints.data_url
    async with trading_as(pit.devnet, kind, account) as trader, DataApi(data_url=data_url, clock=SystemClock()) as past:
        accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
        await trader.settled(
            await trader.client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
        )
        await alice.client.cancel_all()
        said = await idleness(account.address, past, wallet_factories(contracts))
        assert said is not None
        assert (
            f"this address has no fills; its {_NAMES[kind]} is {to_checksum_address(trader.wallet)}: add that" in said
        )
        assert await idleness(trader.wallet, past, wallet_factories(contracts)) is None
