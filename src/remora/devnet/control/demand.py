"""The control API's requests for accounts and markets.

`POST /accounts` takes the terms of one call and answers with the accounts, keys and secrets among them. `GET /markets`,
`POST /markets {"markets": [...]}` and `POST /markets/resolve {"resolutions": [...]}` list, open and resolve markets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web

from remora.devnet.control.accounts import AccountsOnDemand, AccountTerms, listed
from remora.devnet.control.markets import MarketsOnDemand, NewMarket, Resolution
from remora.devnet.control.server import answer, parsed
from remora.devnet.control.terms import Terms, read_terms
from remora.devnet.faults.catalogue import Invalid, Problem

_MOST_TOGETHER = 1000
_T = TypeVar("_T", bound=Terms)


class DemandControl:
    """What is asked for, one request after another."""

    def __init__(self, accounts: AccountsOnDemand, markets: MarketsOnDemand, alone: asyncio.Lock) -> None:
        self._accounts = accounts
        self._markets = markets
        self._alone = alone

    def routes(self) -> list[web.RouteDef]:
        """Return everything that is served."""
        return [
            web.post("/accounts", self._make_accounts),
            web.get("/markets", self._list_markets),
            web.post("/markets", self._open_markets),
            web.post("/markets/resolve", self._resolve_markets),
        ]

    async def _make_accounts(self, request: web.Request) -> web.Response:
        terms = read_terms(AccountTerms, parsed(await request.read()))
        async with self._alone:
            return answer(listed(await self._accounts.make(terms)))

    async def _list_markets(self, _: web.Request) -> web.Response:
        return answer({"markets": self._markets.listed()})

    async def _open_markets(self, request: web.Request) -> web.Response:
        wanted = read_list(NewMarket, parsed(await request.read()), "markets")
        async with self._alone:
            return self._shown("opened", await self._markets.open(wanted))

    async def _resolve_markets(self, request: web.Request) -> web.Response:
        wanted = read_list(Resolution, parsed(await request.read()), "resolutions")
        async with self._alone:
            return self._shown("resolved", await self._markets.resolve(wanted))

    def _shown(self, name: str, markets: tuple[Any, ...]) -> web.Response:
        return answer({name: [self._markets.shown(market) for market in markets]})


def read_list(kind: type[_T], document: object, name: str) -> list[_T]:
    """Read `{name: [terms, ...]}`; raise `Invalid` with every problem in it."""
    entries = document.get(name) if isinstance(document, Mapping) and set(document) == {name} else None
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_TOGETHER:
        text = f"expected an object with one key, {name}, and a list of 1 to {_MOST_TOGETHER} objects under it"
        raise Invalid(Problem(place=(), text=text))
    read: list[_T] = []
    problems: list[Problem] = []
    for index, entry in enumerate(entries):
        try:
            read.append(read_terms(kind, entry, (name, index)))
        except Invalid as invalid:
            problems.extend(invalid.problems)
    if problems:
        raise Invalid(*problems)
    return read
