"""The operator's transactions are, byte for byte, those that the library signs."""

from __future__ import annotations

import pytest
from eth_account import Account

from remora.devnet.accounts import Role, scripted
from remora.devnet.clob.operator import Operator

KEY = bytes.fromhex(scripted(Role.EXCHANGE_OPERATOR).private_key[2:])
EXCHANGE = "0x" + 40 * "3"


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 2**32])
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x7f", bytes(range(256)) * 9])
@pytest.mark.parametrize("chain_id", [1, 137, 31337])
def test_it_signs_as_the_library_does(nonce: int, data: bytes, chain_id: int) -> None:
    terms = {"nonce": nonce, "gasPrice": 10**11, "gas": 900_000, "to": EXCHANGE, "value": 0, "data": data}
    expected = Account.sign_transaction({**terms, "chainId": chain_id}, KEY)
    signed = Operator(KEY, chain_id).sign(nonce=nonce, gas_price=10**11, gas=900_000, to=EXCHANGE, data=data)
    assert (signed.raw, signed.hash) == ("0x" + expected.raw_transaction.hex(), "0x" + expected.hash.hex())


def test_it_knows_its_address_and_shows_no_key() -> None:
    operator = Operator(KEY, 1)
    assert operator.address == Account.from_key(KEY).address.lower()
    assert repr(operator) == f"Operator({operator.address})"
