"""Terms of markets and accounts, as they are read before anything is asked of a chain."""

from __future__ import annotations

import pytest

from remora.devnet.control.accounts import AccountKind, AccountTerms
from remora.devnet.control.markets import NewMarket
from remora.devnet.control.terms import read_terms
from remora.devnet.faults.catalogue import Invalid
from remora.domain.money import Price, Shares


def test_a_market_without_terms_is_an_ordinary_one() -> None:
    terms = read_terms(NewMarket, {"question": "Who's there, and why?"}).terms()
    assert (terms.slug, terms.tick_size, terms.fee_rate, terms.neg_risk, terms.ends_s) == (
        "who-s-there-and-why",
        "0.01",
        "0",
        False,
        0,
    )


def test_an_end_date_is_a_unix_time() -> None:
    # 2031-05-01 12:00 in UTC is 10:00 at two hours east less: 1935396000 + 7200
    terms = read_terms(NewMarket, {"question": "Q", "end_date": "2031-05-01T12:00:00+02:00"}).terms()
    assert terms.ends_s == read_terms(NewMarket, {"question": "Q", "end_date": "2031-05-01T10:00:00Z"}).terms().ends_s


def test_a_ladder_is_a_tick_apart() -> None:
    wanted = read_terms(NewMarket, {"question": "Q", "liquidity": {"mid": "0.30", "levels": 3, "shares": "7"}})
    assert wanted.liquidity is not None
    ladder = wanted.liquidity.ladder(Price(10_000))
    assert (ladder.mid, ladder.half_spread, ladder.step, ladder.depth, ladder.shares) == (
        Price(300_000),
        Price(10_000),
        Price(10_000),
        3,
        Shares(7_000_000),
    )


@pytest.mark.parametrize("mid", ["0", "0.01", "0.99", "1", "2", "0.505"])
def test_a_middle_leaves_room_for_both_sides(mid: str) -> None:
    with pytest.raises(Invalid, match="the middle"):
        read_terms(NewMarket, {"question": "Q", "liquidity": {"mid": mid}}, ("markets", 0))


def test_all_that_is_wrong_is_told_with_its_place() -> None:
    with pytest.raises(Invalid) as caught:
        read_terms(AccountTerms, {"kind": "eoa", "count": -1, "seed": -1}, ("accounts", 4))
    assert [str(problem).partition(":")[0] for problem in caught.value.problems] == [
        "accounts[4].count",
        "accounts[4].seed",
    ]


@pytest.mark.parametrize(("kind", "number"), [("eoa", 0), ("proxy", 1), ("safe", 2), ("deposit", 3), ("session", 3)])
def test_every_kind_has_its_signature_type(kind: str, number: int) -> None:
    assert AccountKind(kind).signature_type == number
