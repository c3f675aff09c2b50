"""The relayer's HTTP interface (polymarket.md 3.2, 5). Whoever changes something shows a builder or a relayer key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from remora.devnet.clob.delegation import Delegates
from remora.devnet.clob.refusals import Refusal
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import answer, plain_errors
from remora.devnet.clock import wall_s
from remora.devnet.deployment import RELAYER
from remora.devnet.endpoints import Contracts
from remora.devnet.relayer.batches import Batch, Counter, Creation
from remora.devnet.relayer.fields import an_address, invalid
from remora.devnet.relayer.policy import Policy
from remora.devnet.relayer.requests import parse_authorization, parse_revocation, parse_submission
from remora.devnet.relayer.transactions import Relayed, State, Transactions
from remora.devnet.remembering import Part, Remembering
from remora.devnet.rpc import Node
from remora.devnet.shared import Shared
from remora.devnet.turns import in_turns
from remora.devnet.wallet_factories import wallet_factories
from remora.domain.wallets import WalletKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayerConfig:
    """The chain that it writes to, and what it shares with the order book."""

    node: Node
    contracts: Contracts
    delegates: Delegates
    shared: Shared = field(default_factory=Shared)


class Relayer(Remembering):
    """What the relayer is asked, and how it answers."""

    remembered = ("_answers",)

    def __init__(self, config: RelayerConfig) -> None:
        self.url = ""
        self._contracts = config.contracts
        self._addresses = wallet_factories(config.contracts)
        self._builder_keys = config.delegates.builder_keys
        self._relayer_keys = config.delegates.relayer_keys
        self._sessions = config.delegates.sessions
        self._policy = Policy(config.contracts)
        self._transactions = Transactions(config.node)
        self._answers: dict[str, Json] = {}
        self._now_s = config.shared.clock.now_s

    def parts(self) -> list[Part]:
        """Return what remembers something."""
        return [self, self._transactions]

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.get("/deployed", self._deployed),
            web.get("/relay-payload", self._relay_payload),
            web.get("/v1/account/transactions/params", self._params),
            web.get("/v1/account/transactions/{id}", self._show),
            web.post("/submit", self._submit),
            web.post("/v1/session-signers/authorizations", self._authorize),
            web.post("/v1/session-signers/revocations", self._revoke),
        ]

    async def _deployed(self, request: web.Request) -> web.Response:
        return answer({"deployed": await self._transactions.is_deployed(an_address(_asked(request, "address")))})

    async def _relay_payload(self, request: web.Request) -> web.Response:
        """Tell who relays for a proxy wallet, and the nonce that its owner has at the hub."""
        owner = an_address(_asked(request, "address"))
        if _asked(request, "type") != WalletKind.PROXY:
            raise invalid("type")
        counter = Counter.of_hub(self._contracts.relay_hub, owner)
        nonce = await self._transactions.nonce_of(self._addresses.of(owner, WalletKind.PROXY), counter)
        return answer({"address": RELAYER, "nonce": str(nonce)})

    async def _params(self, request: web.Request) -> web.Response:
        signer = an_address(_asked(request, "address"))
        wallet = self._wallet_of(signer, _asked(request, "type"))
        nonce = await self._transactions.nonce_of(wallet, Counter.of_wallet(wallet))
        return answer({"address": signer, "nonce": str(nonce)})

    def _wallet_of(self, signer: str, kind: str) -> str:
        match kind:
            case WalletKind.DEPOSIT:
                session = self._sessions.wallet_of(signer, self._now_s())
                return session or self._addresses.of(signer, WalletKind.DEPOSIT)
            case WalletKind.SAFE:
                return self._addresses.of(signer, WalletKind.SAFE)
            case _:
                raise invalid("type")

    async def _show(self, request: web.Request) -> web.Response:
        relayed = self._transactions.find(request.match_info["id"])
        if relayed is None:
            raise Refusal("transaction not found", HTTPStatus.NOT_FOUND)
        progress = await self._transactions.progress_of(relayed)
        return answer(
            {
                "transaction_id": relayed.id,
                "transaction_hash": relayed.hash,
                "state": progress.state,
                "error_msg": progress.fault or None,
            }
        )

    async def _submit(self, request: web.Request) -> web.Response:
        match parse_submission(await self._body(request), self._contracts):
            case Creation() as creation:
                relayed = await self._transactions.create(creation)
            case Batch() as batch:
                if (objection := self._policy.objection(batch)) is not None:
                    raise Refusal(f"call blocked: {objection}")
                relayed = await self._transactions.execute(batch)
        return answer({"state": State.NEW, "transactionID": relayed.id, "transactionHash": relayed.hash})

    async def _authorize(self, request: web.Request) -> web.Response:
        body = await self._body(request, builders_only=True)
        session, batch = parse_authorization(body, self._contracts, self._now_s(), wall_s())
        if (known := self._answers.get(_idempotency_key(request))) is not None:
            return answer(known)
        relayed = await self._executed(batch)
        self._sessions.authorize(session)
        return self._remembered(request, {**_accepted(relayed), "status": "SUBMITTED"})

    async def _revoke(self, request: web.Request) -> web.Response:
        signer, batch = parse_revocation(await self._body(request), self._contracts)
        if (known := self._answers.get(_idempotency_key(request))) is not None:
            return answer(known)
        relayed = await self._executed(batch)
        self._sessions.revoke(batch.wallet, signer)
        return self._remembered(request, {**_accepted(relayed), "status": "FENCED", "fenced": True})

    async def _executed(self, batch: Batch) -> Relayed:
        """Have a batch executed; refuse it at once when it would revert."""
        relayed = await self._transactions.execute(batch)
        if relayed.fault:
            raise Refusal(f"simulation failed: {relayed.fault}")
        return relayed

    async def _body(self, request: web.Request, *, builders_only: bool = False) -> object:
        body = await request.read()
        if builders_only or not self._relayer_keys.knows(request.headers):
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
async def running_relayer(config: RelayerConfig) -> AsyncIterator[Relayer]:
    """Serve the relayer on a free loopback port until the context ends."""
    relayer = Relayer(config)
    application = web.Application(middlewares=[plain_errors, in_turns(config.shared.turns)])
    application.add_routes(relayer.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        relayer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield relayer
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
