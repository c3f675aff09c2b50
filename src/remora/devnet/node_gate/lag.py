"""What a node that lags would be asked and would know: calls bounded by the last block that it has seen."""

from __future__ import annotations

from typing import Any

from remora.devnet.node_gate.messages import Call

TAGS = ("latest", "pending", "safe", "finalized")
"""What a block may be called by its place: each is the newest one here."""


def bounded(call: Call, visible: int) -> Call:
    """Return the call with every block at or below the block `visible`."""
    if call.method == "eth_getLogs" and call.params and isinstance(call.params[0], dict):
        criteria = call.params[0]
        if "blockHash" in criteria:
            return call
        bounds = {name: _at_most(criteria.get(name, "latest"), visible) for name in ("fromBlock", "toBlock")}
        if _number(criteria.get("fromBlock", "latest")) > visible:
            # A range that ends before it starts is an error to some nodes: ask for what cannot be there.
            return call.with_params({**criteria, **bounds, "topics": [["0x" + 64 * "0"]]})
        return call.with_params({**criteria, **bounds})
    return call.with_params(*(hex(visible) if _is_tag(param) else param for param in call.params))


def is_hidden(call: Call, answered: Any, visible: int) -> bool:
    """Tell whether an answer is about a block that is not seen yet."""
    if not isinstance(answered, dict):
        return False
    known = {"eth_getBlockByNumber": "number", "eth_getBlockByHash": "number"}.get(call.method, "blockNumber")
    return isinstance(answered.get(known), str) and int(answered[known], 16) > visible


def _at_most(block: object, visible: int) -> str:
    return hex(min(_number(block), visible))


def _number(block: object) -> int:
    """Return a block's number; a tag for the head is beyond all, "earliest" is 0."""
    if _is_tag(block):
        return 2**63
    return 0 if block == "earliest" else int(str(block), 16)


def _is_tag(value: object) -> bool:
    return isinstance(value, str) and value in TAGS
