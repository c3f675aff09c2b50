"""The API's routes. Every change goes through the registry of policies, and is in force before it is answered.

Bodies are YAML or JSON, read by the reader of policy files, so that every field works or is refused here too.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from remora.api.answers import (
    asked_in_known_words,
    broken,
    failed,
    imported_answer,
    mistyped,
    not_found,
    policy_answer,
    refused,
    told,
    too_large,
    turned_away,
    unauthorised,
)
from remora.domain.errors import Malformed, RemoraError
from remora.domain.ids import PolicyId
from remora.registry import Registry, Unknown
from remora.settings.policies.schema import json_schema
from remora.settings.policies.writer import written

OPEN = frozenset({"/health", "/openapi.json"})
"""What is answered without the token: it tells nothing of anybody."""

YAML = "application/yaml"
NAME = "the request"

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request: rules for 50,000 policies with a dozen fields each."""

Next = Callable[[Request], Awaitable[Response]]


class TooLarge(Malformed):
    """The request is larger than any rules are."""

    def __init__(self) -> None:
        super().__init__(f"expected at most {LARGEST_BODY} bytes in {NAME}, found more: put policies one by one")


_ANSWERS = {
    Malformed: refused,
    Unknown: not_found,
    TooLarge: too_large,
    RemoraError: failed,
    HTTPException: turned_away,
    RequestValidationError: mistyped,
    Exception: broken,
}
"""What is answered to errors: the nearest kind counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What the API rests on: `on_change` puts changes in force, `revision` tells up to which they are.

    `waiting` tells how many exits and how many entries stand in line for an operator wallet.
    """

    registry: Registry
    token: str
    on_change: Callable[[], Awaitable[None]]
    revision: Callable[[], int]
    waiting: Callable[[], tuple[int, int]]

    def application(self) -> FastAPI:
        """Return the application, with its own description at /openapi.json."""
        app = FastAPI(
            title="remora",
            docs_url=None,
            redoc_url=None,
            dependencies=[Depends(asked_in_known_words)],
            responses=told(422, 500, 503),
        )
        app.middleware("http")(self.let_in)
        for kind, answer in _ANSWERS.items():
            app.add_exception_handler(kind, answer)
        whole = json_schema()
        one = whole["properties"]["policies"]["items"]
        app.get("/health")(self.health)
        app.get("/leaders", responses=told(401))(self.leaders)
        app.get("/policies", responses=told(401, 404))(self.policies)
        app.get("/policies/{policy_id}", responses=told(401, 404))(self.policy)
        app.put("/policies/{policy_id}", openapi_extra=_body(one), responses=told(401, 413))(self.put_policy)
        app.delete("/policies/{policy_id}", responses=told(401, 404))(self.remove_policy)
        app.get("/rules", response_class=PlainTextResponse, responses=told(401))(self.rules)
        app.put("/rules", openapi_extra=_body(whole), responses=told(401, 413))(self.put_rules)
        return app

    async def let_in(self, request: Request, go_on: Next) -> Response:
        """Let in who shows the token."""
        shown = request.headers.get("Authorization", "").encode()
        if request.url.path in OPEN or hmac.compare_digest(shown, f"Bearer {self.token}".encode()):
            return await go_on(request)
        return unauthorised()

    async def health(self) -> dict[str, Any]:
        """Tell that remora runs, the revision of the rules in force, and who waits for an operator wallet."""
        exits, entries = self.waiting()
        return {"status": "ok", "revision": self.revision(), "waiting": {"exits": exits, "entries": entries}}

    async def leaders(self) -> list[dict[str, Any]]:
        """List the registry of leaders, and how many policies each has."""
        followed = Counter(policy.leader for policy in (await self.registry.policies.rulebook()).policies)
        known = await self.registry.leaders.leaders()
        return [{"wallet": each.wallet, "label": each.label, "policies": followed[each.wallet]} for each in known]

    async def policies(self, follower: str | None = None, leader: str | None = None) -> list[dict[str, Any]]:
        """List the policies in force, of a follower or for a leader if one is named."""
        return [policy_answer(each) for each in await self.registry.policies_of(follower, leader)]

    async def policy(self, policy_id: str) -> dict[str, Any]:
        """Return a policy."""
        return policy_answer(await self.registry.policy(PolicyId(policy_id.lower())))

    async def put_policy(self, policy_id: str, request: Request) -> dict[str, Any]:
        """Add a policy, or replace all that one says. Its id is its follower and its leader with a colon between."""
        text = await _text(request)
        did = await self.registry.take_in_policy(PolicyId(policy_id.lower()), text, NAME)
        await self.on_change()
        return imported_answer(did)

    async def remove_policy(self, policy_id: str, *, keep_lots: bool = False) -> dict[str, Any]:
        """Remove a policy: with `keep_lots` also one that holds shares, which nobody sells then."""
        did = await self.registry.remove(PolicyId(policy_id.lower()), keep_lots=keep_lots)
        await self.on_change()
        return imported_answer(did)

    async def rules(self) -> PlainTextResponse:
        """Return all rules in force as a policy file."""
        return PlainTextResponse(written(await self.registry.policies.rulebook()), media_type=YAML)

    async def put_rules(
        self, request: Request, *, add_leaders: bool = False, keep_lots: bool = False
    ) -> dict[str, Any]:
        """Replace all rules by those of a policy file, whole or not at all."""
        did = await self.registry.take_in(
            await _text(request), NAME, replace=True, add_leaders=add_leaders, keep_lots=keep_lots
        )
        await self.on_change()
        return imported_answer(did)


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    content = {kind: {"schema": schema} for kind in (YAML, "application/json")}
    return {"requestBody": {"required": True, "content": content}}


async def _text(request: Request) -> str:
    """Return the body. One that is too large is read to its end, so that its sender hears why, and not kept."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        body += chunk if size <= LARGEST_BODY else b""
    if size > LARGEST_BODY:
        raise TooLarge
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"expected YAML in {NAME}, found bytes that are no text: {error.reason}") from None
