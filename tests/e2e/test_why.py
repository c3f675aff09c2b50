"""`remora why` as it is typed: stories from the database, and from the node why a transaction was no signal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from remora.cli.copies import copies
from remora.cli.why import why_command
from remora.detect.decode import exact_fills_by_log
from remora.domain.chain import Receipt, parse_receipt
from remora.domain.contracts import POLYGON, Contracts
from remora.domain.errors import Malformed, OperatorError
from remora.domain.ids import Address, TxHash, address
from remora.domain.order import Cut, Decision, IntentState, Sized
from remora.domain.parties import Leader
from remora.domain.reasons import Reason, because
from remora.domain.signal import Side
from remora.domain.usage import UsageQuestion
from tests.contract.store import samples
from tests.contract.store.implementations import sqlite_stores
from tests.contract.store.journey import Journey
from tests.fakes.specimens import collateral

FIXTURES = Path(__file__).parents[1] / "fixtures"
MERGE: dict[str, Any] = next(
    item
    for item in json.loads((FIXTURES / "polygon/polygon_logs.json").read_text())
    if item["name"] == "receipt_negrisk_merge_both_sell_ad30"
)["receipt"]
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads((FIXTURES / "exchange_v2/non_trades.json").read_text())
}
DEPLOYMENT = json.loads((FIXTURES / "exchange_v2/deployment.json").read_text())
LOCAL = POLYGON.adding(
    exchanges=[address(DEPLOYMENT["standard_exchange"]), address(DEPLOYMENT["neg_risk_exchange"])],
    ledgers=[address(DEPLOYMENT["ctf"])],
)
TRADER = Address("0x33175349046ea26bbeb0a52189960d15d2df76b4")
"""Who sold 0.25 shares in the transaction of the fixture."""

ANN, BOB = samples.follower("ann"), samples.follower("bob")
DENIED = samples.signal(7)
UNKNOWN = samples.word(0xABCD)


async def no_node(env_file: Path | None, tx_hash: TxHash) -> tuple[Receipt | None, Contracts]:
    raise OperatorError(f"no node is set: {env_file} {tx_hash}")


def node(receipt: dict[str, Any] | None, known: Contracts = LOCAL) -> Any:
    async def ask(_env_file: Path | None, _tx_hash: TxHash) -> tuple[Receipt | None, Contracts]:
        return (None if receipt is None else parse_receipt(receipt)), known

    return ask


async def _trade(folder: Path) -> str:
    with sqlite_stores(folder) as stores:
        journey = Journey(stores)
        await stores.signals.record_decision(
            DENIED, [], [samples.denial(DENIED, "ann")], stored_us=samples.NOW_US, state=IntentState.PENDING
        )
        (bought,) = await journey.decide("bob")
        legs = await journey.fill([bought])
        await journey.mine(legs, [samples.unpaid(leg) for leg in legs])
        return bought.signal_id


async def _listen(folder: Path, wallet: Address, cursor: int = 10**9) -> None:
    with sqlite_stores(folder) as stores:
        leader = Leader(wallet=wallet, label=wallet)
        await stores.leaders.add_leader(leader, added_us=samples.NOW_US)
        await stores.signals.save_cursor(cursor)


async def _order_from(folder: Path, operator: Address) -> None:
    with sqlite_stores(folder) as stores:
        signal = samples.signal(901)
        intent = samples.intent(signal, "ann")
        await stores.signals.record_decision(signal, [intent], [], stored_us=samples.NOW_US, state=IntentState.PENDING)
        block = samples.block([intent])
        order = samples.order(900, block, operator)
        await stores.orders.record_order(order, block, neg_risk=False, sent_us=samples.NOW_US)


async def _decide(folder: Path, side: Side, sized: Sized) -> str:
    """Store a copy of ann's and what sized it; return the signal's id."""
    signal = samples.signal(902, side=side)
    intent = samples.intent(signal, "ann", size=10_000_000)
    decision = Decision(signal=signal, intents=(intent,), denials=(), sized={intent.policy_id: sized})
    asked = UsageQuestion(
        leader=signal.leader,
        token_id=signal.token_id,
        condition_id=None,
        now_us=samples.NOW_US,
        meters={},
        followers=frozenset(),
    )
    with sqlite_stores(folder) as stores:
        at_us, state = samples.NOW_US, IntentState.PENDING
        await stores.signals.decide_and_record(signal, asked, lambda _: decision, stored_us=at_us, state=state)
    return signal.signal_id


async def _settle(folder: Path) -> TxHash:
    with sqlite_stores(folder) as stores:
        tx_hash = TxHash(samples.word(0x5E771E))
        await stores.settlements.record_transaction(
            samples.transaction(77), tx_hash, purpose="settle", legs=[], sent_us=samples.NOW_US
        )
        return tx_hash


def _maker() -> Address:
    """Return who was on the other side of the trader's order."""
    receipt = parse_receipt(MERGE)
    fills = exact_fills_by_log(receipt.logs, LOCAL.exchanges, complete=True)
    return next(fill.wallet for fill in fills if fill is not None and fill.counterparty == TRADER)


