"""Session keys as the order book keeps them: on which terms, for how long, and what their end leaves to do."""

from __future__ import annotations

import dataclasses

import pytest

from remora.devnet.clob.sessions import Scope, Session, Sessions

NOW = 1_800_000_000
WALLET, OTHER, KEY = ("0x" + digit * 40 for digit in "abc")
SESSION = Session(wallet=WALLET, signer=KEY, scopes=frozenset((Scope.CLOB,)), valid_until_s=NOW + 10)


@pytest.fixture
def sessions() -> Sessions:
    held = Sessions()
    held.authorize(SESSION)
    return held


def test_a_session_lasts_until_its_last_second(sessions: Sessions) -> None:
    assert sessions.may_trade(KEY, WALLET, NOW + 9)
    assert sessions.of_wallet(WALLET, NOW + 9) == [SESSION]
    assert sessions.wallet_of(KEY, NOW + 9) == WALLET
    assert not sessions.may_trade(KEY, WALLET, NOW + 10)
    assert sessions.of_wallet(WALLET, NOW + 10) == []
    assert sessions.wallet_of(KEY, NOW + 10) is None


def test_a_session_is_one_keys_for_one_wallet(sessions: Sessions) -> None:
    assert not sessions.may_trade(OTHER, WALLET, NOW)
    assert not sessions.may_trade(KEY, OTHER, NOW)


@pytest.mark.parametrize(("scope", "trades"), [(Scope.ALL, True), (Scope.CLOB, True), (Scope.COMBOSRFQ, False)])
def test_only_scopes_of_the_order_book_trade(scope: Scope, trades: bool) -> None:
    sessions = Sessions()
    sessions.authorize(dataclasses.replace(SESSION, scopes=frozenset((scope,))))
    assert sessions.may_trade(KEY, WALLET, NOW) is trades


def test_what_ended_is_told_once_whether_revoked_or_over(sessions: Sessions) -> None:
    assert sessions.ended(NOW + 9) == []
    assert sessions.ended(NOW + 10) == [SESSION]
    assert sessions.ended(NOW + 10) == []
    sessions.authorize(SESSION)
    sessions.revoke(WALLET, KEY)
    sessions.revoke(WALLET, KEY)
    assert not sessions.may_trade(KEY, WALLET, NOW)
    assert sessions.ended(NOW) == [SESSION]


def test_new_terms_replace_old_ones(sessions: Sessions) -> None:
    renewed = dataclasses.replace(SESSION, valid_until_s=NOW + 100)
    sessions.authorize(renewed)
    assert sessions.of_wallet(WALLET, NOW) == [renewed]
