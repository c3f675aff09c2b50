"""How the API answers: rules as plain JSON, and what is wrong as the list of problems that the command line tells.

Every answer of 400 and above has that one shape, also those that the framework gives before a route is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from remora.domain.policy import Policy
from remora.domain.rules import Imported
from remora.settings.policies.problems import BadRules, Problem
from remora.settings.policies.sections import plain

_TEXT: Mapping[str, Any] = {"type": "string"}
_WHOLE: Mapping[str, Any] = {"type": "integer"}
_NONE: Mapping[str, Any] = {"type": "null"}

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "What is wrong, and where: `place` is empty for the request as a whole, `line` is of its body.",
    "properties": {
        "place": _TEXT,
        "line": {"anyOf": [_WHOLE, _NONE]},
        "expected": _TEXT,
        "found": {"anyOf": [_TEXT, _NONE]},
    },
    "required": ["place", "line", "expected", "found"],
}
PROBLEMS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"problems": {"type": "array", "minItems": 1, "items": PROBLEM}},
    "required": ["problems"],
}
"""The schema of every answer that is none."""

SAYS: Mapping[int, str] = {
    401: "the bearer token was not shown",
    404: "nothing has this id or address, or no route this path",
    413: "the body is larger than any rules are",
    422: "what was sent is not what it should be; nothing was changed",
    500: "remora failed, in a way that its log tells",
    503: "remora could not do it now; nothing was changed",
}


def told(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of what a route answers with these codes, for OpenAPI."""
    content = {"application/json": {"schema": PROBLEMS}}
    return {code: {"description": SAYS[code], "content": content} for code in codes}


def policy_answer(policy: Policy) -> dict[str, Any]:
    """Return a policy as it would be written, with its id."""
    return {"id": policy.policy_id, **plain(policy)}


def imported_answer(did: Imported) -> dict[str, Any]:
    """Return what a change did."""
    counts = {name: getattr(did, name) for name in ("added", "changed", "removed", "unchanged")}
    return {**counts, "leaders": list(did.leaders), "unbound": list(did.unbound)}


def unauthorised() -> JSONResponse:
    """Answer who did not show the token."""
    problem = Problem(place=("Authorization",), line=None, says="expected the bearer token, found another or none")
    return _answer(401, [problem], {"WWW-Authenticate": "Bearer"})


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """Answer rules, or anything else that came in, that are not what they should be."""
    if isinstance(error, BadRules):
        return _answer(422, error.problems)
    return _answer(422, [_problem(error)])


async def not_found(_request: Request, error: Exception) -> JSONResponse:
    """Answer an id that nothing has."""
    return _answer(404, [_problem(error)])


async def too_large(_request: Request, error: Exception) -> JSONResponse:
    """Answer a body that was too large to be looked at."""
    return _answer(413, [_problem(error)])


async def turned_away(request: Request, error: Exception) -> JSONResponse:
    """Answer a path or a method that no route has, and what else the framework refuses by itself."""
    assert isinstance(error, HTTPException)
    says = {
        404: f"expected a path of /openapi.json, found {request.url.path!r}",
        405: f"expected a method that {request.url.path} has, found {request.method}",
    }
    plain_words = f"expected a request that can be answered, found {HTTPStatus(error.status_code).phrase.lower()}"
    problem = Problem(place=(), line=None, says=says.get(error.status_code, plain_words))
    return _answer(error.status_code, [problem], error.headers)


async def mistyped(_request: Request, error: Exception) -> JSONResponse:
    """Answer parameters of a path or query that are not of their type."""
    assert isinstance(error, RequestValidationError)
    return _answer(422, [_mistyped(each) for each in error.errors()])


async def broken(_request: Request, _error: Exception) -> JSONResponse:
    """Answer when remora failed as nobody expected; what happened is for its log alone."""
    problem = Problem(place=(), line=None, says="expected an answer, found a fault of remora itself: its log tells")
    return _answer(500, [problem])


async def failed(_request: Request, error: Exception) -> JSONResponse:
    """Answer when remora failed, not who asked; nothing was changed."""
    return _answer(503, [_problem(error)])


def _problem(error: Exception) -> Problem:
    return Problem(place=(), line=None, says=str(error))


async def asked_in_known_words(request: Request) -> None:
    """Refuse parameters of the query that the route does not have, or that come twice: none is left unheard."""
    route, names = request.scope["route"], [name for name, _ in request.query_params.multi_items()]
    known = [each.alias for each in route.dependant.query_params]
    wrong = [
        {"loc": ("query", name), "type": "unknown", "input": name, "msg": _known_words(name, known)}
        for name in sorted(set(names))
        if name not in known or names.count(name) > 1
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _known_words(name: str, known: list[str]) -> str:
    if name in known:
        return "it once"
    return f"one of {', '.join(known)}" if known else "no parameters"


def _mistyped(error: Mapping[str, Any]) -> Problem:
    wanted = "true or false" if error["type"] == "bool_parsing" else error["msg"]
    return Problem(place=tuple(error["loc"]), line=None, says=f"expected {wanted}, found {error['input']!r}")


def _answer(code: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"problems": [problem.facts() for problem in problems]}, code, headers)
