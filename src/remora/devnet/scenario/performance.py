"""Carries a plan out on a stage, one step after another, as fast as the script says and the machine can.

Being late changes nothing: before every trade the market maker's ladder is what the plan says, with more at its best
price than the trade takes. What cannot be done is skipped, and told with the reason.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import assert_never

import aiohttp
from polymarket import PolymarketError

from remora.devnet.balances import shares_of
from remora.devnet.markets import resolve_market
from remora.devnet.scenario import exits
from remora.devnet.scenario.deeds import Act, Deed, Happening, Merge, Quote, Redeem, Step, Trade
from remora.devnet.scenario.format import EventEntry
from remora.devnet.scenario.score import Score
from remora.devnet.scenario.stage import Position, Stage
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.outcome import Outcome
from remora.devnet.traders.persistence import insist
from remora.domain.errors import OutcomeUnknown, Refused
from remora.domain.money import Price, Shares
from remora.domain.signal import Side

_PATIENCE_S = 30.0
_POLL_S = 0.05

Say = Callable[[str], None]


class Performance:
    """A plan in progress; `score` is right at any time."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self.score = Score()
        self._stage = stage
        self._say = say
        self._held: Counter[Position] = Counter(stage.held)
        self._mids: dict[str, Price] = {}

    async def play(self, steps: Iterable[Step]) -> None:
        """Do the steps, none before its time, and end when the script does."""
        start_s, until = asyncio.get_running_loop().time(), self._stage.scenario.file.until
        for step in steps:
            await self._wait(start_s, step.at_ms)
            await self._do(step)
        await self._settle()
        await self._wait(start_s, (until and until.ms) or 0)

    async def _wait(self, start_s: float, at_ms: int) -> None:
        """Wait for a time of the script, unless it is to be as fast as possible."""
        speed = self._stage.scenario.file.speed
        if speed is not None:
            passed_s = asyncio.get_running_loop().time() - start_s
            await asyncio.sleep(max(0.0, at_ms / 1000 / float(speed) - passed_s))

    async def _settle(self) -> None:
        """Wait until what leaders bought is theirs on chain; tell what is not."""
        for leader, market, outcome in list(self._held):
            try:
                await self._until_held(leader, market, outcome, Shares(self._held[leader, market, outcome]))
            except Refused as error:
                self._say(f"         leader {leader} in {market}: {error}")

    async def _do(self, step: Step) -> None:
        match step.deed:
            case Quote() as quote:
                await self._quote(quote)
            case Happening() as happening:
                self._tell(step.at_ms, happening)
                try:
                    await self._happen(happening.event)
                except Refused as error:
                    self._say(f"         the devnet refuses: {error}")
            case Trade() | Merge() | Redeem() as act:
                await self._attempt(act, step.at_ms)
            case _:
                assert_never(step.deed)

    def _tell(self, at_ms: int, deed: Deed, reason: str = "") -> None:
        skipped = f" - skipped: {reason}" if reason else ""
        self._say(f"{at_ms // 1000:>5}.{at_ms % 1000 // 100} s  {deed}{skipped}")

    async def _quote(self, quote: Quote) -> None:
        """Quote as soon as the venue lets; a trade that depends on it insists."""
        self._mids[quote.market] = quote.mid
        with suppress(PolymarketError):
            await self._ladder(quote.market)

    async def _ladder(self, market: str) -> None:
        setup = self._stage.scenario.markets[market]
        await self._stage.maker.quote(self._stage.markets[market], setup.ladder(self._mids[market]))

    async def _attempt(self, act: Act, at_ms: int) -> None:
        try:
            await self._carry_out(act)
        except (Refused, OutcomeUnknown, PolymarketError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.score.skip(act, reason)
            self._tell(at_ms, act, reason)
        else:
            self.score.count(act)
            self._tell(at_ms, act)

    async def _carry_out(self, act: Act) -> None:
        match act:
            case Trade():
                await self._trade(act)
            case Merge():
                await self._merge(act)
            case Redeem():
                await self._redeem(act)
            case _:
                assert_never(act)

    async def _trade(self, trade: Trade) -> None:
        leader, market = self._stage.leaders[trade.leader], self._stage.markets[trade.market]
        if trade.side is Side.SELL:
            await self._until_held(trade.leader, trade.market, trade.outcome, trade.shares)
        if trade.rests:
            await self._sell_to(leader, trade)
        else:
            await insist(lambda: self._ladder(trade.market))
            await leader.trade_exactly(market, trade.outcome, trade.side, trade.price, trade.shares, spend=trade.spend)
        self._held[trade.leader, trade.market, trade.outcome] += trade.least_gain

    async def _sell_to(self, leader: Leader, trade: Trade) -> None:
        """Have the market maker step aside and sell to the leader's bid."""
        setup, market = self._stage.scenario.markets[trade.market], self._stage.markets[trade.market]
        maker, ladder = self._stage.maker, setup.ladder_beside(trade.outcome.price_at(trade.price))
        await insist(lambda: maker.quote(market, ladder))
        await leader.buy_at_rest(
            market,
            trade.outcome,
            trade.price,
            trade.shares,
            sell=lambda: maker.sell(market, trade.outcome, trade.price, trade.shares),
        )

    async def _merge(self, merge: Merge) -> None:
        for outcome in Outcome:
            await self._until_held(merge.leader, merge.market, outcome, merge.shares)
        stage = self._stage
        wallet, contracts = stage.leaders[merge.leader].wallet, stage.devnet.funding.contracts
        await exits.merge(stage.devnet.node, contracts, wallet, stage.markets[merge.market], merge.shares)
        for outcome in Outcome:
            self._held[merge.leader, merge.market, outcome] -= merge.shares.units

    async def _redeem(self, redeem: Redeem) -> None:
        positions = [(redeem.leader, redeem.market, outcome) for outcome in Outcome]
        for position in positions:
            await self._until_held(*position, Shares(self._held[position]))
        stage = self._stage
        wallet, contracts = stage.leaders[redeem.leader].wallet, stage.devnet.funding.contracts
        await exits.redeem(stage.devnet.node, contracts, wallet, stage.markets[redeem.market])
        for position in positions:
            del self._held[position]

    async def _until_held(self, leader: int, market: str, outcome: Outcome, shares: Shares) -> None:
        """Wait until what was bought is in the wallet; raise Refused when it was not bought."""
        bought = Shares(self._held[leader, market, outcome])
        if bought < shares:
            raise Refused(f"it needs {shares} {outcome} and has {bought}, since an earlier trade was skipped")
        stage, token_id = self._stage, outcome.token_of(self._stage.markets[market])
        wallet, contracts = stage.leaders[leader].wallet, stage.devnet.funding.contracts
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while await shares_of(stage.devnet.node, contracts, wallet, token_id) < shares:
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise Refused(f"{shares} {outcome} did not arrive in its wallet within {_PATIENCE_S:g} s") from None

    async def _happen(self, event: EventEntry) -> None:
        stage = self._stage
        if event.resolve:
            market = stage.markets[event.resolve.market]
            stage.maker.leave(market)
            await resolve_market(stage.devnet.node, stage.devnet.funding.contracts, market, event.resolve.payouts())
        elif event.faults:
            await self._control("POST", {"faults": list(event.faults)})
        elif event.clear_faults:
            await self._control("DELETE")
        elif event.open_market:
            for name in event.open_market.terms():
                await stage.open(stage.scenario.markets[name])
        elif event.move_time_ms:
            await stage.devnet.node.call("evm_increaseTime", event.move_time_ms // 1000)
            await stage.devnet.node.call("evm_mine")

    async def _control(self, method: str, document: object = None) -> None:
        """Ask the devnet's control API; raise Refused with its problems."""
        url = self._stage.devnet.endpoints.control_url + "/faults"
        async with aiohttp.ClientSession() as session, session.request(method, url, json=document) as response:
            answer = await response.json()
        if problems := answer.get("problems"):
            raise Refused("; ".join(problem["text"] for problem in problems))
