"""What the leaders do: a few trades that show everything, then as many more as were asked for, by the seed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from polymarket import AcceptedOrder

from remora.devnet.demo.cast import Cast
from remora.devnet.endpoints import Endpoints, Market
from remora.devnet.sdk import async_client
from remora.devnet.traders.leader import Leader
from remora.devnet.traders.outcome import Outcome
from remora.domain.errors import OperatorError
from remora.domain.ids import TokenId
from remora.domain.money import ONE, Collateral, Price, Shares, parse_units
from remora.domain.signal import Side

LARGEST_RANDOM_TRADE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One leader trade: buy for `amount`, or sell half of what is held."""

    leader: int
    market: int
    outcome: Outcome
    side: Side
    amount: Collateral = Collateral(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A leader trade that was made, as the venue answered it."""

    leader: int
    side: Side
    token_id: TokenId
    shares: Shares
    collateral: Collateral

    @property
    def price(self) -> Price:
        """The average price."""
        return Price.of(self.collateral, self.shares)


def acts(*, trades: int, markets: int, seed: int) -> Iterator[Act]:
    """Yield so many acts: the first six are always the same."""
    opening = [
        Act(leader=0, market=0, outcome=Outcome.YES, side=Side.BUY, amount=Collateral(100 * ONE)),
        Act(leader=1, market=1 % markets, outcome=Outcome.NO, side=Side.BUY, amount=Collateral(120 * ONE)),
        Act(leader=2, market=2 % markets, outcome=Outcome.YES, side=Side.BUY, amount=Collateral(60 * ONE)),
        Act(leader=1, market=1 % markets, outcome=Outcome.NO, side=Side.SELL),
        Act(leader=0, market=1 % markets, outcome=Outcome.YES, side=Side.BUY, amount=Collateral(40 * ONE)),
        Act(leader=0, market=0, outcome=Outcome.YES, side=Side.SELL),
    ]
    yield from opening[:trades]
    random = Random(seed)  # noqa: S311  it chooses trades, not secrets
    for _ in range(trades - len(opening)):
        yield Act(
            leader=random.randrange(3),
            market=random.randrange(markets),
            outcome=random.choice(list(Outcome)),
            side=Side.BUY,
            amount=Collateral(random.randint(10, LARGEST_RANDOM_TRADE) * ONE),
        )


@asynccontextmanager
async def leaders_of(cast: Cast, endpoints: Endpoints) -> AsyncIterator[list[Leader]]:
    """Log the leaders in with the official SDK."""
    async with AsyncExitStack() as stack:
        clients = [await async_client(endpoints, account.private_key) for account in cast.leaders]
        yield [Leader(await stack.enter_async_context(client)) for client in clients]


async def perform(act: Act, leaders: list[Leader], markets: tuple[Market, ...]) -> Trade:
    """Make the trade."""
    leader, market = leaders[act.leader], markets[act.market]
    if act.side is Side.BUY:
        response = await leader.buy(market, act.outcome, act.amount)
    else:
        held = await leader.holding(market, act.outcome)
        response = await leader.sell(market, act.outcome, _half(held))
    if not isinstance(response, AcceptedOrder):
        raise OperatorError(f"expected the leader's order to be accepted, found {response}")
    making, taking = parse_units(str(response.making_amount), 6), parse_units(str(response.taking_amount), 6)
    buying = act.side is Side.BUY
    return Trade(
        leader=act.leader,
        side=act.side,
        token_id=act.outcome.token_of(market),
        shares=Shares(taking if buying else making),
        collateral=Collateral(making if buying else taking),
    )


def _half(held: Shares) -> Shares:
    """Return half of the shares in whole hundredths, as the venue takes them."""
    step = ONE // 100
    return Shares(held.units // 2 // step * step)
