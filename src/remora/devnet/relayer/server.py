"""The relayer's HTTP interface (polymarket.md 3.2, 5). Whoever changes something shows a builder key."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from remora.devnet.clob.delegation import Delegates
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import answer, plain_errors
from remora.devnet.endpoints import Contracts
from remora.devnet.relayer.policy import Policy
from remora.devnet.relayer.requests import (
    Batch,
    Creation,
    invalid,
    parse_authorization,
    parse_revocation,
    parse_submission,
)
from remora.devnet.relayer.transactions import Relayed, State, Transactions
from remora.devnet.rpc import Node
from remora.devnet.wallet_addresses import WalletAddresses, WalletKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerConfig:
    """The chain that it writes to, and what it shares with the order book."""

    node: Node
    contracts: Contracts
    delegates: Delegates


class Relayer:
    """What the relayer is asked, and how it answers."""

    def __init__(self, config: RelayerConfig) -> None:
        self._factory = config.contracts.deposit_wallet_factory
        self._addresses = WalletAddresses(deposit_wallet_factory=self._factory)
        self._builder_keys = config.delegates.builder_keys
        self._sessions = config.delegates.sessions
        self._policy = Policy(config.contracts)
        self._transactions = Transactions(config.node, self._factory)
        self._answers: dict[str, Json] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.get("/deployed", self._deployed),
            web.get("/v1/account/transactions/params", self._params),
            web.get("/v1/account/transactions/{id}", self._show),
            web.post("/submit", self._submit),
            web.post("/v1/session-signers/authorizations", self._authorize),
            web.post("/v1/session-signers/revocations", self._revoke),
        ]

    async def _deployed(self, request: web.Request) -> web.Response:
        return answer({"deployed": await self._transactions.is_deployed(_asked(request, "address"))})

    async def _params(self, request: web.Request) -> web.Response:
        signer = _asked(request, "address").lower()
        if _asked(request, "type") != WalletKind.DEPOSIT:
            raise invalid("type")
        wallet = self._sessions.wallet_of(signer, _now_s()) or self._addresses.of(signer, WalletKind.DEPOSIT)
        return answer({"address": signer, "nonce": str(await self._transactions.nonce_of(wallet))})

    async def _show(self, request: web.Request) -> web.Response:
        relayed = self._transactions.find(request.match_info["id"])
        if relayed is None:
            raise Refusal("transaction not found", HTTPStatus.NOT_FOUND)
        state = await self._transactions.state_of(relayed)
        return answer(
            {
                "transaction_id": relayed.id,
                "transaction_hash": relayed.hash,
                "state": state,
                "error_msg": "execution reverted" if state is State.FAILED else None,
            }
        )

    async def _submit(self, request: web.Request) -> web.Response:
        match parse_submission(await self._body(request), self._factory):
            case Creation(owner=owner):
                relayed = await self._transactions.create(owner)
            case Batch() as batch:
                if not self._policy.allows(batch):
                    raise Refusal("call blocked")
                relayed = await self._transactions.execute(batch)
        return answer({"state": State.NEW, "transactionID": relayed.id, "transactionHash": relayed.hash})

    async def _authorize(self, request: web.Request) -> web.Response:
        session, batch = parse_authorization(await self._body(request), _now_s())
        if (known := self._answers.get(_idempotency_key(request))) is not None:
            return answer(known)
        relayed = await self._transactions.execute(batch)
        self._sessions.authorize(session)
        return self._remembered(request, {**_accepted(relayed), "status": "SUBMITTED"})

    async def _revoke(self, request: web.Request) -> web.Response:
        signer, batch = parse_revocation(await self._body(request))
        if (known := self._answers.get(_idempotency_key(request))) is not None:
            return answer(known)
        relayed = await self._transactions.execute(batch)
        self._sessions.revoke(batch.wallet, signer)
        return self._remembered(request, {**_accepted(relayed), "status": "FENCED", "fenced": True})

    async def _body(self, request: web.Request) -> object:
        body = await request.read()
        self._builder_keys.authenticate(request.headers, request.method, request.path, body)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise invalid("expected JSON") from None

    def _remembered(self, request: web.Request, response: Json) -> web.Response:
        """Answer, and answer the same to the same request."""
        self._answers[_idempotency_key(request)] = response
        return answer(response)


@asynccontextmanager
async def running_relayer(config: RelayerConfig) -> AsyncIterator[str]:
    """Serve the relayer on a free loopback port and yield its URL."""
    application = web.Application(middlewares=[plain_errors])
    application.add_routes(Relayer(config).routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _accepted(relayed: Relayed) -> Json:
    return {"transactionId": relayed.id, "transactionHash": relayed.hash}


def _asked(request: web.Request, name: str) -> str:
    if (value := request.query.get(name)) is None:
        raise invalid(name)
    return value


def _idempotency_key(request: web.Request) -> str:
    if not (key := request.headers.get("Idempotency-Key")):
        raise invalid("Idempotency-Key")
    return f"{request.path} {key}"


def _now_s() -> int:
    return time.time_ns() // 10**9
