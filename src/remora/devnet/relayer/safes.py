"""Safes in the relayer's requests: how one is made, and what its owner signed that it shall do (polymarket.md 5).

Several calls come as one run of the multisend contract, which has them packed one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from remora.devnet.abi import calldata
from remora.devnet.endpoints import Contracts
from remora.devnet.relayer.batches import Batch, Call, Counter, Creation
from remora.devnet.relayer.fields import LONG, a_number, an_address, an_object, invalid, some_bytes

_CREATE_PROXY = function_signature_to_4byte_selector("createProxy(address,uint256,address,(uint8,bytes32,bytes32))")
_EXEC_TRANSACTION = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
_MULTI_SEND = function_signature_to_4byte_selector("multiSend(bytes)")
_CALL, _DELEGATE_CALL = 0, 1
#: Operation, target, value and length come before the data of a packed call.
_HEAD = 1 + 20 + 32 + 32
_SIGNATURE = 65


def parse_creation(body: Mapping[str, Any], contracts: Contracts) -> Creation:
    """Parse the wish for a safe, which its owner has signed; it is free of charge."""
    params = an_object(body.get("signatureParams"))
    if an_address(body.get("to")) != contracts.safe_factory:
        raise invalid("to")
    payment = (
        an_address(params.get("paymentToken")),
        a_number(params.get("payment")),
        an_address(params.get("paymentReceiver")),
    )
    signature = some_bytes(body.get("signature"), _SIGNATURE).ljust(_SIGNATURE, b"\0")
    signed = (signature[64], signature[:32], signature[32:64])
    data = encode(["address", "uint256", "address", "(uint8,bytes32,bytes32)"], [*payment, signed])
    return Creation(to=contracts.safe_factory, data=_CREATE_PROXY + data)


def parse_batch(body: Mapping[str, Any], contracts: Contracts) -> Batch:
    """Parse what a safe shall do."""
    params = an_object(body.get("signatureParams"))
    call = Call(
        target=an_address(body.get("to")),
        value=a_number(body.get("value", "0")),
        data=some_bytes(body.get("data"), LONG),
    )
    operation, wallet = a_number(params.get("operation")), an_address(body.get("proxyWallet"))
    gas = [a_number(params.get(name)) for name in ("safeTxnGas", "baseGas", "gasPrice")]
    payees = [an_address(params.get(name)) for name in ("gasToken", "refundReceiver")]
    signature = some_bytes(body.get("signature"), _SIGNATURE)
    return Batch(
        wallet=wallet,
        nonce=a_number(body.get("nonce")),
        calls=_calls(call, operation, contracts),
        counter=Counter.of_wallet(wallet),
        to=wallet,
        data=calldata(_EXEC_TRANSACTION, call.target, call.value, call.data, operation, *gas, *payees, signature),
    )


def _calls(call: Call, operation: int, contracts: Contracts) -> tuple[Call, ...]:
    if operation == _CALL:
        return (call,)
    if operation != _DELEGATE_CALL or call.target != contracts.safe_multisend or call.data[:4] != _MULTI_SEND:
        raise invalid("operation")
    length = int.from_bytes(call.data[36:68])
    return tuple(_unpacked(call.data[68 : 68 + length]))


def _unpacked(packed: bytes) -> Iterator[Call]:
    while packed:
        end = _HEAD + int.from_bytes(packed[53:_HEAD])
        if packed[0] != _CALL or end > len(packed):
            raise invalid("data")
        yield Call(target="0x" + packed[1:21].hex(), value=int.from_bytes(packed[21:53]), data=packed[_HEAD:end])
        packed = packed[end:]
