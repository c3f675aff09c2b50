"""Headers of both authentications, and that no secret shows."""

from __future__ import annotations

import base64

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data

from remora.adapters.venue.auth import Account, ApiKey, l1_headers, parse_api_key
from remora.domain.errors import Malformed
from remora.domain.ids import Address

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
SECRET = b"thirty-two bytes of API secret!!"


class EthSigner:
    """eth-account as the oracle of signatures."""

    def sign_digest(self, wallet: Address, digest: bytes) -> bytes:
        account = EthAccount.from_key(KEY)
        assert account.address.lower() == wallet
        return bytes(account.unsafe_sign_hash(digest).signature)


def account(wallet: Address, secret: bytes = SECRET) -> Account:
    return Account(wallet, ApiKey(key_id="id-1", secret=secret, passphrase="pass-1"))


def test_l2_headers_have_the_hmac_of_the_official_client(wallet: Address) -> None:
    # The official Python client's own test vector, of a secret of 32 zero bytes.
    request = account(wallet, bytes(32)).sign("test-sign", "/orders", body=b'{"hash": "0x123"}', timestamp_s=1_000_000)
    assert request.headers == {
        "POLY_ADDRESS": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "POLY_API_KEY": "id-1",
        "POLY_PASSPHRASE": "pass-1",
        "POLY_TIMESTAMP": "1000000",
        "POLY_SIGNATURE": "ZwAdJKvoYRlEKDkNMwd5BuwNNtg93kNaR_oU2HrfVvc=",
        "Content-Type": "application/json",
    }


def test_the_query_is_not_part_of_the_hmac(wallet: Address) -> None:
    plain = account(wallet).sign("GET", "/data/trades", timestamp_s=5)
    asking = account(wallet).sign("GET", "/data/trades", query={"id": "t"}, timestamp_s=5)
    assert plain.headers == asking.headers
    assert asking.query == {"id": "t"}


def test_requests_of_one_wallet_do_not_share_their_headers(wallet: Address) -> None:
    ours = account(wallet)
    first = ours.sign("POST", "/order", body=b"1", timestamp_s=1)
    second = ours.sign("POST", "/order", body=b"2", timestamp_s=1)
    assert first.headers != second.headers


def test_l1_headers_are_signed_as_typed_data(wallet: Address) -> None:
    typed = {
        "domain": {"name": "ClobAuthDomain", "version": "1", "chainId": 31337},
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "ClobAuth": [
                {"name": "address", "type": "address"},
                {"name": "timestamp", "type": "string"},
                {"name": "nonce", "type": "uint256"},
                {"name": "message", "type": "string"},
            ],
        },
        "primaryType": "ClobAuth",
        "message": {
            "address": wallet,
            "timestamp": "1795000000",
            "nonce": 0,
            "message": "This message attests that I control the given wallet",
        },
    }
    signature = EthAccount.sign_message(encode_typed_data(full_message=typed), KEY).signature.hex()
    assert l1_headers(EthSigner(), wallet, chain_id=31337, timestamp_s=1_795_000_000) == {
        "POLY_ADDRESS": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "POLY_NONCE": "0",
        "POLY_SIGNATURE": f"0x{signature}",
        "POLY_TIMESTAMP": "1795000000",
    }


@pytest.mark.parametrize("padding", ["", "="])
def test_the_secret_is_decoded_with_or_without_padding(padding: str) -> None:
    text = base64.urlsafe_b64encode(SECRET).decode().rstrip("=") + padding
    found = parse_api_key({"apiKey": "id-1", "secret": text, "passphrase": "pass-1"})
    assert found == ApiKey(key_id="id-1", secret=SECRET, passphrase="pass-1")


@pytest.mark.parametrize(
    "raw", [None, {}, {"apiKey": "i", "secret": "c2VjcmV0"}, {"apiKey": "i", "secret": "c2VjcmV0x", "passphrase": "p"}]
)
def test_what_is_no_api_key_is_malformed_and_quotes_nothing(raw: object) -> None:
    with pytest.raises(Malformed) as caught:
        parse_api_key(raw)
    assert "c2VjcmV0" not in str(caught.value)


def test_nothing_secret_shows(wallet: Address) -> None:
    api_key = ApiKey(key_id="id-1", secret=SECRET, passphrase="pass-1")
    request = account(wallet).sign("POST", "/order", body=b'{"owner":"id-1"}', timestamp_s=1)
    shown = repr([api_key, account(wallet), request])
    assert "sign" not in shown
    for secret in ("id-1", "pass-1", SECRET.decode(), "POLY_SIGNATURE"):
        assert secret not in shown
