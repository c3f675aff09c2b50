"""What makes a log a fill, and what makes it none."""

from __future__ import annotations

import pytest

from remora.detect.decode import decode_fill, exact_fills, repetitions, sum_by_order
from remora.domain.chain import Log
from remora.domain.contracts import (
    EXCHANGE_V3,
    ORDER_FILLED,
    ORDER_FILLED_V1,
    ORDERS_MATCHED,
    STANDARD_EXCHANGE,
    STANDARD_EXCHANGE_V1,
)
from remora.domain.ids import Address, TxHash
from remora.domain.signal import Role, Side

ALICE = Address("0x" + 40 * "a")
BOB = Address("0x" + 40 * "b")
ORDER = "0x" + 64 * "1"
TX = TxHash("0x" + 64 * "2")
EXCHANGES = frozenset({STANDARD_EXCHANGE, EXCHANGE_V3, STANDARD_EXCHANGE_V1})
TOKEN = 7


def padded(party: Address) -> str:
    return "0x" + party[2:].rjust(64, "0")


def data_of(*words: int) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in words)


def filled(
    *words: int,
    wallet: Address = ALICE,
    taker: Address = BOB,
    exchange: Address = STANDARD_EXCHANGE,
    order: str = ORDER,
    log_index: int | None = 0,
) -> Log:
    return Log(
        address=exchange,
        topics=(ORDER_FILLED, order, padded(wallet), padded(taker)),
        data=data_of(*words, 0, 0),
        tx_hash=TX,
        log_index=log_index,
    )


@pytest.mark.parametrize(
    ("words", "side", "shares", "collateral"),
    [
        ((0, TOKEN, 520_000, 1_000_000, 30), Side.BUY, "1", "0.52"),
        ((1, TOKEN, 1_000_000, 520_000, 30), Side.SELL, "1", "0.52"),
        ((0, TOKEN, 0, 0, 0), Side.BUY, "0", "0"),
        ((1, 2**256 - 1, 2**256 - 1, 0, 0), Side.SELL, None, "0"),
    ],
)
def test_side_says_which_amount_is_collateral(
    words: tuple[int, ...], side: Side, shares: str | None, collateral: str
) -> None:
    fill = decode_fill(filled(*words), EXCHANGES)
    assert fill is not None
    assert (fill.side, str(fill.collateral), fill.fee.units) == (side, collateral, words[4])
    assert shares is None or str(fill.shares) == shares
    assert fill.token_id == words[1]


@pytest.mark.parametrize(("taker", "role"), [(BOB, Role.MAKER), (ALICE, Role.MAKER), (STANDARD_EXCHANGE, Role.TAKER)])
def test_the_taker_is_whose_counterparty_is_the_exchange(taker: Address, role: Role) -> None:
    fill = decode_fill(filled(0, TOKEN, 1, 2, 0, taker=taker), EXCHANGES)
    assert fill is not None
    assert (fill.wallet, fill.counterparty, fill.role) == (ALICE, taker, role)


def test_v1_knows_the_side_by_which_asset_is_collateral() -> None:
    base = Log(
        address=STANDARD_EXCHANGE_V1,
        topics=(ORDER_FILLED_V1, ORDER, padded(ALICE), padded(BOB)),
        data=data_of(0, TOKEN, 420_000, 1_000_000, 100_000),
    )
    buy = decode_fill(base, EXCHANGES)
    sell = decode_fill(base._replace(data=data_of(TOKEN, 0, 1_000_000, 420_000, 4_200)), EXCHANGES)
    assert buy is not None
    assert sell is not None
    assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
    assert str(buy.price) == str(sell.price) == "0.42"
    # the buyer's fee word counts shares, the seller's collateral
    assert (str(buy.fee), str(sell.fee)) == ("0.1", "0.0042")
    assert (buy.token_id, sell.token_id) == (TOKEN, TOKEN)
    assert decode_fill(base._replace(data=data_of(0, 0, 1, 1, 0)), EXCHANGES) is None
    assert decode_fill(base._replace(data=data_of(TOKEN, TOKEN, 1, 1, 0)), EXCHANGES) is None


