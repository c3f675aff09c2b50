"""A provider's subscription on a chain that does not know it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from remora.devnet.node_gate.alchemy import ALCHEMY, for_chain, for_client

TO, OTHER = "0x" + 40 * "a", "0x" + 40 * "b"


def subscribe(*params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": list(params)}


def event(to: str | None) -> str:
    result = {"hash": "0x12", "to": to}
    return json.dumps({"method": "eth_subscription", "params": {"subscription": "0x1", "result": result}})


def test_the_chain_is_asked_for_all_whole_transactions() -> None:
    ours, theirs = subscribe(ALCHEMY, {"toAddress": TO}), subscribe("newHeads")
    wanted = subscribe("newPendingTransactions", True)
    assert json.loads(for_chain(json.dumps(ours))) == wanted
    assert json.loads(for_chain(json.dumps([theirs, ours]))) == [theirs, wanted]


@pytest.mark.parametrize("frame", [json.dumps(subscribe("newHeads")), "{", f"{ALCHEMY}", json.dumps({"id": ALCHEMY})])
def test_all_else_goes_to_the_chain_as_it_is(frame: str) -> None:
    assert for_chain(frame) == frame


@pytest.mark.parametrize(
    ("criteria", "to", "is_told"),
    [
        ({"toAddress": TO}, TO, True),
        ({"toAddress": [OTHER, TO.upper().replace("X", "x")]}, TO, True),
        ({"toAddress": [OTHER]}, TO, False),
        ({"toAddress": []}, TO, False),
        ({"toAddress": TO}, None, False),
        ({}, None, True),
    ],
)
def test_clients_are_told_what_they_asked_for(criteria: dict[str, Any], to: str | None, *, is_told: bool) -> None:
    frame = event(to)
    told = for_client(frame, (ALCHEMY, criteria))
    assert (told and json.loads(told)) == (json.loads(frame) if is_told else None)


def test_hashes_only() -> None:
    told = for_client(event(TO), (ALCHEMY, {"toAddress": TO, "hashesOnly": True}))
    assert told is not None
    assert json.loads(told)["params"]["result"] == "0x12"


def test_no_criteria_are_all_transactions() -> None:
    assert for_client(event(OTHER), (ALCHEMY,)) is not None
