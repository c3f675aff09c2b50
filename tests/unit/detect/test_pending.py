"""What is followed of pending fills, and that it does not grow without bound."""

from __future__ import annotations

from remora.detect.pending import (
    DOUBT_BLOCKS,
    KEPT_BLOCKS,
    MAX_PENDING,
    MAX_TRANSACTIONS,
    PendingFill,
    Sent,
    Unmined,
    Vanished,
)
from remora.domain.chain import PendingTransaction
from remora.domain.ids import Address, OrderHash, TokenId, TxHash
from remora.domain.money import Collateral, Shares
from remora.domain.signal import Fill, Role, Side

EXCHANGE, LEADER, SENDER = (Address(f"0x{number:040x}") for number in (1, 2, 3))
BLOCK = 1000


def tx_hash(number: int) -> TxHash:
    return TxHash(f"0x{number:064x}")


def fill(order: int, transaction: int) -> PendingFill:
    return PendingFill(
        fill=Fill(
            wallet=LEADER, counterparty=EXCHANGE, role=Role.TAKER, side=Side.BUY, token_id=TokenId(1),
            shares=Shares(1), collateral=Collateral(1), fee=Collateral(0), order_hash=OrderHash(f"0x{order:064x}"),
            exchange=EXCHANGE, tx_hash=tx_hash(transaction), block_number=None, log_index=None,
        ),
        heard_us=0,
        heard_block=BLOCK,
    )  # fmt: skip


def sent(number: int) -> PendingTransaction:
    return PendingTransaction(tx_hash=tx_hash(number), sender=SENDER, nonce=number, to=EXCHANGE, calldata=b"")


def test_one_transaction_can_hold_several_fills() -> None:
    unmined = Unmined()
    first, second = fill(1, 5), fill(2, 5)
    assert unmined.add(first, sent(5))
    assert unmined.add(second, sent(5))
    unmined.mined(first.key, tx_hash(5), BLOCK)
    assert unmined.drop(second.key, tx_hash(5))
    assert not list(unmined.transactions())
    assert (unmined.find(first.key, tx_hash(5)), unmined.find(second.key, tx_hash(5))) == (first, None)


def test_the_transactions_of_a_fill_are_bounded() -> None:
    unmined = Unmined()
    added = [unmined.add(fill(1, number), sent(number)) for number in range(3 * MAX_TRANSACTIONS)]
    assert added == [True] + [False] * (3 * MAX_TRANSACTIONS - 1)
    followed = [each.transaction.tx_hash for _, each in unmined.transactions()]
    assert followed == [tx_hash(number) for number in range(MAX_TRANSACTIONS)]


def test_the_fills_are_bounded() -> None:
    unmined = Unmined()
    for number in range(MAX_PENDING):
        assert not unmined.is_full
        unmined.add(fill(number, number), sent(number))
    assert unmined.is_full
    unmined.drop(fill(0, 0).key, tx_hash(0))
    assert not unmined.is_full


def test_mined_ones_are_forgotten_in_time() -> None:
    unmined = Unmined()
    for number in range(10):
        unmined.add(fill(number, number), sent(number))
        unmined.mined(fill(number, number).key, tx_hash(number), BLOCK + number)
    unmined.mined(fill(99, 99).key, tx_hash(99), BLOCK + KEPT_BLOCKS + 5)
    found = [bool(unmined.find(fill(number, number).key, tx_hash(number))) for number in range(10)]
    assert found == [False] * 5 + [True] * 5
    assert not len(unmined)


def test_a_mined_transaction_that_is_heard_late_is_no_news() -> None:
    unmined = Unmined()
    unmined.add(fill(1, 5), sent(5))
    unmined.mined(fill(1, 5).key, tx_hash(5), BLOCK)
    assert not unmined.add(fill(1, 5), sent(5))
    assert unmined.add(fill(1, 6), sent(6))


def test_a_nonce_that_is_free_again_is_no_proof() -> None:
    """A reorganisation took back the transaction that had used it."""
    followed = Sent(transaction=sent(1), heard_block=BLOCK)
    assert followed.end(BLOCK + 1, nonce_used=True) is None
    assert followed.end(BLOCK + 2, nonce_used=False) is None
    assert followed.end(BLOCK + 3, nonce_used=True) is None
    assert followed.end(BLOCK + 3 + DOUBT_BLOCKS, nonce_used=True) is Vanished.REPLACED
