"""The HTTP API: whatever is wrong with a request, and whoever finds it, the answer has one shape, as described."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from remora.api.application import LARGEST_BODY
from tests.contract.api.conftest import Caller
from tests.fakes.json_schema import objections
from tests.unit.settings.policies.texts import entry, file, follower, leader

ID = f"{follower}:{leader}"


async def problems(caller: Caller, method: str, path: str, body: str | bytes | BytesIO | None = None) -> Any:
    """Return the answer's status and its problems, each as place, expected and found."""
    status, answer = await caller.call(method, path, body)
    assert list(answer) == ["problems"]
    assert all(each.keys() == {"place", "line", "expected", "found"} for each in answer["problems"])
    return status, [(each["place"], each["expected"], each["found"]) for each in answer["problems"]]


@pytest.mark.parametrize(
    ("request_line", "status", "place", "expected", "found"),
    [
        ("GET /nowhere", 404, "", "a path of /openapi.json", "'/nowhere'"),
        ("GET /policies/a/b", 404, "", "a path of /openapi.json", "'/policies/a/b'"),
        ("GET /docs", 404, "", "a path of /openapi.json", "'/docs'"),
        ("POST /rules", 405, "", "a method that /rules has", "POST"),
        ("DELETE /health", 405, "", "a method that /health has", "DELETE"),
        (f"DELETE /policies/{ID}?keep_lots=maybe", 422, "query.keep_lots", "true or false", "'maybe'"),
        ("PUT /rules?add_leaders=", 422, "query.add_leaders", "true or false", "''"),
        ("PUT /rules?add_leader=true", 422, "query.add_leader", "one of add_leaders, keep_lots", "'add_leader'"),
        ("GET /policies?leaders=0x1", 422, "query.leaders", "one of follower, leader", "'leaders'"),
        ("GET /policies?leader=0x1&leader=0x2", 422, "query.leader", "it once", "'leader'"),
        ("GET /leaders?label=ann", 422, "query.label", "no parameters", "'label'"),
        ("GET /policies/nobody", 404, "", "the id of a policy", "'nobody': remora policy list shows them"),
        ("PUT /policies/nobody", 422, "", "policies in the request", "nothing"),
    ],
)
async def test_every_refusal_has_one_shape(  # noqa: PLR0917  one for each column
    caller: Caller, request_line: str, status: int, place: str, expected: str, found: str
) -> None:
    method, path = request_line.split(" ")
    assert await problems(caller, method, path) == (status, [(place, expected, found)])
    assert caller.changes == []


async def test_a_method_that_is_refused_comes_with_those_that_there_are(caller: Caller) -> None:
    async with caller.http.post("/rules") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_two_parameters_of_wrong_types_are_told_at_once(caller: Caller) -> None:
    status, found = await problems(caller, "PUT", "/rules?add_leaders=1.5&keep_lots=x", file(entry()))
    assert status == 422
    assert found == [
        ("query.add_leaders", "true or false", "'1.5'"),
        ("query.keep_lots", "true or false", "'x'"),
    ]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"policies": [', "a mistake in line 2, column 1: while parsing a flow node, did not find expected node"),
        (b'{"policies": []} x', "a mistake in line 1, column 18: did not find expected <document start>"),
        (b"\x00", "unacceptable character #x0000"),
        (b"\xff", "bytes that are no text"),
    ],
)
async def test_a_body_that_is_no_json_is_refused_alike(caller: Caller, body: bytes, found: str) -> None:
    for path in ("/rules", f"/policies/{ID}"):
        status, (problem,) = await problems(caller, "PUT", path, body)
        assert (status, problem[:2]) == (422, ("", "YAML in the request"))
        assert problem[2].startswith(found)


async def test_a_body_of_wrong_types_is_refused_alike(caller: Caller) -> None:
    body = '{"policies": [{"follower": 7, "leader": ["x"], "limits": {"per_day": 1.5}, "sizing": "big"}]}'
    status, found = await problems(caller, "PUT", "/rules", body)
    assert status == 422
    assert [place for place, _, _ in found] == [
        "policies.0.follower",
        "policies.0.leader",
        "policies.0.limits.per_day",
        "policies.0.sizing",
    ]


async def test_a_body_that_is_too_large_is_refused_alike(caller: Caller) -> None:
    status, found = await problems(caller, "PUT", "/rules", BytesIO(b"#" * (LARGEST_BODY + 1)))
    assert (status, [place for place, _, _ in found]) == (413, [""])


async def test_who_is_not_let_in_is_told_alike(caller: Caller) -> None:
    caller.http.headers["Authorization"] = "Bearer wrong"
    for path in ("/rules", "/nowhere", "/policies?what=1"):
        expected = [("Authorization", "the bearer token", "another or none")]
        assert await problems(caller, "GET", path) == (401, expected)


async def test_a_fault_of_remora_itself_is_told_alike_and_without_its_cause(caller: Caller) -> None:
    caller.waiting = ()
    status, found = await problems(caller, "GET", "/health")
    assert (status, found) == (500, [("", "an answer", "a fault of remora itself: its log tells")])


async def test_what_is_answered_is_as_described(caller: Caller) -> None:
    _, described = await caller.call("GET", "/openapi.json")
    answers = {
        (path, method): each["responses"] for path, has in described["paths"].items() for method, each in has.items()
    }
    for path, method, status, asked in (
        ("/policies/{policy_id}", "get", "404", "/policies/nobody"),
        ("/policies/{policy_id}", "put", "422", "/policies/nobody"),
        ("/policies", "get", "422", "/policies?leader=1"),
        ("/policies", "get", "404", f"/policies?leader={leader}"),
        ("/rules", "put", "422", "/rules?keep_lots=x"),
    ):
        found, answer = await caller.call(method.upper(), asked)
        schema = answers[path, method][status]["content"]["application/json"]["schema"]
        assert (str(found), list(objections(schema, answer))) == (status, [])
    assert all({"200", "422", "500", "503"} <= has.keys() for has in answers.values())
    assert {key for key, has in answers.items() if "401" not in has} == {("/health", "get")}
    assert "HTTPValidationError" not in str(described)
