"""`alchemy_pendingTransactions`, a provider's own subscription, made of the one that the chain knows.

A subscriber names whom the transactions that it wants call, and whether it wants them whole.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from remora.devnet.node_gate.messages import Call, dumps, read_frame

ALCHEMY = "alchemy_pendingTransactions"


def for_chain(frame: str) -> str:
    """Return what a client sent as the chain understands it."""
    asked = read_frame(frame) if ALCHEMY in frame else None
    if asked is None:
        return frame
    messages = [_translated(call).message() for call in asked.calls]
    return dumps(messages if asked.is_batch else messages[0])


def for_client(frame: str, asked: tuple[Any, ...]) -> str | None:
    """Return an event of a subscription of these parameters as its client asked for it; None for one it did not."""
    event = json.loads(frame)
    transaction = event["params"]["result"]
    criteria = asked[1] if len(asked) > 1 else {}
    receivers = criteria.get("toAddress", transaction["to"])
    wanted = [receivers] if not isinstance(receivers, list) else receivers
    if _lower(transaction["to"]) not in map(_lower, wanted):
        return None
    if criteria.get("hashesOnly"):
        event["params"]["result"] = transaction["hash"]
    return dumps(event)


def _translated(call: Call) -> Call:
    is_ours = call.method == "eth_subscribe" and call.params[:1] == (ALCHEMY,)
    return replace(call, params=("newPendingTransactions", True)) if is_ours else call


def _lower(address: str | None) -> str | None:
    return address.lower() if address else None