GOOD = filled(0, TOKEN, 1, 2, 0)


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(GOOD._replace(address=ALICE), id="another address"),
        pytest.param(GOOD._replace(topics=(ORDERS_MATCHED, *GOOD.topics[1:])), id="another event"),
        pytest.param(GOOD._replace(topics=GOOD.topics[:3]), id="a topic missing"),
        pytest.param(GOOD._replace(topics=()), id="no topics"),
        pytest.param(GOOD._replace(data=GOOD.data[:-1]), id="a byte missing"),
        pytest.param(GOOD._replace(data=GOOD.data + bytes(32)), id="a word too many"),
        pytest.param(GOOD._replace(data=b""), id="no data"),
        pytest.param(GOOD._replace(data=data_of(2, TOKEN, 1, 2, 0, 0, 0)), id="no such side"),
        pytest.param(GOOD._replace(topics=(*GOOD.topics[:2], ORDER, GOOD.topics[3])), id="the maker is no address"),
        pytest.param(GOOD._replace(topics=(*GOOD.topics[:3], ORDER)), id="the taker is no address"),
        pytest.param(GOOD._replace(topics=(ORDER_FILLED_V1, *GOOD.topics[1:])), id="V2 data under the V1 topic"),
    ],
)
def test_no_fill(log: Log) -> None:
    assert decode_fill(GOOD, EXCHANGES) is not None
    assert decode_fill(log, EXCHANGES) is None
    assert exact_fills([log], EXCHANGES, complete=True) == []


def test_a_removed_log_decodes_and_is_no_fill() -> None:
    removed = GOOD._replace(removed=True)
    assert decode_fill(removed, EXCHANGES) == decode_fill(GOOD, EXCHANGES)
    assert exact_fills([removed], EXCHANGES, complete=True) == []


def test_one_transaction_and_log_index_is_one_log() -> None:
    other_tx = GOOD._replace(tx_hash=TxHash(ORDER))
    assert len(exact_fills([GOOD, GOOD, other_tx], EXCHANGES, complete=False)) == 2
    assert repetitions([GOOD, other_tx, GOOD]) == {2}
    bare = GOOD._replace(tx_hash=None)
    assert repetitions([bare, bare]) == frozenset()
    assert len(exact_fills([GOOD._replace(removed=True), GOOD], EXCHANGES, complete=False)) == 1


def test_a_taker_gets_and_pays_what_its_makers_left() -> None:
    # buys 10 at up to 0.60: 4 from a seller at 0.50, 6 minted with a buyer of the other token at 0.45
    seller = filled(1, TOKEN, 4_000_000, 2_000_000, 0, wallet=ALICE, taker=BOB, log_index=0)
    minter = filled(0, 8, 2_700_000, 6_000_000, 0, wallet=ALICE, taker=BOB, log_index=1)
    taker = filled(0, TOKEN, 6_000_000, 10_000_000, 500, wallet=BOB, taker=STANDARD_EXCHANGE, log_index=2)
    for complete in (True, False):
        fill = exact_fills([seller, minter, taker], EXCHANGES, complete=complete)[-1]
        # 2.00 + (6 - 2.70) = 5.30
        assert (str(fill.shares), str(fill.collateral), str(fill.price), fill.fee.units) == ("10", "5.3", "0.53", 500)
    assert str(exact_fills([minter, taker], EXCHANGES, complete=False)[-1].collateral) == "6"
    assert str(exact_fills([taker], EXCHANGES, complete=True)[-1].collateral) == "6"


def test_matches_of_one_transaction_do_not_mix() -> None:
    first = filled(1, TOKEN, 100, 40, 0, wallet=ALICE, taker=BOB, log_index=0)
    first_taker = filled(0, TOKEN, 50, 100, 0, wallet=BOB, taker=STANDARD_EXCHANGE, log_index=1)
    foreign = filled(1, TOKEN, 7, 3, 0, wallet=ALICE, taker=BOB, exchange=EXCHANGE_V3, log_index=2)
    second = filled(0, TOKEN, 30, 100, 0, wallet=ALICE, taker=BOB, log_index=3)
    second_taker = filled(1, TOKEN, 500, 30, 0, wallet=BOB, taker=STANDARD_EXCHANGE, log_index=4)
    logs = [first, first_taker, foreign, second, second_taker]
    amounts = [(fill.shares.units, fill.collateral.units) for fill in exact_fills(logs, EXCHANGES, complete=True)]
    assert amounts == [(100, 40), (100, 40), (7, 3), (100, 30), (100, 30)]


def test_fills_of_one_order_are_summed_per_transaction_and_exchange() -> None:
    logs = [
        filled(0, TOKEN, 10, 20, 1, log_index=5),
        filled(0, TOKEN, 1, 2, 0, log_index=3),
        filled(0, TOKEN, 4, 8, 0, exchange=EXCHANGE_V3, log_index=9),
        filled(0, TOKEN, 5, 9, 0, log_index=1)._replace(tx_hash=TxHash(ORDER)),
        filled(0, TOKEN, 6, 7, 0, order="0x" + 64 * "3", log_index=None),
    ]
    sums = sum_by_order(exact_fills(logs, EXCHANGES, complete=False))
    assert [(fill.collateral.units, fill.shares.units, fill.fee.units, fill.log_index) for fill in sums] == [
        (11, 22, 1, 3),
        (4, 8, 0, 9),
        (5, 9, 0, 1),
        (6, 7, 0, None),
    ]
