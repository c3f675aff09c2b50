"""Logs of transfers and of what made or consumed shares, as ConditionalTokens and adapters leave them."""

from __future__ import annotations

from eth_abi.abi import encode

from remora.domain import contracts
from remora.domain.chain import Log
from remora.domain.contracts import CONDITIONAL_TOKENS
from remora.domain.ids import Address

_CONDITION = "0x" + 64 * "5"


def transfer(operator: Address, sender: Address, receiver: Address, *moved: tuple[int, int]) -> Log:
    """Return a TransferBatch of tokens and amounts in whole shares."""
    ids, amounts = [token for token, _ in moved], [count * 10**6 for _, count in moved]
    return Log(
        address=CONDITIONAL_TOKENS,
        topics=(contracts.TRANSFER_BATCH, *map(_padded, (operator, sender, receiver))),
        data=encode(["uint256[]", "uint256[]"], [ids, amounts]),
    )


def event(emitter: Address, topic: str, account: Address) -> Log:
    """Return the event by which a contract says what it did for an account."""
    return Log(address=emitter, topics=(topic, _padded(account), _CONDITION), data=bytes(32))


def _padded(party: Address) -> str:
    return "0x" + party[2:].rjust(64, "0")
