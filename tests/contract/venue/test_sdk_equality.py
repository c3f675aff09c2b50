"""Byte for byte what the unmodified official SDK sends, for the same order, key and second."""

from __future__ import annotations

from eth_account import Account as EthAccount
from polymarket import AsyncSecureClient
from polymarket.models.clob.orders import SignedOrder as SdkOrder

from remora.adapters.keys.mnemonic import MnemonicSigner
from remora.adapters.venue.auth import Account, l1_headers, parse_api_key
from remora.adapters.venue.wire import Request, order_body
from remora.devnet.endpoints import Contracts, Endpoints
from remora.devnet.sdk import environment
from remora.domain.ids import Address, OrderHash, TokenId, address
from remora.domain.order import OrderKind, OrderTerms, SignedOrder
from remora.domain.signal import Side
from tests.contract.venue.conftest import API_KEY, Heard, LoopbackVenue

CONDITION = "0x" + 64 * "c"
TOKEN = 71321045679252212594626385532706912750332728571942532289631379312455583992563
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first operator wallet of the public test mnemonic."""

ZERO = "0x" + 40 * "0"


def endpoints(url: str) -> Endpoints:
    contracts = dict.fromkeys(Contracts.__dataclass_fields__, ZERO) | {
        "exchange": "0x" + 40 * "e",
        "neg_risk_exchange": "0x" + 40 * "f",
    }
    return Endpoints(
        chain_id=31337,
        rpc_url=url,
        rpc_ws_url=url,
        clob_url=url,
        gamma_url=url,
        market_ws_url=url,
        user_ws_url=url,
        block_time_s=1.0,
        contracts=Contracts(**contracts),
        markets=(),
    )


async def sdk_client(loopback: LoopbackVenue) -> AsyncSecureClient:
    """The official client, pointed at the loopback venue, which lists one market and refuses every order."""
    loopback.answers(f"GET /markets-by-token/{TOKEN}", {"condition_id": CONDITION})
    loopback.answers(
        f"GET /clob-markets/{CONDITION}", {"mts": 0.01, "nr": False, "fd": None, "t": [{"t": str(TOKEN), "o": "Yes"}]}
    )
    refusal = {"success": False, "errorMsg": "invalid nonce", "orderID": "", "status": ""}
    loopback.answers("POST /order", {**refusal, "makingAmount": "", "takingAmount": ""})
    return await AsyncSecureClient.create(
        private_key=KEY, wallet=EthAccount.from_key(KEY).address, environment=environment(endpoints(loopback.url))
    )


def ours(order: SdkOrder) -> SignedOrder:
    """The same order as remora holds it; its hash does not travel."""
    return SignedOrder(
        order_hash=OrderHash("0x" + 64 * "0"),
        terms=OrderTerms(
            salt=order.salt,
            maker=address(order.maker),
            signer=address(order.signer),
            token_id=TokenId(int(order.token_id)),
            maker_amount=order.maker_amount,
            taker_amount=order.taker_amount,
            side=Side(order.side),
            timestamp_ms=order.timestamp,
            signature_type=order.signature_type,
            metadata=order.metadata,
            builder=order.builder,
        ),
        kind=OrderKind(order.order_type),
        signature=bytes.fromhex(order.signature[2:]),
    )


async def signed_orders(client: AsyncSecureClient) -> list[SdkOrder]:
    token = str(TOKEN)
    return [
        await client.create_market_order(token_id=token, side="BUY", amount="5", max_price="0.52"),
        await client.create_market_order(token_id=token, side="SELL", shares="12.34", min_price="0.4"),
        await client.create_market_order(
            token_id=token, side="BUY", amount="5", max_price="0.52", order_type="FOK", builder_code="0x" + 64 * "d"
        ),
        await client.create_limit_order(token_id=token, side="SELL", price="0.99", size="7"),
    ]


def poly(headers: dict[str, str]) -> dict[str, str]:
    return {key.upper(): value for key, value in headers.items() if key.upper().startswith("POLY_")}


def remade(account: Account, heard: Heard) -> Request:
    """Our request for the same method, path, query and body, at the second of the SDK's."""
    return account.sign(
        heard.method,
        heard.path,
        query=heard.query,
        body=heard.body or None,
        timestamp_s=int(poly(heard.headers)["POLY_TIMESTAMP"]),
    )


async def test_orders_and_their_headers_are_the_sdks(loopback: LoopbackVenue, wallet: Address) -> None:
    api_key = parse_api_key(API_KEY)
    async with await sdk_client(loopback) as client:
        orders = await signed_orders(client)
        for order in orders:
            await client.post_order(order)
    posted = loopback.requests("POST /order")
    assert [heard.body for heard in posted] == [order_body(ours(order), owner=api_key.key_id) for order in orders]
    for heard in posted:
        headers = remade(Account(wallet, api_key), heard).headers
        assert headers is not None
        assert {key: value for key, value in headers.items() if key != "Content-Type"} == poly(heard.headers)
        assert headers["Content-Type"] == heard.headers["Content-Type"]


async def test_headers_of_questions_are_the_sdks(loopback: LoopbackVenue, wallet: Address) -> None:
    loopback.answers("GET /data/trades", {"data": [], "next_cursor": "LTE="})
    async with await sdk_client(loopback) as client:
        await client.list_account_trades(market=CONDITION).first_page()
    (heard,) = loopback.requests("GET /data/trades")
    assert heard.query == {"market": CONDITION}
    assert remade(Account(wallet, parse_api_key(API_KEY)), heard).headers == poly(heard.headers)


async def test_log_in_headers_are_the_sdks(loopback: LoopbackVenue, signer: MnemonicSigner, wallet: Address) -> None:
    async with await sdk_client(loopback):
        (heard,) = loopback.requests("POST /auth/api-key")
    headers = poly(heard.headers)
    assert l1_headers(signer, wallet, chain_id=31337, timestamp_s=int(headers["POLY_TIMESTAMP"])) == headers
    assert heard.body == b""
