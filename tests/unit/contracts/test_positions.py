"""The position manager, its modules and the router: who mints, moves, burns and redeems, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from remora.devnet.artifacts import load_artifact
from remora.domain import contracts
from tests.unit.contracts.generation_v3 import (
    ALICE,
    BINARY,
    BOB,
    CONDITIONS,
    MEANS,
    NEG_RISK,
    NO,
    YES,
    Generation,
    U,
    deploy,
    position,
    refused_with,
)


@pytest.fixture(scope="module")
def deployed() -> Iterator[Generation]:
    with boa.env.anchor():
        yield deploy()


@pytest.fixture
def v3(deployed: Generation) -> Iterator[Generation]:
    with boa.env.anchor():
        yield deployed


def selectors(name: str) -> set[str]:
    return {
        keccak(text=f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})")[:4].hex()
        for entry in load_artifact(name).abi
        if entry["type"] == "function"
    }


def test_the_interfaces_are_the_venues() -> None:
    # unsafeTransferFrom, unsafeBatchTransferFrom, getPayout; ERC-1155 and its approvals
    assert {"fbc37ca9", "4028e8ea", "4c619e4c", "f242432a", "2eb2c2d6", "4e1273f4"} <= selectors("PositionManager")
    # split, merge, redeem
    assert {"82d3b9f1", "5b63685e", "d217a3cc"} <= selectors("Router")


def test_a_split_burns_collateral_and_a_merge_makes_it_anew(v3: Generation) -> None:
    supply = v3.collateral.totalSupply()
    v3.router.split(CONDITIONS[BINARY], 10 * U, sender=ALICE.address)
    assert v3.told(v3.router) == [
        ("Transfer", "alice", "module", 10 * U),
        ("TransferSingle", "module", "zero", "alice", "YES", 10 * U),
        ("TransferSingle", "module", "zero", "alice", "NO", 10 * U),
        ("Transfer", "module", "zero", 10 * U),
        ("PositionsSplit", "router", "condition", "alice", "alice", 10 * U),
    ]
    assert (v3.change(ALICE), v3.collateral.totalSupply()) == ((-10 * U, 10 * U, 10 * U), supply - 10 * U)
    v3.router.merge(CONDITIONS[BINARY], 4 * U, sender=ALICE.address)
    assert v3.told(v3.router) == [
        ("TransferSingle", "router", "alice", "module", "YES", 4 * U),
        ("TransferSingle", "router", "alice", "module", "NO", 4 * U),
        ("Transfer", "zero", "alice", 4 * U),
        ("TransferSingle", "module", "module", "zero", "YES", 4 * U),
        ("TransferSingle", "module", "module", "zero", "NO", 4 * U),
        ("PositionsMerged", "router", "condition", "alice", 4 * U),
    ]
    assert (v3.change(ALICE), v3.collateral.totalSupply()) == ((-6 * U, 6 * U, 6 * U), supply - 6 * U)


@pytest.mark.parametrize(
    ("result", "yes", "no"), [([U, 0], 1000, 0), ([0, U], 0, 1000), ([333_333, 666_667], 333, 666)]
)
def test_shares_of_a_resolved_condition_are_worth_their_part_rounded_down(
    v3: Generation, result: list[int], yes: int, no: int
) -> None:
    module = v3.modules[BINARY]
    module.reportResult(CONDITIONS[BINARY], result, sender=v3.oracle)
    assert v3.told(module) == [("ConditionResolved", "condition", result)]
    assert [v3.manager.getPayout(token, 1000) for token in (YES, NO)] == [yes, no]
    v3.router.redeem(CONDITIONS[BINARY], 1, 1000, sender=ALICE.address)
    assert v3.told(v3.router) == [
        ("TransferSingle", "router", "alice", "module", "NO", 1000),
        ("Transfer", "zero", "alice", no),
        ("TransferSingle", "module", "module", "zero", "NO", 1000),
        ("PositionRedeemed", "router", "NO", "alice", 1000, no),
    ]


def test_events_have_the_venues_topics(v3: Generation) -> None:
    module = v3.modules[BINARY]
    topics = {
        "PositionsSplit": contracts.MODULE_SPLIT,
        "PositionsMerged": contracts.MODULE_MERGE,
        "PositionRedeemed": contracts.MODULE_REDEMPTION,
        "ConditionResolved": contracts.MODULE_RESOLUTION,
    }
    found = {
        entry["name"]: "0x"
        + keccak(text=f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})").hex()
        for entry in load_artifact("PositionModule").abi
        if entry["type"] == "event"
    }
    assert found == topics
    v3.router.split(CONDITIONS[BINARY], 1, sender=ALICE.address)
    *_, (_, emitter, (topic, initiator, condition, receiver), _) = v3.router._computation.get_raw_log_entries()
    assert (emitter, topic) == (bytes.fromhex(module.address[2:]), int(contracts.MODULE_SPLIT, 16))
    assert initiator == int(v3.router.address, 16)
    assert (condition.to_bytes(32), receiver) == (CONDITIONS[BINARY] + b"\0", int(ALICE.address, 16))


@pytest.mark.parametrize(
    ("result", "error"), [([U], "InvalidArrayLength"), ([U, 1], "InvalidResults"), ([1, 0], "InvalidResults")]
)
def test_a_result_shares_out_one_unit(v3: Generation, result: list[int], error: str) -> None:
    with refused_with(v3.modules[BINARY], error):
        v3.modules[BINARY].reportResult(CONDITIONS[BINARY], result, sender=v3.oracle)


def test_only_the_oracle_resolves_and_only_once(v3: Generation) -> None:
    module = v3.modules[BINARY]
    with refused_with(module, "NotOracle"):
        module.reportResult(CONDITIONS[BINARY], [U, 0], sender=ALICE.address)
    with refused_with(v3.router, "ConditionNotResolved"):
        v3.router.redeem(CONDITIONS[BINARY], 0, 1, sender=ALICE.address)
    module.reportResult(CONDITIONS[BINARY], [U, 0], sender=v3.oracle)
    with refused_with(module, "AlreadyResolved"):
        module.reportResult(CONDITIONS[BINARY], [0, U], sender=v3.oracle)


def test_there_is_no_third_outcome(v3: Generation) -> None:
    with refused_with(v3.router, "InvalidOutcomeIndex"):
        v3.router.redeem(CONDITIONS[BINARY], 2, 1, sender=ALICE.address)


def test_only_the_module_of_an_id_mints_it(v3: Generation) -> None:
    manager, foreign = v3.manager, position(CONDITIONS[NEG_RISK], 0)
    for token_id in (foreign, position(bytes([9]) + bytes(30), 0)):
        with refused_with(manager, "OnlyModule"):
            manager.mint(ALICE.address, token_id, 1, sender=v3.modules[BINARY].address)
    with refused_with(manager, "OnlyModule"):
        manager.burn(YES, 1, sender=ALICE.address)
    with refused_with(manager, "ModuleNotRegistered"):
        manager.getPayout(position(bytes([9]) + bytes(30), 0), 1)


def test_only_the_admin_adds_modules_once_per_number(v3: Generation) -> None:
    with refused_with(v3.manager, "NotAdmin"):
        v3.manager.addModule(v3.modules[BINARY], sender=ALICE.address)
    with refused_with(v3.manager, "ModuleAlreadyRegistered"):
        v3.manager.addModule(v3.modules[BINARY], sender=v3.manager.admin())


def test_shares_are_moved_by_their_owner_or_who_it_approved(v3: Generation) -> None:
    manager, alice, bob = v3.manager, ALICE.address, BOB.address
    with refused_with(manager, "NotOwnerNorApproved"):
        manager.unsafeTransferFrom(alice, bob, YES, 1, sender=bob)
    manager.setApprovalForAll(bob, True, sender=alice)
    manager.unsafeBatchTransferFrom(alice, bob, [YES, NO], [2, 3], sender=bob)
    assert (v3.change(ALICE), v3.change(BOB)) == ((0, -2, -3), (0, 2, 3))
    with refused_with(manager, "ArrayLengthsMismatch"):
        manager.unsafeBatchTransferFrom(alice, bob, [YES, NO], [2], sender=bob)
    with refused_with(manager, "InsufficientBalance"):
        manager.unsafeTransferFrom(alice, bob, YES, MEANS, sender=bob)
    with refused_with(manager, "TransferToZeroAddress"):
        manager.unsafeTransferFrom(alice, "0x" + "00" * 20, YES, 1, sender=alice)


def test_only_a_safe_transfer_asks_the_receiver(v3: Generation) -> None:
    manager, alice = v3.manager, ALICE.address
    deaf: Any = boa.loads("x: uint256")
    with pytest.raises(boa.BoaError):
        manager.safeTransferFrom(alice, deaf, YES, 1, b"", sender=alice)
    manager.unsafeTransferFrom(alice, deaf, YES, 1, sender=alice)
    manager.safeTransferFrom(alice, v3.exchange, YES, 1, b"", sender=alice)
    manager.safeBatchTransferFrom(alice, v3.exchange, [NO], [1], b"", sender=alice)
    assert manager.balanceOfBatch([deaf, v3.exchange, v3.exchange], [YES, YES, NO]) == [1, 1, 1]


def test_only_minters_make_collateral(v3: Generation) -> None:
    with boa.reverts("not a minter"):
        v3.collateral.mint(ALICE.address, 1, sender=ALICE.address)
