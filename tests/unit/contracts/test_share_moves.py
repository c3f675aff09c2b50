"""Splits, merges, redemptions and conversions log what the venue's contracts do, in their order (polymarket.md 2.2).

A line names the emitter, the event, its indexed parties and its values. Recorded splits, and matches that split and
merge, are compared byte for byte in `test_exchange_v2_cases`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boa
import pytest

from remora.devnet.abi import calldata
from tests.unit.contracts.moving import BOTH, POOL, Reverted, Venue, deploy_venue


@pytest.fixture(scope="module")
def deployed(conditional_tokens: Any) -> Iterator[Venue]:
    with boa.env.anchor():
        yield deploy_venue(conditional_tokens.deploy())


@pytest.fixture
def venue(deployed: Venue) -> Iterator[Venue]:
    with boa.env.anchor():
        yield deployed


def split(venue: Venue, adapter: str, name: str, amount: int) -> list[str]:
    condition = venue.conditions[name]
    return venue.run(adapter, "splitPosition", venue.collateral.address, POOL, condition, BOTH, amount)


def test_a_user_split_mints_to_the_adapter_which_hands_out_a_batch(venue: Venue) -> None:
    assert split(venue, "adapter", "", 10) == [
        "collateral moves user collateral 10",
        "asset moves collateral adapter 10",
        "collateral moves collateral 0 10",
        "collateral unwraps adapter asset adapter 10",
        "asset moves adapter ctf 10",
        "ctf batch adapter 0 adapter [yes no] [10 10]",
        "ctf split adapter 0 condition asset [1 2] 10",
        "ctf batch adapter adapter user [yes no] [10 10]",
    ]


def test_a_user_merge_takes_a_batch_and_burns_it(venue: Venue) -> None:
    split(venue, "adapter", "", 10)
    merge = venue.run("adapter", "mergePositions", venue.collateral.address, POOL, venue.conditions[""], BOTH, 4)
    assert merge == [
        "ctf batch adapter user adapter [yes no] [4 4]",
        "ctf batch adapter adapter 0 [yes no] [4 4]",
        "asset moves ctf adapter 4",
        "ctf merge adapter 0 condition asset [1 2] 4",
        "asset moves adapter collateral 4",
        "collateral moves 0 user 4",
        "collateral wraps adapter asset user 4",
    ]
    assert venue.holds("yes", "no") == {"yes": 6, "no": 6}


def test_a_user_redemption_takes_all_shares_and_burns_what_there_is(venue: Venue) -> None:
    split(venue, "adapter", "", 10)
    venue.ctf.safeTransferFrom(venue.user, venue.operator, venue.tokens["no"], 10, b"", sender=venue.user)
    venue.resolve(is_yes=True)
    redeem = venue.run("adapter", "redeemPositions", venue.collateral.address, POOL, venue.conditions[""], BOTH)
    assert redeem == [
        "ctf batch adapter user adapter [yes no] [10 0]",
        "ctf one adapter adapter 0 yes 10",
        "asset moves ctf adapter 10",
        "ctf redemption adapter asset 0 condition [1 2] 10",
        "asset moves adapter collateral 10",
        "collateral moves 0 user 10",
        "collateral wraps adapter asset user 10",
    ]


def test_a_redemption_of_losing_shares_pays_nothing(venue: Venue) -> None:
    split(venue, "adapter", "", 10)
    venue.ctf.safeTransferFrom(venue.user, venue.operator, venue.tokens["no"], 10, b"", sender=venue.user)
    venue.resolve(is_yes=False)
    redeem = venue.run("adapter", "redeemPositions", venue.collateral.address, POOL, venue.conditions[""], BOTH)
    assert redeem[-1] == "ctf redemption adapter asset 0 condition [1 2] 0"
    assert venue.holds("yes") == {"yes": 0}


def test_a_neg_risk_merge_goes_through_the_neg_risk_adapter(venue: Venue) -> None:
    split(venue, "nr_adapter", "0", 10)
    merge = venue.run("nr_adapter", "mergePositions", venue.collateral.address, POOL, venue.conditions["0"], BOTH, 4)
    assert merge == [
        "ctf batch nr_adapter user nr_adapter [yes0 no0] [4 4]",
        "ctf batch nra nr_adapter nra [yes0 no0] [4 4]",
        "ctf batch nra nra 0 [yes0 no0] [4 4]",
        "wcol moves ctf nra 4",
        "ctf merge nra 0 condition0 wcol [1 2] 4",
        "wcol moves nra 0 4",
        "asset moves wcol nr_adapter 4",
        "nra neg-risk merge nr_adapter condition0 4",
        "asset moves nr_adapter collateral 4",
        "collateral moves 0 user 4",
        "collateral wraps nr_adapter asset user 4",
    ]


def test_a_neg_risk_redemption_names_both_amounts(venue: Venue) -> None:
    split(venue, "nr_adapter", "0", 10)
    venue.ctf.safeTransferFrom(venue.user, venue.operator, venue.tokens["no0"], 10, b"", sender=venue.user)
    venue.resolve(is_yes=True)
    redeem = venue.run("nr_adapter", "redeemPositions", venue.collateral.address, POOL, venue.conditions["0"], BOTH)
    # as in the captured redemption: the batch to the adapter says zero, and one token is burned
    assert redeem == [
        "ctf batch nr_adapter user nr_adapter [yes0 no0] [10 0]",
        "ctf batch nra nr_adapter nra [yes0 no0] [10 0]",
        "ctf one nra nra 0 yes0 10",
        "wcol moves ctf nra 10",
        "ctf redemption nra wcol 0 condition0 [1 2] 10",
        "wcol moves nra 0 10",
        "asset moves wcol nr_adapter 10",
        "nra neg-risk redemption nr_adapter condition0 [10 0] 10",
        "asset moves nr_adapter collateral 10",
        "collateral moves 0 user 10",
        "collateral wraps nr_adapter asset user 10",
    ]


def test_a_conversion_burns_no_shares_and_splits_for_the_yes_shares(venue: Venue) -> None:
    for name in ("0", "1"):
        split(venue, "nr_adapter", name, 10)
    assert venue.run("nr_adapter", "convertPositions", venue.market_id, 0b011, 10) == [
        "ctf batch nr_adapter user nr_adapter [no0 no1] [10 10]",
        "wcol moves 0 nra 10",
        "wcol moves nra ctf 10",
        "ctf batch nra 0 nra [yes2 no2] [10 10]",
        "ctf split nra 0 condition2 wcol [1 2] 10",
        "ctf batch nra nr_adapter burn [no0 no1] [10 10]",
        "ctf batch nra nra burn [no2] [10]",
        "asset moves wcol nr_adapter 10",
        "ctf batch nra nra nr_adapter [yes2] [10]",
        "nra conversion nr_adapter market 3 10",
        "ctf batch nr_adapter nr_adapter user [yes2] [10]",
        "asset moves nr_adapter collateral 10",
        "collateral moves 0 user 10",
        "collateral wraps nr_adapter asset user 10",
    ]


def test_one_no_share_gives_yes_shares_and_no_collateral(venue: Venue) -> None:
    split(venue, "nr_adapter", "1", 10)
    before = venue.holds("collateral")
    venue.run("nr_adapter", "convertPositions", venue.market_id, 0b010, 10)
    assert venue.holds("yes0", "no1", "yes2") == {"yes0": 10, "no1": 0, "yes2": 10}
    assert venue.holds("collateral") == before


def test_all_no_shares_give_collateral_and_no_yes_shares(venue: Venue) -> None:
    for name in ("0", "1", "2"):
        split(venue, "nr_adapter", name, 10)
    before = venue.holds("collateral")["collateral"]
    venue.run("nr_adapter", "convertPositions", venue.market_id, 0b111, 10)
    # of three NO shares two win, whatever happens
    assert venue.holds("collateral") == {"collateral": before + 20}
    assert venue.holds("yes0", "yes1", "yes2") == {"yes0": 10, "yes1": 10, "yes2": 10}


def test_what_a_conversion_gives_is_worth_what_it_took(venue: Venue) -> None:
    for name in ("0", "1"):
        split(venue, "nr_adapter", name, 10)
    venue.run("nr_adapter", "convertPositions", venue.market_id, 0b011, 10)
    for index in range(3):
        venue.nra.reportOutcome((int.from_bytes(venue.market_id) + index).to_bytes(32), index == 2, sender=venue.oracle)
        venue.run("nr_adapter", "redeemPositions", venue.collateral.address, POOL, venue.conditions[str(index)], BOTH)
    # two splits of 10 were paid; the third question won, so NO of both would have paid 20
    assert venue.holds("collateral") == {"collateral": 10**12}


def test_a_fee_is_taken_of_both_parts_of_a_conversion(venue: Venue) -> None:
    market_id = venue.nra.prepareMarket(100, b"with a fee of 1 %", sender=venue.oracle)
    questions = [venue.nra.prepareQuestion(market_id, b"", sender=venue.oracle) for _ in range(3)]
    for question in questions[:2]:
        condition = venue.nra.getConditionId(question)
        venue.run("nr_adapter", "splitPosition", venue.collateral.address, POOL, condition, BOTH, 1000)
    before = venue.holds("collateral")["collateral"]
    venue.run("nr_adapter", "convertPositions", market_id, 0b011, 1000)
    assert venue.holds("collateral") == {"collateral": before + 990}
    assert venue.ctf.balanceOf(venue.user, venue.nra.getPositionId(questions[2], True)) == 990
    assert venue.asset.balanceOf(venue.nra.vault()) == 10


@pytest.mark.parametrize(("index_set", "reason"), [(0, "index set"), (0b1000, "index set")])
def test_an_index_set_names_questions_that_exist(venue: Venue, index_set: int, reason: str) -> None:
    with pytest.raises(Reverted, match=reason):
        venue.run("nra", "convertPositions", venue.market_id, index_set, 10)


def test_a_user_of_the_neg_risk_adapter_itself_pays_with_the_asset(venue: Venue) -> None:
    assert venue.run("nra", "splitPosition", venue.conditions["0"], 10)[-2:] == [
        "ctf batch nra nra user [yes0 no0] [10 10]",
        "nra neg-risk split user condition0 10",
    ]
    assert venue.run("nra", "mergePositions", venue.conditions["0"], 4)[-1] == "nra neg-risk merge user condition0 4"
    assert venue.run("nra", "convertPositions", venue.market_id, 0b001, 6) == [
        "wcol moves 0 nra 12",
        "wcol moves nra ctf 6",
        "ctf batch nra 0 nra [yes1 no1] [6 6]",
        "ctf split nra 0 condition1 wcol [1 2] 6",
        "wcol moves nra ctf 6",
        "ctf batch nra 0 nra [yes2 no2] [6 6]",
        "ctf split nra 0 condition2 wcol [1 2] 6",
        "ctf batch nra user burn [no0] [6]",
        "ctf batch nra nra burn [no1 no2] [6 6]",
        "ctf batch nra nra user [yes1 yes2] [6 6]",
        "nra conversion user market 1 6",
    ]


def test_the_neg_risk_adapter_takes_the_calls_of_conditional_tokens(venue: Venue) -> None:
    pool = "address,bytes32,bytes32,uint256[],uint256"
    arguments = (venue.asset.address, POOL, venue.conditions["0"], BOTH, 10)
    done = venue.send("nra", calldata(f"splitPosition({pool})", *arguments))
    assert done[-1] == "nra neg-risk split user condition0 10"
    done = venue.send("nra", calldata(f"mergePositions({pool})", *arguments))
    assert done[-1] == "nra neg-risk merge user condition0 10"
    other = (venue.collateral.address, *arguments[1:])
    with pytest.raises(Reverted, match="not the asset"):
        venue.send("nra", calldata(f"splitPosition({pool})", *other))
    with pytest.raises(Reverted, match="no such function"):
        venue.send("nra", calldata(f"somethingElse({pool})", *arguments))


def test_the_neg_risk_adapter_answers_balances_of_the_ledger(venue: Venue) -> None:
    split(venue, "nr_adapter", "0", 10)
    ids = [venue.tokens["yes0"], venue.tokens["no1"]]
    assert venue.nra.balanceOfBatch([venue.user] * 2, ids) == [10, 0]
    assert venue.nra.balanceOf(venue.user, ids[0]) == 10


def test_a_neg_risk_resolution_has_the_adapter_for_its_oracle(venue: Venue) -> None:
    data = venue.nra.reportOutcome.prepare_calldata(venue.market_id, True)
    logs = venue.send("nra", data, sender=venue.oracle)
    assert logs[0] == "ctf resolution condition0 nra market 2 [1 0]"
    assert venue.nra.getDetermined(venue.market_id)
    assert venue.ctf.payoutNumerators(venue.conditions["0"], 0) == 1


def test_only_one_question_of_a_market_resolves_yes(venue: Venue) -> None:
    second = (int.from_bytes(venue.market_id) + 1).to_bytes(32)
    venue.nra.reportOutcome(venue.market_id, True, sender=venue.oracle)
    with pytest.raises(boa.BoaError, match="determined"):
        venue.nra.reportOutcome(second, True, sender=venue.oracle)
    venue.nra.reportOutcome(second, False, sender=venue.oracle)


def test_only_its_oracle_resolves_a_market_or_adds_questions(venue: Venue) -> None:
    with pytest.raises(boa.BoaError, match="not the oracle"):
        venue.nra.reportOutcome(venue.market_id, True, sender=venue.user)
    with pytest.raises(boa.BoaError, match="not the oracle"):
        venue.nra.prepareQuestion(venue.market_id, b"", sender=venue.user)


def test_the_ids_of_a_markets_questions_differ_in_the_last_byte(venue: Venue) -> None:
    assert venue.market_id[-1] == 0
    third = venue.market_id[:-1] + b"\x02"
    assert venue.nra.getConditionId(third) == venue.conditions["2"]
    assert venue.nra.getQuestionCount(venue.market_id) == 3


@pytest.mark.parametrize(("adapter", "name"), [("adapter", ""), ("nr_adapter", "0")])
def test_the_auto_redeemer_takes_shares_by_itself_and_pays_the_user(venue: Venue, adapter: str, name: str) -> None:
    split(venue, adapter, name, 10)
    venue.resolve(is_yes=True)
    ids = [venue.tokens[f"yes{name}"], venue.tokens[f"no{name}"]]
    arguments = ([venue.user], venue.parts[adapter].address, venue.conditions[name], ids)
    redeemed = venue.run("redeemer", "redeem", *arguments, sender=venue.operator)
    assert redeemed[:2] == [
        f"ctf batch redeemer user redeemer [yes{name} no{name}] [10 10]",
        f"ctf batch {adapter} redeemer {adapter} [yes{name} no{name}] [10 10]",
    ]
    assert redeemed[-1] == "collateral moves redeemer user 10"
    with pytest.raises(Reverted, match="not the operator"):
        venue.run("redeemer", "redeem", *arguments)


def test_only_its_owner_mints_wrapped_collateral_without_an_asset(venue: Venue) -> None:
    for call in (("mint", 1), ("release", venue.user, 1), ("give", venue.user)):
        with pytest.raises(Reverted, match="not the owner"):
            venue.run("wcol", *call)
