"""A forking chain with a position ledger: what leaders do there moves shares, and every block has its balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from eth_abi.abi import encode

from remora.detect.transfers import decode_transfer
from remora.domain import contracts
from remora.domain.chain import Log, Receipt
from remora.domain.ids import ZERO_ADDRESS, Address, TokenId, TxHash
from remora.domain.money import Shares
from tests.fakes.forks import STRANGER, Block, ForkingChain
from tests.fakes.specimens import EXCHANGE

LEDGER = Address("0x" + 40 * "d")
YES, NO = TokenId(70), TokenId(71)
AT_FIRST = 10_000
"""Whole shares that everybody has of both tokens in the beginning."""

UNIT = 10**6


class Doing(StrEnum):
    """What a leader can do; the values of exits are those of their kinds."""

    BUY = "buy"
    SELL = "trade"
    SPLIT = "split"
    MERGE = "merge"
    CONVERT = "conversion"
    TRANSFER = "transfer"
    RECEIVE = "receive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a leader does with so many whole shares: of YES, or of both tokens for a split or merge."""

    leader: Address
    doing: Doing
    count: int


CHANGES = {
    Doing.BUY: (1, (YES,)),
    Doing.SELL: (-1, (YES,)),
    Doing.SPLIT: (1, (YES, NO)),
    Doing.MERGE: (-1, (YES, NO)),
    Doing.CONVERT: (-1, (YES,)),
    Doing.TRANSFER: (-1, (YES,)),
    Doing.RECEIVE: (1, (YES,)),
}
"""Whether shares come or go, and of which tokens."""

Exit = tuple[str, str, int, str, int]
"""Transaction, leader, token, kind, and base units."""


class DealingChain(ForkingChain):
    """A chain on which leaders deal. Its balances are those that the transfers in its blocks add up to.

    `exits` has for each block that ever was what left whom in it, and what was held right before, by what was done and
    not by what was logged.
    """

    def __init__(self) -> None:
        self.deeds: dict[TxHash, Sequence[Deed]] = {}
        self.exits: dict[str, dict[Exit, int]] = {}
        super().__init__()

    def mine(self, trades: Sequence[Receipt]) -> Block:
        """Append a block that holds these transactions."""
        block = super().mine(trades)
        held: Counter[tuple[Address, int]] = Counter()
        for each in self.chain:
            self.exits[each.head.hash] = dict(self._exits(each, held))
        return block

    def transaction(self, deeds: Sequence[Deed]) -> Receipt:
        """Return a transaction, in no block yet, in which all of this is done, in order."""
        logs = [log for deed in deeds for log in self._logs(deed)]
        tx_hash = TxHash(_word(next(self.numbers)))
        self.deeds[tx_hash] = deeds
        return Receipt(tx_hash=tx_hash, block_number=0, succeeded=True, gas_used=1, logs=tuple(logs))

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        self._ask("shares_of")
        return _balances(self.chain, holdings)

    async def shares_at(self, holdings: Sequence[tuple[Address, TokenId]], block_hash: str) -> list[Shares] | None:
        self._ask("shares_at")
        hashes = [block.head.hash for block in self.chain]
        if block_hash not in hashes or block_hash in self.pruned:
            return None
        return _balances(self.chain[: hashes.index(block_hash) + 1], holdings)

    def _exits(self, block: Block, held: Counter[tuple[Address, int]]) -> Iterator[tuple[Exit, int]]:
        for receipt in block.receipts:
            for deed in self.deeds[receipt.tx_hash]:
                sign, tokens = CHANGES[deed.doing]
                units = deed.count * UNIT
                for token in tokens:
                    if sign < 0:
                        exit_ = (receipt.tx_hash, deed.leader, token, deed.doing.value, units)
                        yield exit_, AT_FIRST * UNIT + held[deed.leader, token]
                    held[deed.leader, token] += sign * units

    def _logs(self, deed: Deed) -> Sequence[Log]:
        leader, units, both = deed.leader, deed.count * UNIT, (YES, NO)
        logs: Mapping[Doing, Sequence[Log]] = {
            Doing.BUY: [_transfer(EXCHANGE, EXCHANGE, leader, units, YES), self._filled(leader, 0, units)],
            Doing.SELL: [_transfer(EXCHANGE, leader, EXCHANGE, units, YES), self._filled(leader, 1, units)],
            Doing.SPLIT: [
                _transfer(leader, ZERO_ADDRESS, leader, units, *both),
                _event(contracts.POSITION_SPLIT, leader),
            ],
            Doing.MERGE: [
                _transfer(leader, leader, ZERO_ADDRESS, units, *both),
                _event(contracts.POSITIONS_MERGE, leader),
            ],
            Doing.CONVERT: [
                _transfer(leader, leader, contracts.CONVERSION_BURN, units, YES),
                _event(contracts.NEG_RISK_CONVERSION, leader),
            ],
            Doing.TRANSFER: [_transfer(leader, leader, STRANGER, units, YES)],
            Doing.RECEIVE: [_transfer(STRANGER, STRANGER, leader, units, YES)],
        }
        return logs[deed.doing]

    def _filled(self, leader: Address, side: int, units: int) -> Log:
        amounts = (units, units // 2) if side else (units // 2, units)
        parties = (_word(next(self.numbers)), _topic(leader), _topic(STRANGER))
        data = b"".join(word.to_bytes(32) for word in (side, YES, *amounts, 0, 0, 0))
        return Log(address=EXCHANGE, topics=(contracts.ORDER_FILLED, *parties), data=data)


def _balances(blocks: Iterable[Block], holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
    moved: Counter[tuple[Address, int]] = Counter()
    for block in blocks:
        for transfer in filter(None, map(decode_transfer, block.logs)):
            for token_id, units in zip(transfer.token_ids, transfer.amounts, strict=True):
                moved[transfer.sender, token_id] -= units
                moved[transfer.receiver, token_id] += units
    return [Shares(AT_FIRST * UNIT + moved[holding]) for holding in holdings]


def _transfer(operator: Address, sender: Address, receiver: Address, units: int, *tokens: int) -> Log:
    return Log(
        address=LEDGER,
        topics=(contracts.TRANSFER_BATCH, *map(_topic, (operator, sender, receiver))),
        data=encode(["uint256[]", "uint256[]"], [tokens, [units for _ in tokens]]),
    )


def _event(topic: str, account: Address) -> Log:
    return Log(address=LEDGER, topics=(topic, _topic(account), _word(5)), data=bytes(32))


def _word(number: int) -> str:
    return f"0x{number:064x}"


def _topic(wallet: Address) -> str:
    return "0x" + wallet[2:].rjust(64, "0")
