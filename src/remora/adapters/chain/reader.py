"""Reading the chain through a node: blocks, logs and receipts, balances and allowances, fees.

Many balances are one round trip: eth_call batches for collateral, balanceOfBatch for shares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import structlog

from remora.adapters.chain import tokens
from remora.adapters.chain.block_receipts import BlockReceipts
from remora.adapters.chain.clearinghouse import FOLLOWER_WORDS, follower, is_operator, parse_follower
from remora.adapters.chain.filters import bounded, query
from remora.adapters.chain.jsonrpc import AnswerLost, NodeError, Request, Written, read_error
from remora.adapters.chain.ranges import Width
from remora.adapters.chain.rpc import RpcClient
from remora.domain.chain import Gap, Head, LogFilter, LogPlace, Receipt, parse_place, parse_receipt, quantity
from remora.domain.contracts import Ledgers, is_position_id
from remora.domain.errors import Malformed, Retryable
from remora.domain.ids import Address, ConditionId, TokenId, TxHash, word
from remora.domain.ignored import Ignored
from remora.domain.means import Means, Peg
from remora.domain.money import ONE, Collateral, Price, Shares, Wei, mul_div_floor
from remora.domain.transaction import GasPrice
from remora.domain.usage import HeldToken

log = structlog.get_logger()

T = TypeVar("T")

POLYGON = 137
POLYGON_PRIORITY_FEE = Wei(25 * 10**9)
"""What Polygon's nodes ask for at least (polymarket.md 6); their own suggestion can be below it."""

_BASE_FEE_FACTOR = 2
"""The base fee grows by at most an eighth per block: twice the latest lasts for six full blocks."""

_HOLDINGS_PER_CALL = 1000
"""Far below a node's gas cap for eth_call: a balance costs about 3,000 gas."""

_WORD_BYTES = 32

_OUTCOMES = (0, 1)
"""YES and NO."""

_IDS_PER_PAIR = 256
"""The last byte of a PositionManager's id is the outcome."""

_ROUND_WORDS = 5
_NEGATIVE = 2**255
"""Where a word that is a signed number turns negative."""
_MOST_DECIMALS = 36
_HEADS = ("newHeads",)

_Block: TypeAlias = str | dict[str, str]
"""How a node is told of which block: a tag, or a hash in an object."""

_LATEST = Written('"latest"')


