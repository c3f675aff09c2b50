"""Proxy wallets in the relayer's requests: their owners sign for the relay hub, which calls their factory for them.

The wallet is made with its first batch (polymarket.md 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from remora.devnet.abi import calldata
from remora.devnet.deployment import RELAYER
from remora.devnet.endpoints import Contracts
from remora.devnet.relayer.batches import Batch, Call, Counter
from remora.devnet.relayer.fields import LONG, a_number, an_address, an_object, invalid, some_bytes

#: proxy((uint8,address,uint256,bytes)[]), which makes calls of this type only
_PROXY = bytes.fromhex("34ee9791")
_CALL = 1
_RELAY_CALL = "relayCall(address,address,bytes,uint256,uint256,uint256,uint256,bytes,bytes)"
_SIGNATURE = 65


def parse_batch(body: Mapping[str, Any], contracts: Contracts) -> Batch:
    """Parse what a proxy wallet shall do."""
    params, factory = an_object(body.get("signatureParams")), an_address(body.get("to"))
    named = (factory, an_address(params.get("relayHub")), an_address(params.get("relay")))
    if named != (contracts.proxy_factory, contracts.relay_hub, RELAYER):
        raise invalid("to, relayHub or relay")
    owner, data = an_address(body.get("from")), some_bytes(body.get("data"), LONG)
    nonce, signature = a_number(body.get("nonce")), some_bytes(body.get("signature"), _SIGNATURE)
    terms = [a_number(params.get(name)) for name in ("relayerFee", "gasPrice", "gasLimit")]
    return Batch(
        wallet=an_address(body.get("proxyWallet")),
        nonce=nonce,
        calls=_calls(data),
        counter=Counter.of_hub(contracts.relay_hub, owner),
        to=contracts.relay_hub,
        data=calldata(_RELAY_CALL, owner, factory, data, *terms, nonce, signature, b""),
        makes_wallet=True,
    )


def _calls(data: bytes) -> tuple[Call, ...]:
    if data[:4] != _PROXY:
        raise invalid("data")
    try:
        (entries,) = decode(["(uint8,address,uint256,bytes)[]"], data[4:])
    except (DecodingError, OverflowError):
        raise invalid("data") from None
    if any(entry[0] != _CALL for entry in entries):
        raise invalid("data")
    return tuple(Call(target=target.lower(), value=value, data=inner) for _, target, value, inner in entries)
