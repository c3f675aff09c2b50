"""A thousand trades of leaders while nodes fail and blocks are taken back: every fill is one signal, to the unit."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from eth_abi.abi import decode, encode
from structlog.testing import capture_logs

from bench.ears import listening
from bench.traders import Floor, Trader, trading_floor
from bench.venue import TRADERS, running_venue
from remora.devnet.accounts import fleet
from remora.devnet.endpoints import Endpoints
from remora.devnet.generations import exchange_versions, ledger_of
from remora.devnet.rpc import Node, connected
from remora.devnet.supervised import supervisor_settings
from remora.domain.contracts import ORDER_FILLED
from remora.domain.ids import Address
from remora.domain.order import OrderKind
from remora.domain.signal import Side, SignalState
from remora.settings.environment import Settings
from tests.scenario.faults.sabotage import Sabotage

TRADES = 1_010
"""Of leaders: half of them take an order, half have one taken."""

BLOCK_TIME_S = 0.25
PAUSE_S = 0.4
"""Between rounds, so that the trades spread over many blocks."""

REORG_EVERY_ROUNDS = 8
PATIENCE_S = 90.0
BALANCE_OF = bytes.fromhex("00fdd58e")  # balanceOf(address,uint256)
CASH_OF = bytes.fromhex("70a08231")  # balanceOf(address)
LEADERS = tuple(account.address for account in fleet(TRADERS)[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What an order of a leader traded in a transaction, in base units."""

    order_hash: str
    tx_hash: str
    leader: str
    side: str
    token_id: int
    shares: int
    collateral: int
    fee: int

    def changes(self) -> Balances:
        """What it adds to the leader's balances: fees are paid on top, or out of the proceeds."""
        sign = 1 if self.side == Side.BUY else -1
        return {
            (self.leader, str(self.token_id)): sign * self.shares,
            (self.leader, "collateral"): -sign * self.collateral - self.fee,
        }


Trades = Counter[Trade]

Balances = dict[tuple[str, str], int]
"""What leaders have, in base units, by wallet and asset: a token id, or "collateral"."""

TROUBLES: tuple[dict[str, object], ...] = (
    {"fault": "node-close", "node": 1, "count": 1},
    {"fault": "lagging-head", "node": 2, "blocks": 3, "duration_s": 2},
    {"fault": "node-silence", "node": 1, "endpoint": "logs", "duration_s": 3},
    {"fault": "null-receipt", "node": 2, "duration_s": 2},
    {"fault": "node-silence", "node": 2, "duration_s": 3},
    {"fault": "lagging-head", "node": 1, "blocks": 3, "duration_s": 2},
    {"fault": "node-close", "node": 2, "count": 2},
    {"fault": "null-receipt", "duration_s": 1},
)


async def test_every_fill_of_the_chain_is_one_signal(tmp_path: Path) -> None:
    with capture_logs() as said, _sole_error():
        doubts, traded = await _weathered(tmp_path / "signals.db")
    assert not doubts, "\n".join(doubts)
    assert traded >= TRADES * 9 // 10  # a reorganisation may cost some
    names = Counter(event["event"] for event in said)
    assert {"reorg", "signal_lost", "node_lost", "node_silent"} <= names.keys(), names  # it was a storm


@contextmanager
def _sole_error() -> Iterator[None]:
    """Raise what went wrong instead of the task groups around it, of which a report names nothing else."""
    try:
        yield
    except ExceptionGroup as group:
        error: Exception = group
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            (error,) = error.exceptions
        raise error from None


async def _weathered(database: Path) -> tuple[list[str], int]:
    """Let the storm pass, and hold what was stored against the chain: return the doubts, and how much was traded."""
    async with (
        running_venue(core=None, block_time_s=BLOCK_TIME_S) as venue,
        trading_floor(venue.endpoints) as floor,
        listening(_every_source(venue.endpoints, database), LEADERS),
        connected(venue.endpoints.rpc_url) as node,
    ):
        sabotage = Sabotage(venue.endpoints.control_url)
        before = await _balances(node, venue.endpoints)
        await _storm(floor, sabotage)
        await sabotage.end()
        doubts = await _doubts_in_the_end(node, venue.endpoints, database, before)
        return doubts, (await _filled(node, venue.endpoints)).total()


def _every_source(endpoints: Endpoints, database: Path) -> Settings:
    """Return the settings of who hears both nodes, their mempools and the public history."""
    return supervisor_settings(
        endpoints,
        rpc_ws_url=f"{endpoints.rpc_ws_url},{endpoints.second_rpc_ws_url}",
        database=database,
        mempool="full",
        poll_s=1,
        fleet_size=1,
    )


