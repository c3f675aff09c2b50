"""Exchange V3: who gives what to whom in which order, and what it refuses (polymarket.md 1.6, 2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import boa
import pytest
from eth_utils.crypto import keccak

from remora.devnet.artifacts import load_artifact
from tests.unit.contracts.generation_v3 import (
    ALICE,
    BOB,
    BUY,
    CAROL,
    CONDITIONS,
    DEPOSIT_WALLET,
    NEG_RISK,
    NO,
    PROXY,
    SAFE,
    SELL,
    YES,
    Generation,
    Order,
    U,
    deploy,
    endow,
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


def test_the_interface_is_the_venues() -> None:
    (match,) = (entry for entry in load_artifact("ExchangeV3").abi if entry.get("name") == "matchOrders")
    order = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
    signature = f"matchOrders({order},{order}[],uint256[],uint256[],(uint256,uint256,uint256))"
    assert keccak(text=signature)[:4] == bytes.fromhex("0fb25ba4")
    assert [entry["type"] for entry in match["inputs"]] == ["tuple", "tuple[]", "uint256[]", "uint256[]", "tuple"]


# --- logs ------------------------------------------------------------------------------------------------------------


def test_a_buy_from_sellers_goes_from_wallet_to_wallet_with_the_exchange_as_operator(v3: Generation) -> None:
    asks = [v3.order(ALICE, SELL, 10 * U, 50), v3.order(CAROL, SELL, 10 * U, 60)]
    bid = v3.order(BOB, BUY, 20 * U, 60)
    # 10 x 0.5 and 10 x 0.6; Alice's fee is taken from her proceeds, Bob's is paid on top.
    assert v3.match(bid, [(asks[0], 10 * U, 100), (asks[1], 10 * U, 0)], (12 * U, 20 * U, 300)) == [
        ("TransferSingle", "X", "alice", "bob", "YES", 10 * U),
        ("Transfer", "bob", "alice", 5 * U - 100),
        ("OrderFilled", "alice", "bob", SELL, "YES", 10 * U, 5 * U, 100),
        ("FeeCharged", "fees", 100),
        ("TransferSingle", "X", "carol", "bob", "YES", 10 * U),
        ("Transfer", "bob", "carol", 6 * U),
        ("OrderFilled", "carol", "bob", SELL, "YES", 10 * U, 6 * U, 0),
        ("FeeCharged", "fees", 300),
        ("Transfer", "bob", "fees", 400),
        ("OrderFilled", "bob", "X", BUY, "YES", 11 * U, 20 * U, 300),
        ("OrdersMatched", "bob", BUY, "YES", 11 * U, 20 * U),
    ]


def test_a_sale_without_a_fee_goes_from_wallet_to_wallet(v3: Generation) -> None:
    bid = v3.order(ALICE, BUY, 10 * U, 50)
    assert v3.match(v3.order(BOB, SELL, 10 * U, 40), [(bid, 5 * U, 0)], (10 * U, 5 * U, 0)) == [
        ("TransferSingle", "X", "bob", "alice", "YES", 10 * U),
        ("Transfer", "alice", "bob", 5 * U),
        ("OrderFilled", "alice", "bob", BUY, "YES", 5 * U, 10 * U, 0),
        ("OrderFilled", "bob", "X", SELL, "YES", 10 * U, 5 * U, 0),
        ("OrdersMatched", "bob", SELL, "YES", 10 * U, 5 * U),
    ]


def test_a_sale_with_a_fee_sends_collateral_through_the_exchange_and_tells_of_the_maker_first(v3: Generation) -> None:
    bid = v3.order(ALICE, BUY, 10 * U, 50)
    assert v3.match(v3.order(BOB, SELL, 10 * U, 40), [(bid, 5 * U, 100)], (10 * U, 5 * U, 300)) == [
        ("OrderFilled", "alice", "bob", BUY, "YES", 5 * U, 10 * U, 100),
        ("Transfer", "alice", "X", 5 * U + 100),
        ("TransferSingle", "X", "bob", "alice", "YES", 10 * U),
        ("FeeCharged", "fees", 100),
        ("Transfer", "X", "bob", 5 * U - 300),
        ("FeeCharged", "fees", 300),
        ("Transfer", "X", "fees", 400),
        ("OrderFilled", "bob", "X", SELL, "YES", 10 * U, 5 * U, 300),
        ("OrdersMatched", "bob", SELL, "YES", 10 * U, 5 * U),
    ]


def test_two_buys_mint_sets_and_the_refund_is_no_part_of_the_takers_fill(v3: Generation) -> None:
    for_no = v3.order(ALICE, BUY, 10 * U, 45, token_id=NO)
    ask = v3.order(CAROL, SELL, 10 * U, 50)
    bid = v3.order(BOB, BUY, 20 * U, 60)
    # Bob gives 12 at most; the sets take 10 - 4.5 of it, Carol 5: 1.5 come back.
    assert v3.match(bid, [(for_no, 4_500_000, 100), (ask, 10 * U, 200)], (12 * U, 20 * U, 300)) == [
        ("Transfer", "bob", "X", 12 * U + 300),
        ("Transfer", "alice", "X", 4_500_100),
        ("OrderFilled", "alice", "bob", BUY, "NO", 4_500_000, 10 * U, 100),
        ("TransferSingle", "X", "carol", "X", "YES", 10 * U),
        ("OrderFilled", "carol", "bob", SELL, "YES", 10 * U, 5 * U, 200),
        ("Transfer", "X", "module", 10 * U),
        ("TransferSingle", "module", "zero", "X", "YES", 10 * U),
        ("TransferSingle", "module", "zero", "X", "NO", 10 * U),
        ("Transfer", "module", "zero", 10 * U),
        ("PositionsSplit", "X", "condition", "X", "X", 10 * U),
        ("TransferSingle", "X", "X", "alice", "NO", 10 * U),
        ("FeeCharged", "fees", 100),
        ("Transfer", "X", "carol", 5 * U - 200),
        ("FeeCharged", "fees", 200),
        ("TransferSingle", "X", "X", "bob", "YES", 20 * U),
        ("Transfer", "X", "fees", 600),
        ("Transfer", "X", "bob", 1_500_000),
        ("FeeCharged", "fees", 300),
        ("OrderFilled", "bob", "X", BUY, "YES", 10_500_000, 20 * U, 300),
        ("OrdersMatched", "bob", BUY, "YES", 10_500_000, 20 * U),
    ]


def test_two_sales_merge_sets_that_the_wallets_send_to_the_module(v3: Generation) -> None:
    of_no = v3.order(ALICE, SELL, 10 * U, 45, token_id=NO)
    bid = v3.order(CAROL, BUY, 10 * U, 50)
    # Of the sets' 10 Alice gets 4.5, Bob 5.5; Carol pays him 5.
    assert v3.match(
        v3.order(BOB, SELL, 20 * U, 40), [(of_no, 10 * U, 100), (bid, 5 * U, 200)], (20 * U, 10_500_000, 300)
    ) == [
        ("TransferSingle", "X", "alice", "module", "NO", 10 * U),
        ("OrderFilled", "alice", "bob", SELL, "NO", 10 * U, 4_500_000, 100),
        ("Transfer", "carol", "X", 5 * U + 200),
        ("OrderFilled", "carol", "bob", BUY, "YES", 5 * U, 10 * U, 200),
        ("TransferSingle", "X", "bob", "module", "YES", 10 * U),
        ("Transfer", "zero", "X", 10 * U),
        ("TransferSingle", "module", "module", "zero", "YES", 10 * U),
        ("TransferSingle", "module", "module", "zero", "NO", 10 * U),
        ("PositionsMerged", "X", "condition", "X", 10 * U),
        ("Transfer", "X", "alice", 4_500_000 - 100),
        ("FeeCharged", "fees", 100),
        ("TransferSingle", "X", "bob", "carol", "YES", 10 * U),
        ("FeeCharged", "fees", 200),
        ("Transfer", "X", "bob", 10_500_000 - 300),
        ("Transfer", "X", "fees", 600),
        ("FeeCharged", "fees", 300),
        ("OrderFilled", "bob", "X", SELL, "YES", 20 * U, 10_500_000, 300),
        ("OrdersMatched", "bob", SELL, "YES", 20 * U, 10_500_000),
    ]


def test_a_neg_risk_condition_is_minted_by_its_own_module(v3: Generation) -> None:
    yes, no = (position(CONDITIONS[NEG_RISK], outcome) for outcome in (0, 1))
    for_no = v3.order(ALICE, BUY, 10 * U, 45, token_id=no)
    told = v3.match(v3.order(BOB, BUY, 10 * U, 55, token_id=yes), [(for_no, 4_500_000, 0)], (5_500_000, 10 * U, 0))
    assert ("TransferSingle", "neg-risk module", "zero", "X", yes, 10 * U) in told
    assert (v3.manager.balanceOf(BOB.address, yes), v3.manager.balanceOf(ALICE.address, no)) == (10 * U, 10 * U)


def test_nothing_stays_with_the_exchange(v3: Generation) -> None:
    for_no = v3.order(ALICE, BUY, 10 * U, 45, token_id=NO)
    v3.match(v3.order(BOB, BUY, 10 * U, 60), [(for_no, 4_500_000, 0)], (6 * U, 10 * U, 0))
    assert (v3.change(ALICE), v3.change(BOB)) == ((-4_500_000, 0, 10 * U), (-5_500_000, 10 * U, 0))
    assert v3.collateral.balanceOf(v3.exchange) == v3.manager.balanceOf(v3.exchange, YES) == 0


# --- what an order has left ------------------------------------------------------------------------------------------


def test_a_takers_buy_is_used_up_by_its_shares_at_whatever_price(v3: Generation) -> None:
    bid = v3.order(BOB, BUY, 10 * U, 60)
    v3.match(bid, [(v3.order(ALICE, SELL, 5 * U, 50), 5 * U, 0)], (3 * U, 5 * U, 0))
    # It spent 2.5, but half of its shares leave half of its 6.
    assert v3.exchange.getOrderStatus(v3.exchange.hashOrder(bid)) == (False, 3 * U)
    with refused_with(v3.exchange, "MakingGtRemaining"):
        v3.match(bid, [(v3.order(ALICE, SELL, 6 * U, 50), 6 * U, 0)], (3 * U, 6 * U, 0))
    v3.match(bid, [(v3.order(ALICE, SELL, 5 * U, 50), 5 * U, 0)], (3 * U, 5 * U, 0))
    assert v3.exchange.getOrderStatus(v3.exchange.hashOrder(bid)) == (True, 0)


def test_a_filled_order_is_filled(v3: Generation) -> None:
    ask = v3.order(ALICE, SELL, 10 * U, 50)
    v3.match(v3.order(BOB, BUY, 10 * U, 50), [(ask, 10 * U, 0)], (5 * U, 10 * U, 0))
    with refused_with(v3.exchange, "OrderAlreadyFilled"):
        v3.match(v3.order(BOB, BUY, 10 * U, 50), [(ask, 1, 0)], (5 * U, 10 * U, 0))


# --- what is refused -------------------------------------------------------------------------------------------------


def test_there_must_be_makers_with_all_their_amounts(v3: Generation) -> None:
    with refused_with(v3.exchange, "NoMakerOrders"):
        v3.match(v3.order(BOB, BUY, 10 * U, 50), [], (5 * U, 10 * U, 0))
    ask = v3.order(ALICE, SELL, 10 * U, 50)
    with refused_with(v3.exchange, "MismatchedArrayLengths"):
        v3.exchange.matchOrders(
            v3.order(BOB, BUY, 10 * U, 50), [ask], [10 * U], [], (5 * U, 10 * U, 0), sender=v3.operator
        )


@pytest.mark.parametrize(
    ("side", "maker_side", "token", "error"),
    [
        (BUY, SELL, NO, "MismatchedTokenIds"),
        (SELL, BUY, NO, "MismatchedTokenIds"),
        (BUY, BUY, YES, "InvalidComplement"),
        (SELL, SELL, YES, "InvalidComplement"),
        (BUY, BUY, position(CONDITIONS[NEG_RISK], 1), "InvalidComplement"),
    ],
)
def test_a_maker_has_the_token_or_its_complement(
    v3: Generation, side: int, maker_side: int, token: int, error: str
) -> None:
    maker = v3.order(ALICE, maker_side, 10 * U, 50, token_id=token)
    with refused_with(v3.exchange, error):
        v3.match(v3.order(BOB, side, 10 * U, 50), [(maker, maker[4], 0)], (5 * U, 10 * U, 0))


def test_only_outcomes_0_and_1_are_traded(v3: Generation) -> None:
    bid = v3.order(BOB, BUY, 10 * U, 50, token_id=YES | 2)
    ask = v3.order(ALICE, SELL, 10 * U, 50, token_id=YES | 2)
    with refused_with(v3.exchange, "InvalidTokenId"):
        v3.match(bid, [(ask, 10 * U, 0)], (5 * U, 10 * U, 0))


@pytest.mark.parametrize(
    ("side", "maker_side", "token", "price"),
    [(BUY, SELL, YES, 51), (SELL, BUY, YES, 49), (BUY, BUY, NO, 49), (SELL, SELL, NO, 51)],
)
def test_prices_must_meet(v3: Generation, side: int, maker_side: int, token: int, price: int) -> None:
    maker = v3.order(ALICE, maker_side, 10 * U, price, token_id=token)
    with refused_with(v3.exchange, "NotCrossing"):
        v3.match(v3.order(BOB, side, 10 * U, 50), [(maker, maker[4], 0)], (10 * U, 10 * U, 0))


@pytest.mark.parametrize(("limit", "received"), [(4_999_999, 10 * U), (5 * U, 10 * U - 1), (5 * U, 10 * U + 1)])
def test_a_direct_match_is_exactly_what_the_operator_said(v3: Generation, limit: int, received: int) -> None:
    ask = v3.order(ALICE, SELL, 10 * U, 50)
    error = "AssetAccountingMismatch" if limit == 5 * U else "ComplementaryFillExceedsTakerFill"
    with refused_with(v3.exchange, error):
        v3.match(v3.order(BOB, BUY, 10 * U, 50), [(ask, 10 * U, 0)], (limit, received, 0))


@pytest.mark.parametrize(
    ("limit", "received"),
    [(5_500_000, 10 * U + 1), (5_499_999, 10 * U)],  # another amount of shares; too little for the sets
)
def test_what_a_mint_takes_in_must_come_out(v3: Generation, limit: int, received: int) -> None:
    for_no = v3.order(ALICE, BUY, 10 * U, 45, token_id=NO)
    with refused_with(v3.exchange, "AssetAccountingMismatch"):
        v3.match(v3.order(BOB, BUY, 10 * U, 60), [(for_no, 4_500_000, 0)], (limit, received, 0))


@pytest.mark.parametrize(
    ("fill", "received", "error"),
    [
        (10 * U, 5_500_001, "AssetAccountingMismatch"),
        (10 * U - 1, 5_500_000, "TakerFillMismatch"),
        (10 * U + 1, 5_500_000, "TakerFillMismatch"),
    ],
)
def test_a_merge_sells_exactly_what_the_taker_gives(v3: Generation, fill: int, received: int, error: str) -> None:
    of_no = v3.order(ALICE, SELL, 10 * U, 45, token_id=NO)
    with refused_with(v3.exchange, error):
        v3.match(v3.order(BOB, SELL, 20 * U, 40), [(of_no, 10 * U, 0)], (fill, received, 0))


@pytest.mark.parametrize("making", [0, 10 * U + 1])
def test_a_maker_gives_something_and_no_more_than_it_offers(v3: Generation, making: int) -> None:
    ask = v3.order(ALICE, SELL, 10 * U, 50)
    with refused_with(v3.exchange, "MakingGtRemaining" if making else "ZeroMakerAmount"):
        v3.match(v3.order(BOB, BUY, 20 * U, 50), [(ask, making, 0)], (10 * U, making, 0))


@pytest.mark.parametrize(("taker_fee", "maker_fee"), [(250_000, 250_000), (250_001, 0), (0, 250_001)])
def test_each_fee_is_at_most_five_per_cent_of_the_cash(v3: Generation, taker_fee: int, maker_fee: int) -> None:
    ask = v3.order(ALICE, SELL, 10 * U, 50)
    is_taken = taker_fee == maker_fee
    with nullcontext() if is_taken else refused_with(v3.exchange, "FeeExceedsMaxRate"):
        v3.match(v3.order(BOB, BUY, 10 * U, 50), [(ask, 10 * U, maker_fee)], (5 * U, 10 * U, taker_fee))


def test_without_a_cap_a_fee_is_at_most_the_proceeds(v3: Generation) -> None:
    v3.exchange.setMaxFeeRate(0, sender=v3.operator)
    bid = v3.order(ALICE, BUY, 10 * U, 50)
    with refused_with(v3.exchange, "FeeExceedsProceeds"):
        v3.match(v3.order(BOB, SELL, 10 * U, 50), [(bid, 5 * U, 0)], (10 * U, 5 * U, 5 * U + 1))
    v3.match(v3.order(BOB, SELL, 10 * U, 50), [(bid, 5 * U, 0)], (10 * U, 5 * U, 5 * U))
    assert v3.change(BOB) == (0, -10 * U, 0)


def simple(v3: Generation) -> tuple[Order, list[tuple[Order, int, int]], tuple[int, int, int]]:
    return v3.order(BOB, BUY, 10 * U, 50), [(v3.order(ALICE, SELL, 10 * U, 50), 10 * U, 0)], (5 * U, 10 * U, 0)


def test_nothing_is_matched_while_trading_is_paused(v3: Generation) -> None:
    v3.exchange.pauseTrading(sender=v3.operator)
    with refused_with(v3.exchange, "Paused"):
        v3.match(*simple(v3))
    v3.exchange.unpauseTrading(sender=v3.operator)
    v3.match(*simple(v3))


def test_only_operators_match(v3: Generation) -> None:
    v3.exchange.removeOperator(v3.operator, sender=v3.operator)
    with refused_with(v3.exchange, "NotOperator"):
        v3.match(*simple(v3))


def test_a_paused_user_is_refused_after_a_hundred_blocks(v3: Generation) -> None:
    v3.exchange.pauseUser(sender=ALICE.address)
    v3.match(*simple(v3))
    boa.env.time_travel(blocks=100)
    with refused_with(v3.exchange, "UserIsPaused"):
        v3.match(*simple(v3))


# --- signatures ------------------------------------------------------------------------------------------------------


def test_the_domain_is_of_version_3(v3: Generation) -> None:
    domain_type = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    parts = (domain_type, "Polymarket CTF Exchange", "3")
    domain = keccak(
        b"".join(keccak(text=part) for part in parts)
        + boa.env.evm.patch.chain_id.to_bytes(32)
        + bytes.fromhex(v3.exchange.address[2:]).rjust(32, b"\0")
    )
    order = v3.order(BOB, BUY, 10 * U, 50)
    words = (
        bytes.fromhex(part[2:]).rjust(32, b"\0") if isinstance(part, str) else part.to_bytes(32) for part in order[:9]
    )
    order_type = bytes.fromhex("bb86318a2138f5fa8ae32fbe8e659f8fcf13cc6ae4014a707893055433818589")
    contents = keccak(order_type + b"".join(words) + order[9] + order[10])
    assert v3.exchange.hashOrder(order) == keccak(b"\x19\x01" + domain + contents)


def test_a_proxy_and_a_safe_trade_by_the_signature_of_their_signer(v3: Generation) -> None:
    proxy, safe = v3.wallets.proxy_wallet(BOB.address), v3.wallets.safe_wallet(ALICE.address)
    for wallet in (proxy, safe):
        endow(v3, wallet)
    bid = v3.order(BOB, BUY, 10 * U, 50, maker=proxy, signature_type=PROXY)
    ask = v3.order(ALICE, SELL, 10 * U, 50, maker=safe, signature_type=SAFE)
    before = v3.manager.balanceOf(proxy, YES)
    v3.match(bid, [(ask, 10 * U, 0)], (5 * U, 10 * U, 0))
    assert v3.manager.balanceOf(proxy, YES) - before == 10 * U


def test_a_contract_without_a_receivers_callback_is_paid_in_shares(v3: Generation, accepting_wallet: Any) -> None:
    wallet = accepting_wallet.address
    endow(v3, wallet)
    bid = v3.order(BOB, BUY, 10 * U, 50, maker=wallet, signer=wallet, signature_type=DEPOSIT_WALLET)
    before = v3.manager.balanceOf(wallet, YES)
    v3.match(bid, [(v3.order(ALICE, SELL, 10 * U, 50), 10 * U, 0)], (5 * U, 10 * U, 0))
    assert v3.manager.balanceOf(wallet, YES) - before == 10 * U


@pytest.fixture
def accepting_wallet() -> Any:
    """A contract that takes every signature for its own, and no ERC-1155 token from a safe transfer."""
    return boa.loads("""
@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    return 0x1626ba7e
""")


@pytest.mark.parametrize("signature_type", [0, PROXY, SAFE, DEPOSIT_WALLET, 4])
def test_nobody_signs_for_another_wallet(v3: Generation, signature_type: int) -> None:
    forged = v3.order(CAROL, BUY, 10 * U, 50, maker=BOB.address, signature_type=signature_type)
    with refused_with(v3.exchange, "InvalidSignature"):
        v3.exchange.validateOrder(forged)


def test_a_preapproved_order_needs_no_signature(v3: Generation) -> None:
    bid, makers, amounts = simple(v3)
    v3.exchange.preapproveOrder(bid, sender=v3.operator)
    v3.match((*bid[:-1], b""), makers, amounts)
    assert v3.change(BOB) == (-5 * U, 10 * U, 0)