@pytest.fixture(autouse=True)
def bought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of the signal that bob copied."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_DATABASE", str(tmp_path / "remora.db"))
    return asyncio.run(_trade(tmp_path))


def run(*arguments: str, ask: Any = no_node) -> Result:
    app = typer.Typer()
    app.command("why")(why_command(ask))
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["why", *arguments])


def told(*arguments: str, ask: Any = no_node) -> dict[str, Any]:
    result = run(*arguments, "--json", ask=ask)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_copy_is_told_from_the_signal_to_the_debt(bought: str) -> None:
    (story,) = told(bought, BOB)["stories"]
    assert (story["fate"], story["source"]["first_heard_from"]) == ("owed", "chain")
    assert (story["intent"]["budget"], story["intent"]["limit"]) == ("10", "0.52")
    assert [(order["kind"], order["state"], order["intents"]) for order in story["orders"]] == [("FAK", "done", 1)]
    assert [(leg["step"], leg["shares"], leg["state"]) for leg in story["legs"]] == [("deliver", "20", "failed")]
    assert [(debt["side"], debt["due"], debt["cause"]) for debt in story["debts"]] == [
        ("follower", "9", "COLLATERAL_REFUSED")
    ]


def test_the_text_tells_the_same(bought: str) -> None:
    said = run(bought[:10], BOB).stdout.splitlines()
    assert said[0] == f"signal {bought}"
    assert f"taker BUY of 20 shares of token {samples.TOKEN} at 0.5" in said[1]
    assert "policy bob: owed, copied, and owed for" in said
    assert any(line.startswith("  wanted to buy for 10 at 0.52 at most") for line in said)
    assert "  got 20 shares at 0.45, fee 0: 9 in all, 10 % better than the leader's" in said
    assert any("the follower owed 9" in line for line in said)


@pytest.mark.parametrize(
    ("side", "sized", "says"),
    [
        (Side.BUY, Sized(facts={"mode": "fixed", "wanted": "10"}), ["10 by sizing mode fixed"]),
        (
            Side.BUY,
            Sized(
                facts={"mode": "multiplier", "wanted": "25"},
                cuts=(
                    Cut(
                        left=collateral("20"),
                        because=because(Reason.IN_DEBT, due="5"),
                    ),
                    Cut(
                        left=collateral("10"),
                        because=because(Reason.LIMIT_PER_MARKET, whom="the service", used="90", limit="100"),
                    ),
                ),
            ),
            [
                "25 by sizing mode multiplier",
                "cut from 25 to 20 by IN_DEBT: an earlier copy of 5 is not paid for",
                "cut from 20 to 10 by LIMIT_PER_MARKET: the service holds 90 in this market, the limit is 100",
            ],
        ),
        (
            Side.SELL,
            Sized(facts={"mode": "proportional", "lot": "40", "gone": "25", "before": "100"}),
            ["10 of a lot of 40 by exit mode proportional: the leader let go 25 of 100"],
        ),
    ],
)
def test_a_copy_says_what_made_it_as_large_as_it_is(tmp_path: Path, side: Side, sized: Sized, says: list[str]) -> None:
    signal = asyncio.run(_decide(tmp_path, side, sized))
    assert [line.strip() for line in run(signal, ANN).stdout.splitlines() if line.startswith("    ")] == says
    (story,) = told(signal, ANN)["stories"]
    cuts = story["sized"].pop("cuts")
    assert story["sized"] == sized.facts
    assert [(cut["left"], cut["reason"], cut["facts"], cut["sentence"]) for cut in cuts] == [
        (str(cut.left), cut.because.reason, cut.because.facts, cut.because.sentence()) for cut in sized.cuts
    ]


def test_the_list_of_copies_says_what_cut_one(tmp_path: Path) -> None:
    why = because(Reason.LIMIT_PER_DAY, whom="the service", used="90", limit="100")
    sized = Sized(facts={"mode": "fixed", "wanted": "25"}, cuts=(Cut(left=collateral("10"), because=why),))
    signal = asyncio.run(_decide(tmp_path, Side.BUY, sized))
    app = typer.Typer()
    app.command()(copies)
    asked = ["--follower", ANN, "--since", "1970-01-02"]
    rows = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    (row,) = (row for row in rows if row["signal_id"] == signal)
    assert [(cut["left"], cut["sentence"]) for cut in row["sized"]["cuts"]] == [("10", why.sentence())]
    table = CliRunner().invoke(app, asked).stdout
    assert f"cut to 10: {why.sentence()}" in table


