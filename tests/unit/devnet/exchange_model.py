"""The exchange contract's arithmetic as prose says it (polymarket.md 1.6, 2.2, 2.4), to check trades against.

Written apart from the server: it takes a trade's calldata numbers, moves balances as the contract does, and raises
where the contract reverts.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from remora.devnet.clob.orders import Side, SignedOrder
from remora.devnet.clob.trades import Trade
from remora.devnet.endpoints import Version

FEES = "fees"


class Reverted(Exception):
    """The contract refuses the match."""


class ExchangeModel:
    """Balances of one market's collateral (None) and tokens, and what orders have left.

    Exchange V3 (version "v2") is told what the taker receives, refuses anything else, and counts its buy by shares.
    """

    def __init__(self, version: Version = "v1") -> None:
        self._version = version
        self.balances: defaultdict[str, Counter[int | None]] = defaultdict(Counter)
        self._remaining: dict[int, int] = {}

    def settle(self, trade: Trade) -> None:
        """Move what the trade's `matchOrders` moves."""
        taker = trade.taker.request.order
        makers = [fill.maker.request.order for fill in trade.fills]
        making = [fill.making for fill in trade.fills]
        taking = [given * maker.taker_amount // maker.maker_amount for given, maker in zip(making, makers, strict=True)]
        for maker, given in zip(makers, making, strict=True):
            self._check_crossing(taker, maker)
            self._consume(maker, given)
        through_exchange = any(maker.side is taker.side for maker in makers)
        given, got = self._taker_amounts(taker, makers, making, taking)
        if self._version == "v2" and got != trade.taking:
            raise Reverted("AssetAccountingMismatch")
        if through_exchange:
            if got < trade.making * taker.taker_amount // taker.maker_amount:
                raise Reverted("TooLittleTokensReceived")
            if given != trade.making:
                raise Reverted("something would be refunded")
        elif given > trade.making:
            raise Reverted("ComplementaryFillExceedsTakerFill")
        is_counted_by_shares = self._version == "v2" and taker.side is Side.BUY
        self._consume(taker, got * taker.maker_amount // taker.taker_amount if is_counted_by_shares else given)
        self._move(taker, given, got)
        for maker, gives, gets in zip(makers, making, taking, strict=True):
            self._move(maker, gives, gets)
        self.balances[taker.maker][None] -= trade.fee
        self.balances[FEES][None] += trade.fee

    def _taker_amounts(
        self, taker: SignedOrder, makers: list[SignedOrder], making: list[int], taking: list[int]
    ) -> tuple[int, int]:
        given = got = 0
        for maker, gives, gets in zip(makers, making, taking, strict=True):
            if maker.side is not taker.side:
                given, got = given + gets, got + gives
            elif taker.side is Side.BUY:
                given, got = given + gets - gives, got + gets
            else:
                given, got = given + gives, got + gives - gets
        return given, got

    def _move(self, order: SignedOrder, given: int, got: int) -> None:
        gives, gets = (None, order.token_id) if order.side is Side.BUY else (order.token_id, None)
        self.balances[order.maker][gives] -= given
        self.balances[order.maker][gets] += got

    def _consume(self, order: SignedOrder, given: int) -> None:
        left = self._remaining.get(order.salt, order.maker_amount) - given
        if left < 0:
            raise Reverted("MakingGtRemaining")
        self._remaining[order.salt] = left

    def _check_crossing(self, taker: SignedOrder, maker: SignedOrder) -> None:
        if maker.side is not taker.side:
            crosses = (
                maker.token_id == taker.token_id
                and taker.maker_amount * maker.maker_amount >= taker.taker_amount * maker.taker_amount
            )
        else:
            # In units of both orders' shares: a pair costs one, and yields one.
            pair = taker.shares * maker.shares
            prices = taker.collateral * maker.shares + maker.collateral * taker.shares
            pays = prices >= pair if taker.side is Side.BUY else prices <= pair
            crosses = maker.token_id != taker.token_id and pays
        if not crosses:
            raise Reverted("NotCrossing")
