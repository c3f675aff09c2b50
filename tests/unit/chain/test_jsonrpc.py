"""What nodes' errors mean, with the words of real ones."""

from __future__ import annotations

import json

import pytest

from remora.adapters.chain.jsonrpc import NodeError, Request, Written, node_error, read_error
from remora.domain.errors import OperatorError, RemoraError, Retryable


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (-32000, "header not found", Retryable),
        (-32603, "Internal error", Retryable),
        (-32602, "block range extends beyond current head block", Retryable),
        (-32602, "BlockOutOfRangeError: block height is 214 but requested was 210", Retryable),
        (429, "Your app has exceeded its compute units per second capacity.", Retryable),
        (-32005, "daily request count exceeded, request rate limited", Retryable),
        (-32601, "the method eth_maxPriorityFeePerGas does not exist/is not available", OperatorError),
        (-32602, "invalid argument 0: hex string has length 38, want 40 for common.Address", OperatorError),
        (-32602, "invalid argument 1: value out of range", OperatorError),
        (3, "execution reverted: ERC1155: balance query for the zero address", OperatorError),
        (-32000, "execution reverted", OperatorError),
    ],
)
def test_what_an_error_means_to_a_reader(code: int, words: str, kind: type[RemoraError]) -> None:
    meant = read_error(NodeError(code, words))
    assert isinstance(meant, kind)
    assert words in str(meant)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
        (-32000, "block range is too wide"),
        (-32000, "exceed maximum block range: 50000"),
        (-32000, "Block range limit exceeded."),
        (-32000, "ranges over 10000 blocks are not supported on freetier"),
        (-32005, "query returned more than 10000 results"),
        (-32614, "eth_getLogs is limited to a 10,000 range"),
    ],
    ids=["Alchemy", "Ankr", "bor", "Chainstack", "dRPC", "Infura", "QuickNode"],
)
def test_providers_say_in_many_ways_that_a_range_is_too_wide(code: int, words: str) -> None:
    assert NodeError(code, words).is_too_wide


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (429, "Your app has exceeded its compute units per second capacity."),
        (-32005, "project ID request rate exceeded"),
        (-32000, "header not found"),
        (-32000, "invalid block range params"),
        (-32000, "block range extends beyond current head block"),
    ],
)
def test_a_narrower_range_would_not_help(code: int, words: str) -> None:
    assert not NodeError(code, words).is_too_wide


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        ({"code": -32000, "message": "nonce too low"}, -32000, "nonce too low"),
        ({"message": "no code"}, 0, "no code"),
        ("bare text", 0, "bare text"),
        ({"code": "ETIMEDOUT", "message": "slow"}, 0, "slow"),
    ],
)
def test_error_objects_of_any_shape_are_read(raw: object, code: int, words: str) -> None:
    error = node_error(raw)
    assert (error.code, error.reason) == (code, words)


def test_a_call_in_a_frame() -> None:
    request = Request(method="eth_call", params=(Written('{"to":"0x1"}'), {"blockHash": "0x2"}, "latest", 7, False))
    assert json.loads(request.frame(3)) == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "eth_call",
        "params": [{"to": "0x1"}, {"blockHash": "0x2"}, "latest", 7, False],
    }


def test_a_call_without_parameters() -> None:
    expected = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    assert json.loads(Request(method="eth_chainId").frame(1)) == expected
