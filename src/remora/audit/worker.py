"""The auditor: compares at the start and on a timer, books top-ups, and suspends who does not add up, nobody else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from remora.audit.compare import Holding, awaited, booking, compare, confirmed, holdings, put_off, strange_orders
from remora.audit.fills import Fills
from remora.domain import ledger
from remora.domain.audit import Cause, Difference, Standing, Suspension
from remora.domain.chain import BlockId
from remora.domain.errors import RemoraError
from remora.domain.ids import Address, OrderHash, TokenId
from remora.domain.ledger import Posting
from remora.ports import AuditStore, ChainReader, Clock, Venue

log = structlog.get_logger()

ASKED_AT_ONCE = 8
"""Questions to the venue that are under way together."""

TAKEN_BACK_WITHIN_S = 300
"""No block is taken back later than that after it ended a transaction of ours."""

MOST_BLOCKS = 128
"""As many of the last such blocks are asked for."""

US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRules:
    """`every_s`: how often. `again_after_s`: a difference counts if it is the same after this long."""

    every_s: float = 600.0
    again_after_s: float = 5.0


class Auditor:
    """Compares the books of the fleet and of all followers with venue and chain."""

    def __init__(
        self,
        *,
        rules: AuditRules,
        fleet: Callable[[], Collection[Address]],
        exchanges: Collection[Address],
        chain: ChainReader,
        venue: Venue,
        store: AuditStore,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._fleet_now = fleet
        self._chain = chain
        self._venue = venue
        self._store = store
        self._clock = clock
        self._fills = Fills(exchanges=exchanges, chain=chain, store=store)

    @property
    def _fleet(self) -> Collection[Address]:
        return self._fleet_now()

    async def audit(self) -> list[Difference]:
        """Return every difference that two looks agree on, and what is in flight, such as fills not heard yet."""
        first = await self._look()
        if all(row.cause is Cause.IN_FLIGHT for row in first):
            return first
        await self._clock.sleep(self._rules.again_after_s)
        since_us = self._clock.now_us() - TAKEN_BACK_WITHIN_S * US
        blocks = await self._store.blocks_since(since_us, MOST_BLOCKS)
        rows = confirmed(first, await self._look())
        rows = awaited(rows, {wallet: await self._fills.open_of(wallet) for wallet in self._doubtful(rows)})
        if all(row.cause is Cause.IN_FLIGHT for row in rows):
            return rows
        return put_off(rows, [block.number for block in blocks if not await self._stands(block)])

    async def _stands(self, block: BlockId) -> bool:
        """Tell whether the chain has a block still: what was settled in one that it has no more is settled anew."""
        return (await self._chain.block(block.number)).hash == block.hash

    def _doubtful(self, rows: Sequence[Difference]) -> list[Address]:
        """Return the operator wallets of which something differs that is not in flight."""
        return sorted({row.wallet for row in rows if row.cause is not Cause.IN_FLIGHT and row.wallet in self._fleet})

    async def accept(self, wallet: Address, why: str) -> list[Difference]:
        """Book what differs of a wallet as an adjustment, lift its suspension, and return the differences."""
        rows = [row for row in await self.audit() if row.wallet == wallet and row.cause is not Cause.IN_FLIGHT]
        at_us = self._clock.now_us()
        balances = [row for row in rows if row.cause is not Cause.STRANGE_ORDER]
        found = [
            (row, booking(row, ledger.ADJUSTMENT, is_operator=wallet in self._fleet, at_us=at_us)) for row in balances
        ]
        await self._store.lift(wallet, found, why)
        return rows

    async def _look(self) -> list[Difference]:
        before = await self._store.standing()
        found = await self._held(holdings(before, self._fleet))
        orders = await self._open_orders()
        after = await self._store.standing()
        rows = compare(_still(before, after), found, self._fleet, await self._over(before, found))
        return [*rows, *strange_orders(_known(before, after), orders)]

    async def _open_orders(self) -> dict[Address, list[OrderHash]]:
        at_once = asyncio.Semaphore(ASKED_AT_ONCE)
        async with asyncio.TaskGroup() as questions:
            asked = {each: questions.create_task(self._open_orders_of(each, at_once)) for each in self._fleet}
        return {wallet: answer.result() for wallet, answer in asked.items()}

    async def _open_orders_of(self, wallet: Address, at_once: asyncio.Semaphore) -> list[OrderHash]:
        async with at_once:
            try:
                return await self._venue.open_orders(wallet)
            except RemoraError as trouble:  # such as a wallet that the venue gives no API key
                log.warning("open_orders_not_told", wallet=wallet, error=str(trouble))
                return []

    async def _held(self, asked: Sequence[Holding]) -> dict[Holding, int]:
        wallets = [wallet for wallet, asset in asked if asset == ledger.COLLATERAL]
        shares = [(wallet, asset) for wallet, asset in asked if asset != ledger.COLLATERAL]
        collateral = await self._chain.collateral_of(wallets)
        held = await self._chain.shares_of([(wallet, TokenId(int(asset))) for wallet, asset in shares])
        found = {(wallet, ledger.COLLATERAL): each.units for wallet, each in zip(wallets, collateral, strict=True)}
        return found | {holding: each.units for holding, each in zip(shares, held, strict=True)}

    async def _over(self, standing: Standing, found: Mapping[Holding, int]) -> set[str]:
        """Return those of the tokens that followers lack whose market is over: the venue has no book for them."""
        lacking = {
            asset
            for (wallet, asset), units in found.items()
            if units < standing.balances.get((ledger.follower_account(wallet), asset), 0)
        }
        return {asset for asset in lacking if await self._venue.book(TokenId(int(asset))) is None}


class Watchman:
    """Audits at the start and on a timer, and acts on what is found; `suspend` is told who is suspended, and why."""

    def __init__(
        self,
        *,
        rules: AuditRules,
        auditor: Auditor,
        store: AuditStore,
        clock: Clock,
        suspend: Callable[[Mapping[Address, str]], Awaitable[None]],
    ) -> None:
        self._rules = rules
        self._auditor = auditor
        self._store = store
        self._clock = clock
        self._suspend = suspend
        self._told: Mapping[Address, str] = {}

    async def run(self) -> None:
        """Audit on a timer, for ever."""
        while True:
            await self._clock.sleep(self._rules.every_s)
            await self.check()

    async def verify_sums(self) -> None:
        """Make sure, once, that the sums which every audit goes by are those of the ledger."""
        wrong = await self._store.verify_sums()
        if wrong:
            log.error("ledger_sums_put_right", sums=wrong)

    async def check(self) -> None:
        """Audit once: book top-ups, suspend who lacks something; trouble with a neighbour postpones it."""
        try:
            rows = await self._auditor.audit()
        except RemoraError as trouble:
            log.warning("audit_postponed", error=str(trouble))
        else:
            await self._store.suspend(_suspensions(rows, self._clock.now_us()), rows)
            await self._store.book(self._deposits(rows))
            _report(rows)
        await self.follow_suspensions()

    async def follow_suspensions(self) -> None:
        """Tell who is suspended now; a command may have lifted a suspension."""
        why = {each.wallet: each.why for each in await self._store.suspensions()}
        if why != self._told:
            log.warning("suspensions", wallets=list(why))
            await self._suspend(why)
            self._told = why

    def _deposits(self, rows: Sequence[Difference]) -> list[tuple[Difference, Posting]]:
        at_us = self._clock.now_us()
        topped_up = [row for row in rows if row.cause is Cause.TOP_UP]
        return [(row, booking(row, ledger.DEPOSIT, is_operator=True, at_us=at_us)) for row in topped_up]


def _still(before: Standing, after: Standing) -> Standing:
    """Return the standing before, with every wallet as moving whose books changed meanwhile, or of which more moves."""
    moving = {wallet: tuple(names) for wallet, names in {**before.moving, **after.moving}.items()}
    for key in before.balances.keys() | after.balances.keys():
        wallet = ledger.owner_of(key[0])
        if wallet and before.balances.get(key, 0) != after.balances.get(key, 0):
            moving.setdefault(wallet, ("it was booked meanwhile",))
    return Standing(balances=before.balances, opened=before.opened, orders=before.orders, moving=moving)


def _known(before: Standing, after: Standing) -> Standing:
    """Return a standing with the orders that were open before or after: the venue was asked in between."""
    orders = {
        wallet: before.orders.get(wallet, frozenset()) | after.orders.get(wallet, frozenset())
        for wallet in before.orders.keys() | after.orders.keys()
    }
    return Standing(balances=before.balances, opened=before.opened, orders=orders, moving=before.moving)


def _suspensions(rows: Sequence[Difference], at_us: int) -> list[Suspension]:
    why: defaultdict[Address, list[str]] = defaultdict(list)
    for row in rows:
        if not row.cause.is_explained:
            why[row.wallet].append(row.sentence())
    return [Suspension(wallet=wallet, why="; ".join(found), since_us=at_us) for wallet, found in why.items()]


def _report(rows: Sequence[Difference]) -> None:
    log.info("audited", differences=len(rows), unexplained=sum(not row.cause.is_explained for row in rows))
    for row in rows:
        tell = log.info if row.cause.is_explained else log.error
        tell("difference", wallet=row.wallet, asset=row.asset, booked=row.booked, found=row.found, cause=row.cause)
