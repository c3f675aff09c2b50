"""Balances and allowances read from the chain, as of the last block that the server has acted on.

Each is read once, at that block's number, and then kept up to date by what the blocks after it did (funds.py): a read
that was answered from a newer block would count a just mined trade twice. Reads that come together share one request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from remora.devnet.clob.funds import Funds, Holding, Purse
from remora.devnet.clob.signing import address_word, word
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import ledger_of
from remora.devnet.remembering import Remembering
from remora.devnet.rpc import Node, Request
from remora.domain.errors import Refused
from remora.domain.ids import Address

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")
_BALANCE_OF_TOKEN = bytes.fromhex("00fdd58e")
_IS_APPROVED_FOR_ALL = bytes.fromhex("e985e9c5")
_UNLIMITED = 2**256 - 1
#: What anvil says of a block beyond its last one: a reorg took it, and it is replaced, or the server told, in a moment.
_LOST = "BlockOutOfRange"
_PAUSE_S = 0.02


class Accounts(Remembering):
    """Keeps `funds.known` filled with what is asked for."""

    remembered = ("_block",)

    def __init__(self, node: Node, contracts: Contracts, funds: Funds) -> None:
        self._node = node
        self._contracts = contracts
        self._funds = funds
        self._block = 0
        self._wanted: dict[Purse, None] = {}
        self._reading = asyncio.Lock()

    def move_to(self, block_number: int, touched: Collection[str]) -> None:
        """Act on another block from now on; it did something to what the `touched` owners have."""
        self._block = block_number
        self._funds.forget(touched)

    def start_over(self, block_number: int) -> None:
        """Forget everything: the chain is not what it was after this block."""
        self._block = block_number
        self._funds.known = {}

    async def ensure(self, purses: Collection[Purse]) -> None:
        """Return when all these purses are known; does not wait when they already are."""
        while missing := self._funds.missing(purses):
            self._wanted.update(dict.fromkeys(missing))
            async with self._reading:
                # Who held the lock before may have read these too.
                if self._funds.missing(missing):
                    await self._read()

    async def _read(self) -> None:
        wanted, self._wanted = list(self._wanted), {}
        block = self._block
        calls = [request for purse in wanted for request in self._requests(purse, hex(block))]
        try:
            answers = await self._node.batch(calls)
        except Refused as refused:
            if _LOST not in str(refused):
                raise
            await asyncio.sleep(_PAUSE_S)
            return
        if block != self._block:
            return
        for purse, balance, allowance in zip(wanted, answers[::2], answers[1::2], strict=True):
            self._funds.known[purse] = Holding(int(balance, 16), _allowance(purse, int(allowance, 16)))

    def _requests(self, purse: Purse, block: str) -> tuple[Request, Request]:
        owner, spender = address_word(purse.owner), address_word(purse.spender)
        if purse.token_id is None:
            to = Address(self._contracts.collateral)
            balance, allowance = _BALANCE_OF + owner, _ALLOWANCE + owner + spender
        else:
            to = ledger_of(self._contracts, purse.token_id)
            balance = _BALANCE_OF_TOKEN + owner + word(purse.token_id)
            allowance = _IS_APPROVED_FOR_ALL + owner + spender
        return _call(to, balance, block), _call(to, allowance, block)


def _call(to: str, data: bytes, block: str) -> Request:
    return Request(method="eth_call", params=({"to": to, "data": "0x" + data.hex()}, block))


def _allowance(purse: Purse, answer: int) -> int:
    """Return an answer as an amount: an ERC-1155 approval is all or nothing."""
    if purse.token_id is None:
        return answer
    return _UNLIMITED if answer else 0
