"""The control API and its command: faults come and go, and what is wrong is refused whole, with its place."""

from __future__ import annotations

import asyncio
import json
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.contract.faults.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_is_injected_is_active_until_it_is_cleared(scene: Scene) -> None:
    (injected,) = await scene.inject("rate-limited", endpoint="POST /order", count=3)
    assert injected == {
        "id": injected["id"],
        "fault": "rate-limited",
        "endpoint": "POST /order",
        "count": 3,
        "struck": 0,
    }
    assert await scene.control("GET", "/faults") == (HTTPStatus.OK, {"active": [injected]})
    assert await scene.control("DELETE", f"/faults/{injected['id']}") == (HTTPStatus.OK, {"cleared": [injected]})
    assert await scene.control("GET", "/faults") == (HTTPStatus.OK, {"active": []})
    status, answered = await scene.control("DELETE", f"/faults/{injected['id']}")
    assert (status, answered["problems"][0]["place"]) == (HTTPStatus.BAD_REQUEST, ["id"])


async def test_what_the_chain_refuses_takes_the_rest_with_it(scene: Scene) -> None:
    receives_no_shares = scene.devnet.endpoints.contracts.collateral
    move = {"fault": "set-shares", "wallet": receives_no_shares, "token": scene.yes, "amount": "5"}
    status, answered = await scene.control("POST", "/faults", {"faults": [{"fault": "drop-before"}, move]})
    assert (status, answered["problems"][0]["place"]) == (HTTPStatus.BAD_REQUEST, ["faults", 1])
    assert scene.devnet.faults.active() == []


async def test_options_are_text_and_what_is_done_at_once_is_said(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "devnet.json").write_text(scene.devnet.endpoints.to_json())
    code, said, _ = await _fault(tmp_path, "inject", "lagging-head", "--set", "node=2", "--set", "blocks=5")
    assert (code, said.split()[1:]) == (0, ["lagging-head", "struck=0", "node=2", "blocks=5"])
    code, said, _ = await _fault(
        tmp_path, "inject", "set-collateral", "--wallet", scene.bob.wallet, "--set", "amount=9"
    )
    assert (code, said.split()) == (0, ["done", "set-collateral", f"wallet={scene.bob.wallet}", "amount=9"])
    await scene.inject("set-collateral", wallet=scene.bob.wallet, amount="1000000")


GOOD = {"fault": "drop-before"}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ([], [[]]),
        ({"faults": [GOOD], "more": 1}, [[]]),
        ({"faults": [GOOD, {"fault": "no-such"}]}, [["faults", 1, "fault"]]),
        ({"faults": [GOOD, {"fault": "drop-after", "count": 0}]}, [["faults", 1, "count"]]),
        ({"faults": [{"fault": "drop-after", "wallet": "0x1"}, GOOD]}, [["faults", 0, "wallet"]]),
        (
            {"faults": [GOOD, {"fault": "drop-after", "colour": "red", "count": -1}]},
            [["faults", 1, "count"], ["faults", 1, "colour"]],
        ),
        (
            {"faults": [GOOD, {"fault": "set-shares", "wallet": "0x" + 40 * "1", "token": "5", "amount": "1"}]},
            [["faults", 1]],
        ),
    ],
)
async def test_bad_input_is_located_and_nothing_of_it_is_applied(
    scene: Scene, document: object, places: list[list[str | int]]
) -> None:
    status, answered = await scene.control("POST", "/faults", document)
    assert (status, [problem["place"] for problem in answered["problems"]]) == (HTTPStatus.BAD_REQUEST, places)
    assert await scene.control("GET", "/faults") == (HTTPStatus.OK, {"active": []})


async def test_the_command_injects_shows_and_clears(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "devnet.json").write_text(scene.devnet.endpoints.to_json())
    code, injected, _ = await _fault(
        tmp_path, "inject", "restarting", "--count", "2", "--set", "retry_after_s=9", "--json"
    )
    assert (code, [fault["retry_after_s"] for fault in json.loads(injected)]) == (0, [9])
    assert [active.fault.name for active in scene.devnet.faults.active()] == ["restarting"]
    code, shown, _ = await _fault(tmp_path, "active", "--json")
    assert (code, json.loads(shown)) == (0, json.loads(injected))
    assert (await _fault(tmp_path, "clear"))[0] == 0
    assert scene.devnet.faults.active() == []


async def test_the_command_applies_a_scenario_file_whole_or_says_on_which_line_it_is_wrong(
    scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "devnet.json").write_text(scene.devnet.endpoints.to_json())
    storm = tmp_path / "storm.yaml"
    storm.write_text("faults:\n  - fault: drop-before\n    count: 1\n  - fault: timeout-after\n    hold_s: 9999\n")
    code, _, complaint = await _fault(tmp_path, "inject", "--file", "storm.yaml")
    assert (code, complaint.splitlines()) == (
        2,
        ["remora: storm.yaml:5: faults[1].hold_s: Input should be less than or equal to 600; found 9999"],
    )
    assert scene.devnet.faults.active() == []
    storm.write_text(storm.read_text().replace("9999", "5"))
    assert (await _fault(tmp_path, "inject", "--file", "storm.yaml"))[0] == 0
    assert [active.fault.name for active in scene.devnet.faults.active()] == ["drop-before", "timeout-after"]


async def test_without_a_devnet_the_command_says_what_is_missing(tmp_path: Path) -> None:
    code, _, complaint = await _fault(tmp_path, "active")
    assert (code, "devnet.json is missing" in complaint) == (2, True)


async def test_the_list_names_every_fault(scene: Scene, tmp_path: Path) -> None:
    code, shown, _ = await _fault(tmp_path, "list", "--json")
    _, catalogue = await scene.control("GET", "/catalogue")
    assert (code, json.loads(shown)) == (0, catalogue)
    assert {"drop-before", "set-shares"} <= {fault["name"] for fault in catalogue["faults"]}


async def _fault(folder: Path, *arguments: str) -> tuple[int, str, str]:
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "remora", "devnet", "fault", *arguments, cwd=folder, **pipes
    )
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()
