"""Markets that are over: what lost is redeemed by nobody, and makes room for new positions all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from remora.adapters.store.database import attached
from remora.bootstrap.rules import registry_on
from remora.devnet.endpoints import Market
from remora.devnet.markets import NO_WINS, MarketTerms, resolve_markets
from remora.devnet.traders.crew import quote_once
from remora.domain.policy import Limits
from remora.settings.policies.writer import written
from tests.scenario.casts import trio
from tests.scenario.conftest import DEEP
from tests.scenario.rehearsal import Rehearsal, until
from tests.scenario.theatre import Theatre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TERMS = (
    MarketTerms(question="Will this position be worth anything?"),
    MarketTerms(question="Will this one of V3 be worth anything?", version="v2"),
)


async def test_what_lost_makes_room_for_the_next_position(theatre: Theatre) -> None:
    devnet = theatre.devnet
    lost = [await devnet.open_market(terms) for terms in TERMS]
    for market in lost:
        await quote_once(devnet.endpoints, devnet.funding, market, DEEP)
    async with theatre.rehearsal(trio) as rehearsal:
        await _two_positions_at_most(rehearsal)
        _list(rehearsal, lost)
        await rehearsal.start()
        await rehearsal.buy(market=0)
        await rehearsal.buy(market=1)
        await rehearsal.settled()
        await rehearsal.buy(market=2)
        await until(lambda: rehearsal.performance.read().denials["LIMIT_OPEN_POSITIONS"] == 3)

        await resolve_markets(devnet.node, devnet.endpoints.contracts, [(market, NO_WINS) for market in lost])
        await rehearsal.life.supervisor.kill()
        await rehearsal.start()
        told = await rehearsal.life.heard("markets_resolved")
        assert told["payouts"] == {str(market.yes_token_id): "0" for market in lost}
        await rehearsal.buy(market=2)
        await rehearsal.settled()
        figures = rehearsal.performance.read()
        assert (dict(figures.intents), dict(figures.denials)) == ({"settled": 9}, {"LIMIT_OPEN_POSITIONS": 3})
        audit = await rehearsal.performance.audit()
        assert audit.balanced, audit
        assert await rehearsal.stop() == 0


async def _two_positions_at_most(rehearsal: Rehearsal) -> None:
    rulebook = rehearsal.performance.cast.rulebook()
    limited = replace(
        rulebook, policies=tuple(replace(each, limits=Limits(open_positions=2)) for each in rulebook.policies)
    )
    with attached(rehearsal.performance.stage.database) as writer:
        await registry_on(writer).take_in(written(limited), "the cast", replace=True)


def _list(rehearsal: Rehearsal, markets: Sequence[Market]) -> None:
    """Put markets before those that the rehearsal knows."""
    stage = rehearsal.performance.stage
    known = replace(stage.endpoints, markets=(*markets, *stage.endpoints.markets))
    rehearsal.performance.stage = replace(stage, endpoints=known)
