"""Session keys through the official SDK: authorised by the owner, trading for the owner's wallet, listed, revoked."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from polymarket import AsyncSecureClient, OrderResponse, RequestRejectedError, SecureClient
from polymarket._internal.actions.relayer.calls import erc20_transfer_call, revoke_session_signer_call
from polymarket._internal.actions.relayer.gasless import build_signed_deposit_wallet_batch
from polymarket.streams import SubscriptionHandle, UserEvent, UserOrderEvent, UserSpec
from polymarket.types import EvmAddress

from remora.devnet.accounts import DevnetAccount, Role, scripted
from remora.devnet.launcher import Devnet
from remora.devnet.sdk import async_client, environment
from remora.devnet.wallets import Wallets
from remora.domain.ids import Address
from remora.domain.money import ONE, Collateral
from remora.domain.wallets import WalletKind
from tests.contract.sdk.pit import Balances, OpenPit, Trader, accepted

pytestmark = pytest.mark.asyncio(loop_scope="session")

U = 1_000_000
_MEANS = Collateral(100 * ONE)
_LIFETIME_S = 4_315 * 3600
_FOREIGN = "signer address has to be the address of the API KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """A deposit wallet with its owner's client, and a key that the owner may let trade."""

    devnet: Devnet
    wallet: Address
    owner: AsyncSecureClient
    key: DevnetAccount

    @asynccontextmanager
    async def trading(self) -> AsyncIterator[Trader]:
        """Trade for the wallet with the session key, as `SecureClient.create(private_key=<key>, wallet=<wallet>)`."""
        async with await async_client(self.devnet.endpoints, self.key.private_key, wallet=self.wallet) as client:
            yield Trader(wallet=self.wallet, client=client)


@asynccontextmanager
async def household(devnet: Devnet, number: int) -> AsyncIterator[Household]:
    account, endpoints = scripted(Role.FOLLOWER, number, seed=3), devnet.endpoints
    wallet = await Wallets(node=devnet.node, contracts=endpoints.contracts).make(WalletKind.DEPOSIT, account.address)
    await devnet.funding.fund([wallet], collateral=_MEANS, approve_exchanges=True)
    async with await async_client(endpoints, account.private_key) as plain:
        builder = await plain.create_builder_api_key()
    async with await async_client(endpoints, account.private_key, wallet=wallet, api_key=builder) as owner:
        key = scripted(Role.FOLLOWER, number, seed=4)
        yield Household(devnet=devnet, wallet=wallet, owner=owner, key=key)


