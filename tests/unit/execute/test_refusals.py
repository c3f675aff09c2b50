"""Every error that the venue documents has a reason, in both forms in which it may say it."""

from __future__ import annotations

import pytest

from remora.domain.reasons import Reason
from remora.execute.refusals import refused
from tests.fakes.specimens import price

ADDRESS = "0x" + 40 * "a"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Invalid order payload", Reason.ORDER_INVALID),
        ("the order owner has to be the owner of the API KEY", Reason.ACCOUNT_REFUSED),
        ("the order signer address has to be the address of the API KEY", Reason.ACCOUNT_REFUSED),
        (f"'{ADDRESS}' address banned", Reason.ACCOUNT_REFUSED),
        (f"'{ADDRESS}' address in closed only mode", Reason.ACCOUNT_REFUSED),
        ("maker address not allowed, please use the deposit wallet flow", Reason.ACCOUNT_REFUSED),
        ("Unauthorized/Invalid api key", Reason.ACCOUNT_REFUSED),
        ("Trading restricted in your region", Reason.ACCOUNT_REFUSED),
        ("order 0x1 is invalid. Price (0.555) breaks minimum tick size rule: 0.01", Reason.TICK_CHANGED),
        ("order 0x1 is invalid. Size (4) lower than the minimum: 5", Reason.ORDER_TOO_SMALL),
        ("invalid amount for a marketable BUY order ($0.5), min size: $1", Reason.ORDER_TOO_SMALL),
        ("not enough balance / allowance: the balance is not enough -> balance: 0", Reason.OPERATOR_SHORT),
        ("not enough balance / allowance: the allowance is not enough -> spender: 0x", Reason.OPERATOR_SHORT),
        ("invalid nonce", Reason.ORDER_INVALID),
        ("invalid expiration", Reason.ORDER_INVALID),
        ("invalid post-only order: order crosses book", Reason.ORDER_INVALID),
        ("the market buy orders maker amount supports a max accuracy of 2 decimals", Reason.ORDER_INVALID),
        ("order_version_mismatch", Reason.ORDER_INVALID),
        ("Too many orders in payload: 16, max allowed: 15", Reason.ORDER_INVALID),
        ("the market is not yet ready to process new orders", Reason.MARKET_CLOSED),
        ("No orderbook exists for the requested token id", Reason.MARKET_CLOSED),
        ("post-only mode: only post-only orders and cancels are allowed", Reason.VENUE_CLOSED),
        ("Trading is currently disabled. No new orders are accepted.", Reason.VENUE_CLOSED),
        ("something that nobody has written down", Reason.VENUE_REJECTED),
    ],
)
def test_words_have_a_reason_and_stay_with_it(words: str, reason: Reason) -> None:
    why = refused(words, limit=price("0.54"))
    assert (why.reason, why.facts) == (reason, {"detail": words})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("no orders found to match with FAK order. FAK orders are partially filled or killed", Reason.NOT_FILLED),
        ("fak_not_filled", Reason.NOT_FILLED),
        ("unmatched", Reason.NOT_FILLED),
        ("order couldn't be fully filled. FOK orders are fully filled or killed.", Reason.NOT_FILLED_WHOLE),
        ("fok_not_filled", Reason.NOT_FILLED_WHOLE),
    ],
)
def test_a_book_without_a_counterpart_is_no_refusal_of_the_order(words: str, reason: Reason) -> None:
    why = refused(words, limit=price("0.54"))
    assert (why.reason, why.facts) == (reason, {"limit": "0.54"})