async def _storm(floor: Floor, sabotage: Sabotage) -> None:
    """Have leaders trade, round after round, each in some trouble, and blocks taken back 1 to 5 deep in turn."""
    troubles, depths = itertools.cycle(TROUBLES), itertools.cycle(range(1, 6))
    for number in range(-(-TRADES // (2 * len(LEADERS)))):
        takes_back = number % REORG_EVERY_ROUNDS == REORG_EVERY_ROUNDS - 1
        if takes_back:
            await sabotage.end()  # what is taken back shall have been heard
        else:
            parameters = dict(next(troubles))
            await sabotage.inject(str(parameters.pop("fault")), **parameters)
        await _round(floor)
        await asyncio.sleep(PAUSE_S)
        if takes_back:
            await sabotage.inject("reorg", depth=next(depths), removed_logs=number // REORG_EVERY_ROUNDS % 2 == 0)


async def _round(floor: Floor) -> None:
    """Have each leader take an order, and have one of its own taken."""
    stranger, *leaders = floor.traders
    strangers = [stranger] * len(leaders)
    await _match(floor, strangers, leaders, Side.SELL)
    await _match(floor, leaders, strangers, Side.SELL)


async def _match(floor: Floor, makers: Sequence[Trader], takers: Sequence[Trader], resting: Side) -> None:
    market, taking = floor.endpoints.markets[0], Side.BUY if resting is Side.SELL else Side.SELL
    await floor.place([maker.order(market, resting, 50, OrderKind.GTC) for maker in makers])
    await floor.place([taker.order(market, taking, 50, OrderKind.FAK) for taker in takers])


async def _doubts_in_the_end(node: Node, endpoints: Endpoints, database: Path, before: Balances) -> list[str]:
    """Return what is wrong for longer than patience lasts: what was taken back is mined again a little later."""
    until_s = asyncio.get_running_loop().time() + PATIENCE_S
    doubts = await _doubts(node, endpoints, database, before)
    while doubts and asyncio.get_running_loop().time() < until_s:
        await asyncio.sleep(0.5)
        doubts = await _doubts(node, endpoints, database, before)
    return doubts


async def _doubts(node: Node, endpoints: Endpoints, database: Path, before: Balances) -> list[str]:
    """Return what speaks against one mined signal for each fill of the chain, in its amounts, and no others, in words.

    The fills are those of the logs; the signals must also add up to what the leaders gained and lost meanwhile.
    """
    filled, states = await _filled(node, endpoints), _stored(database)
    mined: Trades = Counter(trade for trade, state in states if state == SignalState.MINED)
    owned, told = await _balances(node, endpoints), Counter(before)
    for trade in mined.elements():
        told.update(trade.changes())
    return [
        *(f"missing {count} times: {trade}" for trade, count in (filled - mined).items()),
        *(f"too often, by {count}: {trade}" for trade, count in (mined - filled).items()),
        *(f"{state}, but in the chain: {trade}" for trade, state in states if trade in filled and state != "mined"),
        *(f"{asset} has {units}, told {told[asset]}" for asset, units in owned.items() if units != told[asset]),
    ]


async def _filled(node: Node, endpoints: Endpoints) -> Trades:
    """Return what the leaders traded on the chain as it is now, each order once per transaction.

    Everybody trades one token, so no shares are minted, and the taker's amounts are exact in its log, too.
    """
    owners = ["0x" + leader[2:].rjust(64, "0") for leader in LEADERS]
    criteria = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": [str(exchange) for exchange in exchange_versions(endpoints.contracts)],
        "topics": [ORDER_FILLED, None, owners],
    }
    parts: dict[tuple[str, str], list[tuple[str, Sequence[int]]]] = defaultdict(list)
    for log in await node.call("eth_getLogs", criteria):
        amounts = decode(["uint256"] * 5, bytes.fromhex(log["data"][2:]))
        parts[log["topics"][1], log["transactionHash"]].append(("0x" + log["topics"][2][-40:], amounts))
    return Counter(_trade(*order, logged) for order, logged in parts.items())


def _trade(order_hash: str, tx_hash: str, logged: Sequence[tuple[str, Sequence[int]]]) -> Trade:
    """Sum what the logs of one order in one transaction say: side, token id, making, taking and fee of each."""
    ((leader, side, token_id),) = {(owner, amounts[0], amounts[1]) for owner, amounts in logged}
    making, taking, fee = (sum(amounts[place] for _, amounts in logged) for place in (2, 3, 4))
    return Trade(
        order_hash=order_hash,
        tx_hash=tx_hash,
        leader=leader,
        side="SELL" if side else "BUY",
        token_id=token_id,
        shares=making if side else taking,
        collateral=taking if side else making,
        fee=fee,
    )


async def _balances(node: Node, endpoints: Endpoints) -> Balances:
    """Return what the leaders have of the token that is traded, and of collateral."""
    token_id = int(endpoints.markets[0].yes_token_id)
    ledger, collateral = ledger_of(endpoints.contracts, token_id), Address(endpoints.contracts.collateral)
    found: Balances = {}
    for leader in LEADERS:
        shares = await node.view(ledger, BALANCE_OF + encode(["address", "uint256"], [leader, token_id]))
        cash = await node.view(collateral, CASH_OF + encode(["address"], [leader]))
        found[leader, str(token_id)], found[leader, "collateral"] = int.from_bytes(shares), int.from_bytes(cash)
    return found


def _stored(database: Path) -> list[tuple[Trade, str]]:
    """Return the signals as they are stored, with their states."""
    names = [field.name for field in fields(Trade)]
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(f"SELECT state, {', '.join(names)} FROM signals").fetchall()
    stored = [(state, dict(zip(names, row, strict=True))) for state, *row in rows]
    return [(Trade(**{**row, "token_id": int(row["token_id"])}), state) for state, row in stored]