class NodeReader:
    """A ChainReader. `silence_s` without a new block or log counts as a lost connection.

    A log, head or receipt that cannot be read is counted in `ignored` and left out.
    """

    def __init__(
        self,
        rpc: RpcClient,
        *,
        collateral: Address,
        ledgers: Ledgers,
        silence_s: float = 60.0,
        ignored: Ignored | None = None,
    ) -> None:
        self._rpc = rpc
        self._collateral = collateral
        self._ledgers = ledgers
        self._silence_s = silence_s
        self._ignored = ignored or Ignored()
        self._width = Width()
        self._filters: Sequence[LogFilter] = ()
        self._queries: Sequence[Written] = ()
        self._block_receipts = BlockReceipts(rpc, self._ignore)

    async def chain_id(self) -> int:
        return quantity(await self._call("eth_chainId"))

    async def head(self) -> Head:
        return parse_head(await self._call("eth_getBlockByNumber", "latest", False))

    async def block(self, number: int) -> Head:
        found = await self._call("eth_getBlockByNumber", hex(number), False)
        if found is None:
            raise Retryable(f"the node has no block {number}")
        return parse_head(found)

    async def stream(self, filters: Sequence[LogFilter]) -> AsyncGenerator[LogPlace | Head | Gap, None]:
        """Yield logs' places and heads in order of arrival; a log that matches several filters comes once for each."""
        subscriptions = [("logs", query(each)) for each in filters]
        try:
            async with self._rpc.subscribed(_HEADS, *subscriptions) as feed:
                yield Gap(reason="subscribed")
                while True:
                    index, payload = await feed.next(self._silence_s)
                    item = self._read(parse_place, payload) if index else self._read(parse_head, payload)
                    if item is not None:
                        yield item
        except TimeoutError:
            raise Retryable(f"the node sent no new block for {self._silence_s} s") from None
        except NodeError as error:
            raise read_error(error) from None

    async def logs(self, filters: Sequence[LogFilter], from_block: int, to_block: int) -> list[LogPlace]:
        """Return the places of past logs in chain order, each once. A range that the node finds too wide is halved."""
        found: set[LogPlace] = set()
        for asked in self._queries_of(filters):
            raws = await self._logs(asked, from_block, to_block)
            found.update(place for raw in raws if (place := self._read(_past_place, raw)) is not None)
        return sorted(found, key=_position)

    async def receipts(self, block_hash: str, filters: Sequence[LogFilter]) -> list[Receipt] | None:
        return await self._block_receipts.read(block_hash, filters)

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        raw = await self._call("eth_getTransactionReceipt", tx_hash)
        return None if raw is None else parse_receipt(raw)

    async def collateral_of(self, wallets: Sequence[Address]) -> list[Collateral]:
        answers = await self._eth_calls(self._collateral, [tokens.balance_of(wallet) for wallet in wallets])
        return [Collateral(units) for units in answers]

    async def collateral_allowances(self, wallets: Sequence[Address], spender: Address) -> list[Collateral]:
        answers = await self._eth_calls(self._collateral, [tokens.allowance(wallet, spender) for wallet in wallets])
        return [Collateral(units) for units in answers]

    async def shares_approved(self, wallets: Sequence[Address], spender: Address, ledger: Address) -> list[bool]:
        calls = [tokens.is_approved_for_all(wallet, spender) for wallet in wallets]
        return [bool(answer) for answer in await self._eth_calls(ledger, calls)]

    async def means_of(self, wallets: Sequence[Address], clearinghouse: Address) -> list[Means]:
        """Return the means of all wallets by one batch."""
        answers = await self._batch(
            call
            for wallet in wallets
            for call in (
                _eth_call(self._collateral, tokens.balance_of(wallet)),
                _eth_call(self._collateral, tokens.allowance(wallet, clearinghouse)),
                _eth_call(clearinghouse, follower(wallet)),
            )
        )
        return [
            Means(
                collateral=Collateral(_words(balance, 1, self._collateral)[0]),
                allowance=Collateral(_words(allowance, 1, self._collateral)[0]),
                membership=parse_follower(_words(terms, FOLLOWER_WORDS, clearinghouse)),
            )
            for balance, allowance, terms in zip(answers[::3], answers[1::3], answers[2::3], strict=True)
        ]

    async def payouts(self, held: Collection[HeldToken]) -> Mapping[TokenId, Price | None]:
        """Return what a share pays, rounded down, of each token whose market is resolved; asked once for each market.

        None where that is not told: for shares of ConditionalTokens of a collateral that is not known.
        """
        over = await self._conditions({each.condition_id for each in held if not is_position_id(each.token_id)})
        pairs = {each.token_id // _IDS_PER_PAIR for each in held if is_position_id(each.token_id)}
        worth = {pair: paid for pair in pairs if (paid := await self._worth(pair)) is not None}
        found: dict[TokenId, Price | None] = {}
        for token_id, condition_id in held:
            if is_position_id(token_id):
                if token_id // _IDS_PER_PAIR in worth:
                    found[token_id] = worth[token_id // _IDS_PER_PAIR].get(token_id)
            elif condition_id in over:
                found[token_id] = over[condition_id].get(token_id)
        return found

    async def _conditions(
        self, conditions: Collection[ConditionId | None]
    ) -> Mapping[ConditionId | None, Mapping[TokenId, Price]]:
        """Return the resolved ones of ConditionalTokens, and what a share of each outcome pays."""
        known = [each for each in conditions if each is not None]
        ledger, calls = self._ledgers.conditional_tokens, [tokens.payout_denominator(each) for each in known]
        denominators = dict(zip(known, await self._eth_calls(ledger, calls), strict=True))
        outcomes = [(each, outcome) for each in known if denominators[each] for outcome in _OUTCOMES]
        numerators = await self._eth_calls(ledger, [tokens.payout_numerators(*each) for each in outcomes])
        collections = await self._eth_calls(ledger, [tokens.get_collection_id(*each) for each in outcomes])
        found: dict[ConditionId | None, dict[TokenId, Price]] = {each: {} for each in known if denominators[each]}
        for (condition_id, _), numerator, collection_id in zip(outcomes, numerators, collections, strict=True):
            payout = Price(mul_div_floor(numerator, ONE, denominators[condition_id]))
            for collateral in self._ledgers.share_collaterals:
                found[condition_id][tokens.position_id(collateral, collection_id)] = payout
        return found

    async def _worth(self, pair: int) -> Mapping[TokenId, Price] | None:
        """Return what a share of YES and one of NO pay, None while their market is open.

        The PositionManager has no word for a resolved market. Asked what a share of an open one is worth, it reverts;
        of a resolved one both are worth 1 together, each rounded down.
        """
        paid: dict[TokenId, Price] = {}
        for outcome in _OUTCOMES:
            position = TokenId(pair * _IDS_PER_PAIR + outcome)
            found = await self._asked(self._ledgers.position_manager, tokens.get_payout(position, Shares(ONE)))
            if found is None:
                return None
            paid[position] = Price(found)
        return paid if sum(each.units for each in paid.values()) in (ONE - 1, ONE) else None

    async def collateral_paused(self) -> bool:
        """Return what the token's `paused()` says; a token without one reverts, or answers nothing."""
        return bool(await self._asked(self._collateral, tokens.paused()))

    async def _asked(self, contract: Address, data: bytes) -> int | None:
        """Return the word that a contract answers; None when it reverts, or answers nothing."""
        request = _eth_call(contract, data)
        try:
            answer = await self._rpc.call(request.method, *request.params)
        except NodeError as error:
            if isinstance(trouble := read_error(error), Retryable):
                raise trouble from None
            return None
        return None if answer == "0x" else _words(answer, 1, contract)[0]

    async def peg(self, feed: Address) -> Peg:
        """Read a price feed of Chainlink's kind: the latest answer, in the feed's decimals, and when it was given."""
        latest, decimals = await self._batch(
            [_eth_call(feed, tokens.latest_round_data()), _eth_call(feed, tokens.decimals())]
        )
        _, answer, _, told_s, _ = _words(latest, _ROUND_WORDS, feed)
        (places,) = _words(decimals, 1, feed)
        if not (0 < answer < _NEGATIVE and places <= _MOST_DECIMALS):
            raise Malformed(f"expected a price from {feed}, found {answer} with {places} decimals")
        return Peg(price=Price(mul_div_floor(answer, ONE, 10**places)), told_s=told_s)

    async def is_operator(self, wallet: Address, clearinghouse: Address) -> bool:
        (answer,) = await self._eth_calls(clearinghouse, [is_operator(wallet)])
        return bool(answer)

    async def shares_of(self, holdings: Sequence[tuple[Address, TokenId]]) -> list[Shares]:
        try:
            return await self._shares(holdings, "latest")
        except NodeError as error:
            raise read_error(error) from None

    async def shares_at(self, holdings: Sequence[tuple[Address, TokenId]], block_hash: str) -> list[Shares] | None:
        """Return balances after a block, by its hash (EIP-1898): a number may be another block's by now.

        Nodes say in as many ways as there are nodes that they lack a block's state, some call it a revert.
        """
        try:
            return await self._shares(holdings, {"blockHash": block_hash})
        except NodeError as error:
            if error.is_rate_limit:
                raise read_error(error) from None
            log.info("state_not_served", block=block_hash, error=str(error))
            return None

    async def _shares(self, holdings: Sequence[tuple[Address, TokenId]], block: _Block) -> list[Shares]:
        by_ledger: defaultdict[Address, list[tuple[Address, TokenId]]] = defaultdict(list)
        for holding in holdings:
            by_ledger[self._ledgers.of(holding[1])].append(holding)
        held: dict[tuple[Address, TokenId], Shares] = {}
        for ledger, asked in by_ledger.items():
            held.update(zip(asked, await self._balances(ledger, asked, block), strict=True))
        return [held[holding] for holding in holdings]

    async def _balances(
        self, ledger: Address, holdings: Sequence[tuple[Address, TokenId]], block: _Block
    ) -> list[Shares]:
        balances: list[Shares] = []
        for start in range(0, len(holdings), _HOLDINGS_PER_CALL):
            asked = holdings[start : start + _HOLDINGS_PER_CALL]
            request = _eth_call(ledger, tokens.balance_of_batch(asked), block)
            answer = await self._rpc.call(request.method, *request.params)
            # The array's offset and its length come before its items.
            balances += [Shares(units) for units in _words(answer, 2 + len(asked), ledger)[2:]]
        return balances

    async def native_of(self, wallets: Sequence[Address]) -> list[Wei]:
        requests = (Request(method="eth_getBalance", params=(wallet, "latest")) for wallet in wallets)
        return [Wei(quantity(answer)) for answer in await self._batch(requests)]

    async def account_nonce(self, wallet: Address) -> int:
        return quantity(await self._call("eth_getTransactionCount", wallet, "latest"))

    async def gas_price(self) -> GasPrice:
        """Return the latest base fee twice plus the node's suggested priority fee, on Polygon at least its minimum."""
        chain_id, block, suggested = await self._batch(
            [
                Request(method="eth_chainId"),
                Request(method="eth_getBlockByNumber", params=("latest", False)),
                Request(method="eth_maxPriorityFeePerGas"),
            ]
        )
        least = POLYGON_PRIORITY_FEE if quantity(chain_id) == POLYGON else Wei(0)
        priority_fee = max(Wei(quantity(suggested)), least)
        base_fee = quantity(_fields(block).get("baseFeePerGas"))
        return GasPrice(max_fee=Wei(base_fee * _BASE_FEE_FACTOR) + priority_fee, priority_fee=priority_fee)

    def _queries_of(self, filters: Sequence[LogFilter]) -> Sequence[Written]:
        """Return the filters as queries; those of thousands of leaders are megabytes, and asked every few blocks."""
        if filters is not self._filters:
            self._filters, self._queries = filters, [query(each) for each in filters]
        return self._queries

    async def _logs(self, asked: Written, from_block: int, to_block: int) -> list[Any]:
        """Ask for raw logs in ranges as wide as the node lets us."""
        raws: list[Any] = []
        first = from_block
        while first <= to_block:
            last = self._width.last_of(first, to_block)
            found = await self._range(asked, first, last)
            if found is not None:
                self._width.succeed(last - first + 1)
                raws += found
                first = last + 1
        return raws

    async def _range(self, asked: Written, first: int, last: int) -> list[Any] | None:
        """Ask for one range; None when it is too wide for the node, and a narrower one may not be."""
        bounds = {"fromBlock": hex(first), "toBlock": hex(last)}
        try:
            found = await self._rpc.call("eth_getLogs", bounded(asked, bounds))
        except NodeError as error:
            if not error.is_too_wide or first >= last:
                raise read_error(error) from None
        except AnswerLost:
            # The next attempt may be answered in time, or may not break the connection.
            self._width.lose(last - first + 1)
            raise
        else:
            if not isinstance(found, list):
                raise Malformed(f"expected a list of logs, found {type(found).__name__}")
            return found
        self._width.fail(last - first + 1)
        return None

    def _read(self, parse: Callable[[Any], T], raw: Any) -> T | None:
        """Read what a node sent; None, counted, for what is malformed."""
        try:
            return parse(raw)
        except Malformed as error:
            self._ignore("malformed_message", error)
            return None

    def _ignore(self, name: str, error: Malformed) -> None:
        if self._ignored.add(name):
            log.warning("ignored", what=name, error=str(error), times=self._ignored.counts()[name])

    async def _eth_calls(self, contract: Address, calls: Iterable[bytes]) -> list[int]:
        """Call a contract many times; each call answers with one word."""
        answers = await self._batch(_eth_call(contract, data) for data in calls)
        return [_words(answer, 1, contract)[0] for answer in answers]

    async def _call(self, method: str, *params: Any) -> Any:
        try:
            return await self._rpc.call(method, *params)
        except NodeError as error:
            raise read_error(error) from None

    async def _batch(self, requests: Iterable[Request]) -> list[Any]:
        try:
            return await self._rpc.batch(requests)
        except NodeError as error:
            raise read_error(error) from None


def _eth_call(contract: Address, data: bytes, block: _Block = _LATEST) -> Request:
    return Request(method="eth_call", params=(Written(f'{{"to":"{contract}","data":"0x{data.hex()}"}}'), block))


def _words(answer: Any, count: int, contract: Address) -> list[int]:
    """Read the words that a contract answered; an address without a contract answers with none."""
    try:
        packed = bytes.fromhex(answer[2:])
    except (TypeError, ValueError):
        packed = b""
    if len(packed) != _WORD_BYTES * count:
        raise Malformed(f"expected {count} words from {contract}, found {answer!r:.80}: is it the right contract?")
    return [int.from_bytes(packed[at : at + _WORD_BYTES]) for at in range(0, len(packed), _WORD_BYTES)]


def parse_head(raw: Any) -> Head:
    """Read one JSON-RPC block or header; Malformed names the field that is missing or wrong."""
    block = _fields(raw)
    return Head(
        number=quantity(block.get("number")),
        hash=word(block.get("hash", "")),
        parent_hash=word(block.get("parentHash", "")),
        timestamp_s=quantity(block.get("timestamp")),
    )


def _fields(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Malformed(f"expected a block, found {type(raw).__name__}")
    return raw


def _past_place(raw: Any) -> LogPlace:
    place = parse_place(raw)
    if place.block_number is None or place.log_index is None:
        raise Malformed("expected a past log to have a block number and an index")
    return place


def _position(place: LogPlace) -> tuple[int, int]:
    assert place.block_number is not None
    assert place.log_index is not None
    return place.block_number, place.log_index
