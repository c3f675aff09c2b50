"""The HTTP API: what it does to rules, and what it refuses."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
import yaml

from remora.api.application import LARGEST_BODY
from remora.domain.parties import Leader
from remora.settings.policies.problems import BadRules
from remora.settings.policies.schema import json_schema
from tests.contract.api.conftest import Caller
from tests.unit.settings.policies.texts import FOLLOWER, LEADER, OTHER, entry, file, follower, leader

ID = f"{follower}:{leader}"
OTHER_ID = f"{OTHER}:{leader}"
POLICY = {"follower": follower, "leader": leader, "sizing": {"multiplier": "0.5"}}


def body(**changes: Any) -> str:
    return json.dumps(POLICY | changes)


async def known(caller: Caller) -> None:
    await caller.registry.leaders.add_leader(Leader(wallet=leader, label="ann"), added_us=1)


async def test_who_does_not_show_the_token_is_not_let_in(caller: Caller) -> None:
    for shown in ("", "Bearer ", "Bearer wrong", "Basic a-token-that-nobody-guesses"):
        for method, path in (
            ("GET", "/policies"),
            ("PUT", "/rules"),
            ("DELETE", f"/policies/{ID}"),
            ("GET", "/nowhere"),
        ):
            async with caller.http.request(method, path, headers={"Authorization": shown}) as answer:
                assert answer.status == 401
                (problem,) = (await answer.json())["problems"]
                assert problem["place"] == "Authorization"
                assert shown == "" or shown not in await answer.text()


async def test_health_and_description_are_open(caller: Caller) -> None:
    for path in ("/health", "/openapi.json"):
        async with caller.http.get(path, headers={"Authorization": ""}) as answer:
            assert answer.status == 200
    _, description = await caller.call("GET", "/openapi.json")
    assert set(description["paths"]) == {"/health", "/leaders", "/policies", "/policies/{policy_id}", "/rules"}
    taken = description["paths"]["/rules"]["put"]["requestBody"]["content"]["application/yaml"]["schema"]
    assert taken["properties"] == json_schema()["properties"]


async def test_a_policy_is_put_read_replaced_and_removed(caller: Caller) -> None:
    await known(caller)
    status, did = await caller.call("PUT", f"/policies/{ID}", body())
    assert (status, did["added"], did["changed"]) == (200, 1, 0)
    assert await caller.call("GET", f"/policies/{ID}") == (200, {"id": ID, **POLICY})
    status, did = await caller.call("PUT", f"/policies/{ID.upper().replace('0X', '0x')}", body(sizing={}))
    assert (status, did["added"], did["changed"]) == (200, 0, 1)
    assert await caller.call("GET", "/policies") == (200, [{"id": ID, "follower": follower, "leader": leader}])
    status, did = await caller.call("DELETE", f"/policies/{ID}")
    assert (status, did["removed"]) == (200, 1)
    assert await caller.call("GET", "/policies") == (200, [])


async def test_changes_are_in_force_before_they_are_answered(caller: Caller) -> None:
    await known(caller)
    for method, path, content in (
        ("PUT", f"/policies/{ID}", body()),
        ("PUT", "/rules", file(entry())),
        ("DELETE", f"/policies/{ID}", None),
    ):
        assert (await caller.call(method, path, content))[0] == 200
        assert caller.changes[-1] == await caller.revision()
        expected = {"status": "ok", "revision": caller.changes[-1], "waiting": {"exits": 1, "entries": 2}}
        assert await caller.call("GET", "/health") == (200, expected)
    assert caller.changes == [1, 2, 3]


async def test_policies_are_listed_by_party(caller: Caller) -> None:
    await caller.call("PUT", "/rules?add_leaders=true", file(entry(), entry(follower=f'"{OTHER}"')))
    _, found = await caller.call("GET", f"/policies?follower={FOLLOWER}&leader={LEADER}")
    assert [each["id"] for each in found] == [ID]
    status, answer = await caller.call("GET", "/policies?leader=0x1")
    assert (status, answer["problems"][0]["found"]) == (422, "'0x1'")


async def test_rules_are_exported_and_imported_whole(caller: Caller) -> None:
    text = f'service: {{limits: {{exposure: "9"}}}}\n{file(entry(), entry(follower=chr(34) + OTHER + chr(34)))}'
    status, did = await caller.call("PUT", "/rules?add_leaders=true", text)
    assert (status, did["added"], did["leaders"]) == (200, 2, [leader])
    _, exported = await caller.call("GET", "/rules")
    assert yaml.safe_load(exported)["service"] == {"limits": {"exposure": "9"}}
    status, did = await caller.call("PUT", "/rules", exported)
    assert (status, did["unchanged"], did["removed"]) == (200, 2, 0)
    status, did = await caller.call("PUT", "/rules", file(entry()))
    assert (status, did["removed"]) == (200, 1)
    _, found = await caller.call("GET", "/leaders")
    assert found == [{"wallet": leader, "label": leader, "policies": 1}]


async def test_bad_rules_are_refused_whole_with_the_problems_that_a_file_has(caller: Caller) -> None:
    await known(caller)
    await caller.call("PUT", "/rules", file(entry()))
    text = file(
        entry(filters='{max_odds: "1.5", colour: red}', sizing='{minimum: "9", maximum: "3"}'),
        entry(leader=f'"{OTHER}"', limits="{per_day: -1, exposure: .inf, per_trade: 0.0000001}"),
    )
    before = await caller.revision()
    with pytest.raises(BadRules) as refused:
        await caller.registry.take_in(text, "a file", replace=True)
    status, answer = await caller.call("PUT", "/rules", text)
    assert (status, answer) == (422, {"problems": [each.facts() for each in refused.value.problems]})
    assert {each["place"]: each["line"] for each in answer["problems"]} == {
        "policies.0.filters.colour": 4,
        "policies.0.filters.max_odds": 4,
        "policies.0.sizing.minimum": 5,
        "policies.1.leader": 7,
        "policies.1.limits.exposure": 8,
        "policies.1.limits.per_day": 8,
        "policies.1.limits.per_trade": 8,
    }
    assert await caller.revision() == before


@pytest.mark.parametrize(
    ("content", "place", "found"),
    [
        (
            "policies: [",
            "",
            "a mistake in line 2, column 1: while parsing a flow node, did not find expected node content",
        ),
        (b"\xff\xfe", "", "bytes that are no text: invalid start byte"),
        ("", "", "nothing"),
        (body(follower=OTHER), "", f"those of {OTHER_ID}"),
        (body(id=ID), "id", "'id'"),
        (body(limits={"per_day": -5}), "limits.per_day", "-5"),
        (body(sizing={"minimum": "9", "maximum": "3"}), "sizing.minimum", "9"),
    ],
)
async def test_a_bad_policy_is_refused(caller: Caller, content: str | bytes, place: str, found: str) -> None:
    await known(caller)
    status, answer = await caller.call("PUT", f"/policies/{ID}", content)
    (problem,) = answer["problems"]
    assert (status, problem["place"]) == (422, place)
    assert str(problem["found"]).startswith(found)
    assert await caller.call("GET", "/policies") == (200, [])
    assert caller.changes == []


async def test_all_that_is_wrong_with_a_policy_is_told_at_once(caller: Caller) -> None:
    await known(caller)
    bad = body(leader=OTHER, limits={"per_day": -5}, sizing={"minimum": "9", "maximum": "3", "colour": "red"})
    status, answer = await caller.call("PUT", f"/policies/{ID}", bad)
    assert status == 422
    assert {each["place"]: each["found"] for each in answer["problems"]} == {
        "": f"those of {follower}:{OTHER}",
        "leader": OTHER,
        "limits.per_day": "-5",
        "sizing.colour": "'colour'",
        "sizing.minimum": "9",
    }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_id_is_not_found(caller: Caller, method: str) -> None:
    status, answer = await caller.call(method, f"/policies/{ID}")
    assert (status, answer["problems"][0]["found"][:50]) == (404, f"'{ID}'"[:50])
    assert caller.changes == []


async def test_a_request_larger_than_any_rules_is_refused_in_words(caller: Caller) -> None:
    for path in ("/rules", f"/policies/{ID}"):
        status, answer = await caller.call("PUT", path, BytesIO(b"#" * (LARGEST_BODY + 1)))
        assert status == 413
        assert answer["problems"][0]["expected"] == f"at most {LARGEST_BODY} bytes in the request"
    assert caller.changes == []


async def test_a_party_that_nobody_knows_is_told(caller: Caller) -> None:
    await known(caller)
    assert await caller.call("GET", f"/policies?leader={leader}") == (200, []), "it is heard, and nobody follows yet"
    for party, wallet in (("leader", OTHER), ("follower", follower)):
        status, answer = await caller.call("GET", f"/policies?{party}={wallet}")
        assert status == 404
        assert wallet in answer["problems"][0]["found"]
