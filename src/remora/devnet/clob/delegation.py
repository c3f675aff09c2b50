"""The routes about who else may act for an account: builder and relayer keys, session keys of its wallet.

The venue issues relayer keys on its website; here a request with the account's API key does it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from remora.devnet.clob.auth import BuilderKeys, Gatekeeper, RelayerKeys
from remora.devnet.clob.orders import SignatureType
from remora.devnet.clob.sessions import Session, Sessions
from remora.devnet.clob.signatories import Signatories
from remora.devnet.clob.views import Json
from remora.devnet.clob.web import answer, caller_of

_BUILDER_KEYS = "/auth/builder-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegates:
    """Who may act for accounts; the relayer shares it with the order book."""

    sessions: Sessions
    builder_keys: BuilderKeys
    relayer_keys: RelayerKeys


class Delegation:
    """What an account lets others do."""

    def __init__(self, *, gatekeeper: Gatekeeper, delegates: Delegates, signatories: Signatories) -> None:
        self._gatekeeper = gatekeeper
        self._builder_keys = delegates.builder_keys
        self._relayer_keys = delegates.relayer_keys
        self._signatories = signatories

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, to be served at the root."""
        return [
            web.post(_BUILDER_KEYS, self._create_key),
            web.get(_BUILDER_KEYS, self._list_keys),
            web.delete(_BUILDER_KEYS, self._delete_key),
            web.post("/auth/relayer-api-key", self._create_relayer_key),
            web.get("/v1/user/session-signers", self._list_sessions),
        ]

    async def _create_key(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        issued = self._builder_keys.create(caller.address)
        return answer({"key": issued.key, "secret": issued.secret, "passphrase": issued.passphrase})

    async def _list_keys(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        return answer([{"key": key} for key in self._builder_keys.keys_of(caller.address)])

    async def _delete_key(self, request: web.Request) -> web.Response:
        body = await request.read()
        issued = self._builder_keys.authenticate(request.headers, request.method, request.path, body)
        self._builder_keys.delete(issued)
        return answer("OK")

    async def _create_relayer_key(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        return answer({"key": self._relayer_keys.create(caller.address), "address": caller.address})

    async def _list_sessions(self, request: web.Request) -> web.Response:
        caller = await caller_of(request, self._gatekeeper)
        wallet = self._signatories.wallet_of(caller.address, SignatureType.DEPOSIT_WALLET)
        sessions = await self._signatories.sessions_of(wallet)
        return answer({"wallet": wallet, "signers": [_shown(session) for session in sessions]})


def _shown(session: Session) -> Json:
    return {
        "address": session.signer,
        "scopes": sorted(session.scopes),
        "valid_until": session.valid_until_s,
    }