def test_a_denial_says_its_reason_by_signal_and_by_transaction() -> None:
    for asked in (DENIED.signal_id, DENIED.tx_hash, DENIED.tx_hash.upper().replace("X", "x")):
        said = run(asked, ANN).stdout
        assert "policy ann: denied, not copied" in said
        assert "MAX_ODDS: price 0.92 is above the policy's 0.85" in said


def test_a_signal_of_which_nothing_was_decided_for_the_follower(bought: str) -> None:
    (story,) = told(bought, ANN)["stories"]
    assert (story["fate"], story["policy_id"]) == ("undecided", None)
    assert "policy none: undecided, no policy of the follower for this leader" in run(bought, ANN).stdout


def test_a_transaction_of_nobody() -> None:
    found = told(UNKNOWN, ANN, ask=node(MERGE))
    assert found["because"] == [
        "no order of the 1 known leaders filled in it, and none of their shares moved: it is no leader's"
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("u01_adapter_split", "shares came by a split: collateral became a set of both outcomes; no side was taken"),
        ("u05_gift_single", "shares came by a transfer: shares moved between accounts without an exchange"),
    ],
)
def test_what_comes_to_a_leader_without_a_trade(name: str, says: str, tmp_path: Path) -> None:
    for wallet in CASES[name]["parties"]:
        asyncio.run(_listen(tmp_path, address(wallet)))
    because = told(UNKNOWN, ANN, ask=node(CASES[name]["receipt"]))["because"]
    assert any(says in each for each in because), because


def test_a_leaders_trade_in_a_block_that_was_not_read_yet(tmp_path: Path) -> None:
    asyncio.run(_listen(tmp_path, TRADER, cursor=5))
    (because,) = told(UNKNOWN, ANN, ask=node(MERGE))["because"]
    assert because.startswith(f"leader {TRADER}: its SELL of 0.25 shares at 0.995 is in block ")
    assert because.endswith("which has not been read yet: the last that was is 5")


def test_a_leaders_trade_from_before_it_was_listened_to(tmp_path: Path) -> None:
    asyncio.run(_listen(tmp_path, TRADER))
    (because,) = told(UNKNOWN, ANN, ask=node(MERGE))["because"]
    assert because.endswith("was not heard: the leader was not listened to then")


def test_a_leaders_trade_with_remora_itself(tmp_path: Path) -> None:
    asyncio.run(_listen(tmp_path, _maker()))
    asyncio.run(_order_from(tmp_path, TRADER))
    (because,) = told(UNKNOWN, ANN, ask=node(MERGE))["because"]
    assert "is the other side of an order of remora's own" in because


def test_a_transaction_that_failed() -> None:
    found = told(UNKNOWN, ANN, ask=node({**MERGE, "status": "0x0"}))
    assert found["because"] == ["the transaction failed, so nothing in it happened"]


def test_a_transaction_of_remoras_own_needs_no_node(tmp_path: Path) -> None:
    tx_hash = asyncio.run(_settle(tmp_path))
    result = run(tx_hash, ANN)
    assert result.exit_code == 0
    assert "remora sent it itself, to settle" in result.stdout
    assert "no node could be asked, so its logs could not be looked at: no node is set" in result.stdout


def test_what_nobody_knows_is_told_with_an_exit_code() -> None:
    for ask, says in ((no_node, "no node could be asked"), (node(None), "the node has no receipt of it")):
        result = run(UNKNOWN, ANN, ask=ask)
        assert result.exit_code == 1
        assert says in result.stdout


@pytest.mark.parametrize(
    ("what", "follower", "says"),
    [
        ("0xdead", ANN, "expected the id of one signal, found '0xdead', none begins so"),
        ("whale", ANN, "expected a signal's id, its beginning from 4 digits on, or a transaction hash, found 'whale'"),
        ("0x12", ANN, "its beginning from 4 digits on"),
        (DENIED.signal_id, "ann", "expected an address of 0x and 40 hex digits"),
        (DENIED.signal_id, samples.follower("cleo"), "expected the follower of a policy"),
    ],
)
def test_wrong_input_is_refused(what: str, follower: str, says: str) -> None:
    result = run(what, follower)
    assert isinstance(result.exception, Malformed)
    assert says in str(result.exception)