async def test_a_session_key_trades_for_the_wallet(open_pit: OpenPit, devnet: Devnet, alice: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
    async with household(devnet, 1) as home:
        granted = (await home.owner.authorize_session_key(address=home.key.address, scopes=["CLOB"])).session_key
        assert abs(granted.valid_until.timestamp() - time.time() - _LIFETIME_S) < 60
        assert await home.owner.fetch_session_keys() == (granted,)
        async with home.trading() as trader:
            await trader.settled(
                await trader.client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
            )
            assert await pit.balances_of(home.wallet) == Balances(90 * U, 20 * U, 0)
            ask = accepted(
                await trader.client.place_limit_order(token_id=pit.yes, price="0.60", size="15", side="SELL")
            )
            # what a session key places only the session key sees
            assert [order.id for order in (await trader.client.list_open_orders().first_page()).items] == [ask.order_id]
            assert (await home.owner.list_open_orders().first_page()).items == ()
            assert (await trader.client.get_balance_allowance(asset_type="COLLATERAL")).balance == 90 * U
            await alice.client.cancel_all()
            await alice.settled(
                await alice.client.place_limit_order(token_id=pit.yes, price="0.60", size="15", side="BUY")
            )
    # 15 x 0.60 = 9
    assert await pit.balances_of(home.wallet) == Balances(99 * U, 5 * U, 0)


async def test_the_clients_that_block_trade_too(open_pit: OpenPit, devnet: Devnet, alice: Trader) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
    async with household(devnet, 7) as home:
        await home.owner.authorize_session_key(address=home.key.address)

        def buy() -> OrderResponse:
            with SecureClient.create(
                private_key=home.key.private_key, wallet=home.wallet, environment=environment(devnet.endpoints)
            ) as client:
                response = client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
                assert client.wait_for_order_fill_settlement(accepted(response))
                return response

        assert accepted(await asyncio.to_thread(buy)).status == "matched"
    assert await pit.balances_of(home.wallet) == Balances(90 * U, 20 * U, 0)


async def test_a_revoked_key_is_gone_with_its_orders(open_pit: OpenPit, devnet: Devnet) -> None:
    pit = await open_pit()
    async with household(devnet, 2) as home:
        await home.owner.authorize_session_key(address=home.key.address)
        async with home.trading() as trader:
            bid = accepted(await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY"))
            own = accepted(await home.owner.place_limit_order(token_id=pit.yes, price="0.30", size="50", side="BUY"))
            await home.owner.revoke_session_key(address=home.key.address)
            assert await home.owner.fetch_session_keys() == ()
            with pytest.raises(RequestRejectedError, match=_FOREIGN):
                await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY")
            await _until_cancelled(trader, bid.order_id)
            assert (await home.owner.get_order(order_id=own.order_id)).status == "LIVE"
        # a key can be authorised again right after
        await home.owner.authorize_session_key(address=home.key.address)
        async with home.trading() as trader:
            accepted(await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY"))
            await trader.client.cancel_all()


async def test_owner_and_session_key_hear_and_see_only_their_own(
    open_pit: OpenPit, devnet: Devnet, alice: Trader
) -> None:
    pit = await open_pit()
    accepted(await alice.client.place_limit_order(token_id=pit.yes, price="0.50", size="100", side="SELL"))
    async with household(devnet, 9) as home:
        await home.owner.authorize_session_key(address=home.key.address)
        async with home.trading() as trader:
            streams = {client: await client.subscribe(UserSpec()) for client in (home.owner, trader.client)}
            await asyncio.sleep(1)  # the SDK tells nobody when its subscription has arrived
            bought = await trader.settled(
                await trader.client.place_market_order(token_id=pit.yes, side="BUY", amount="10", max_price="0.50")
            )
            own = accepted(await home.owner.place_limit_order(token_id=pit.yes, price="0.30", size="50", side="BUY"))
            heard = {client: await _order_heard(stream) for client, stream in streams.items()}
            assert heard == {home.owner: own.order_id, trader.client: bought.order_id}
            trades = {c: (await c.list_account_trades().first_page()).items for c in (home.owner, trader.client)}
            assert [len(trades[client]) for client in (home.owner, trader.client)] == [0, 1]
            notes = {c: await c.get_notifications() for c in (home.owner, trader.client)}
            assert [len(notes[client]) for client in (home.owner, trader.client)] == [0, 1]
            for client, foreign in ((home.owner, bought), (trader.client, own)):
                with pytest.raises(RequestRejectedError, match="order not found"):
                    await client.get_order(order_id=foreign.order_id)
            await home.owner.cancel_all()


async def test_a_key_of_another_scope_does_not_trade(open_pit: OpenPit, devnet: Devnet) -> None:
    pit = await open_pit()
    async with household(devnet, 3) as home:
        await home.owner.authorize_session_key(address=home.key.address, scopes=["COMBOSRFQ"])
        async with home.trading() as trader:
            with pytest.raises(RequestRejectedError, match=_FOREIGN):
                await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY")


async def test_a_key_that_only_the_order_book_knows_signs_nothing(open_pit: OpenPit, devnet: Devnet) -> None:
    pit = await open_pit()
    async with household(devnet, 4) as home:
        await home.owner.authorize_session_key(address=home.key.address)
        session = devnet.clob.delegates.sessions.of_wallet(home.wallet, int(time.time()))[0]
        await home.owner.revoke_session_key(address=home.key.address)
        devnet.clob.delegates.sessions.authorize(session)
        async with home.trading() as trader:
            with pytest.raises(RequestRejectedError, match="invalid signature"):
                await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY")


async def test_a_session_key_expires_with_its_orders(open_pit: OpenPit, devnet: Devnet) -> None:
    pit = await open_pit()
    async with household(devnet, 5) as home:
        await home.owner.authorize_session_key(address=home.key.address)
        sessions = devnet.clob.delegates.sessions
        (session,) = sessions.of_wallet(home.wallet, int(time.time()))
        async with home.trading() as trader:
            bid = accepted(await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY"))
            sessions.authorize(dataclasses.replace(session, valid_until_s=int(time.time())))
            await _until_cancelled(trader, bid.order_id)
            with pytest.raises(RequestRejectedError, match=_FOREIGN):
                await trader.client.place_limit_order(token_id=pit.yes, price="0.40", size="50", side="BUY")


async def test_a_session_key_withdraws_nothing_through_the_relayer(devnet: Devnet) -> None:
    async with household(devnet, 6) as home:
        await home.owner.authorize_session_key(address=home.key.address)
        transfer = erc20_transfer_call(
            token_address=EvmAddress(devnet.endpoints.contracts.collateral),
            recipient=EvmAddress(home.key.address),
            amount=U,
        )
        builder = await home.owner.create_builder_api_key()
        async with await async_client(
            devnet.endpoints, home.key.private_key, wallet=home.wallet, api_key=builder
        ) as thief:
            with pytest.raises(RequestRejectedError, match="call blocked"):
                await thief.execute_transaction(calls=[transfer])
        await (await home.owner.execute_transaction(calls=[transfer])).wait()


async def test_the_same_request_is_carried_out_once(devnet: Devnet) -> None:
    async with household(devnet, 8) as home:
        context, key = home.owner._ctx, EvmAddress(home.key.address)
        call = revoke_session_signer_call(wallet_address=context.wallet, session_signer=key)
        batch = await build_signed_deposit_wallet_batch(context, calls=[call])
        body = {
            "walletAddress": home.wallet,
            "sessionSignerAddress": key,
            "nonce": batch.nonce,
            "deadline": batch.deadline,
            "signature": batch.signature,
        }

        async def post(idempotency_key: str) -> object:
            headers = {"Idempotency-Key": idempotency_key}
            return await context.relayer.post_json("/v1/session-signers/revocations", json=body, headers=headers)

        assert await post("once") == await post("once")
        with pytest.raises(RequestRejectedError, match=r"in-flight action|does not match on-chain nonce"):
            await post("twice")


async def _order_heard(stream: SubscriptionHandle[UserEvent]) -> str:
    """Return the first order that a user's stream tells of, and end the stream."""
    try:
        async with asyncio.timeout(10):
            async for event in stream:
                if isinstance(event, UserOrderEvent):
                    return str(event.payload.id)
    finally:
        await stream.close()
    raise AssertionError("the stream ended")


async def _until_cancelled(trader: Trader, order_id: str) -> None:
    deadline = time.monotonic() + 20
    while (await trader.client.get_order(order_id=order_id)).status != "CANCELED":
        assert time.monotonic() < deadline
