"""Reads of the state after one block, as nodes promise them.

anvil looks first whether the block that is asked for is its newest, and then into its newest state. When it mines in
between, it answers with the state after the next block: a balance that no node would give for the block's hash. Its
number of the last block alone does not tell, for it comes a moment after the state. The state itself does, as the hash
of every block is written with it; but what reads the newest state may err in the same way while that number changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from remora.devnet.node_gate.lag import TAGS
from remora.devnet.node_gate.messages import Call
from remora.domain.order_hash import keccak

_READS = frozenset({"eth_call", "eth_getBalance", "eth_getCode", "eth_getTransactionCount"})
"""What takes a block, by its number, its hash or as a tag, as its second parameter."""

_TELLER = "0x" + 38 * "0" + "b1"
_BLOCKHASH = "0x7f{number:064x}4060005260206000f3"
"""Code, for nobody's account, that returns what BLOCKHASH answers for a number."""

Ask = Callable[[Call], Awaitable[dict[str, Any]]]
"""The chain's own answer to a call."""


def may_read_a_block(text: str | bytes) -> bool:
    """Tell, without understanding it, whether a client's message may hold a read of one block's state."""
    message = text if isinstance(text, str) else text.decode(errors="replace")
    return any(method in message for method in _READS)


def reads_a_block(call: Call) -> bool:
    """Tell whether a call is for the state after a block that it names, rather than after the newest one."""
    return call.method in _READS and len(call.params) > 1 and call.params[1] not in TAGS


async def steadily(ask: Ask, call: Call) -> dict[str, Any]:
    """Return the chain's answer to a call; a read of a block's state is repeated until no block came meanwhile."""
    if not reads_a_block(call):
        return await ask(call)
    while True:
        last = await head(ask)
        answered = await ask(call)
        if not await _holds(ask, last + 1) and await head(ask) == last:
            return answered


async def head(ask: Ask) -> int:
    """Return the number of the chain's last block."""
    answered = await ask(Call(id=0, method="eth_blockNumber", params=()))
    return int(answered["result"], 16)


async def _holds(ask: Ask, number: int) -> bool:
    """Tell whether the newest state is of a block of this number or a later one.

    For the hash of a block that its state does not know anvil stands in the hash of the number's digits.
    """
    code = {_TELLER: {"code": _BLOCKHASH.format(number=number)}}
    params = ({"to": _TELLER}, "latest", code, {"number": hex(number + 1)})
    answered = await ask(Call(id=0, method="eth_call", params=params))
    return bool(answered.get("result") != "0x" + keccak(str(number).encode()).hex())
