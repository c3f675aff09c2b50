"""The ledger of blocks: what is handed out in which order, and how far the cursor may go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from remora.detect.blocks import ROOM, TROUBLED, Block, Blocks
from remora.domain.signal import Source


def block(number: int) -> Block:
    return Block(number=number, hash=f"0x{number}", heard_us=0, source=Source.CHAIN)


def ledger(*numbers: int) -> Blocks:
    blocks = Blocks()
    for number in numbers:
        blocks.announce(block(number))
    return blocks


def waiting(blocks: Blocks) -> list[int]:
    return [each.number for each in blocks.next(100)]


def test_blocks_wait_in_order_of_number_below_the_gate() -> None:
    blocks = ledger(7, 3, 5)
    assert waiting(blocks) == [3, 5, 7]
    blocks.gate = 5
    assert waiting(blocks) == [3, 5]
    blocks.gate = -1
    assert waiting(blocks) == []


def test_a_block_in_trouble_holds_up_no_other() -> None:
    blocks = ledger(3, 5)
    blocks.next(1)[0].tries = TROUBLED
    assert waiting(blocks) == [5, 3]


def test_what_is_set_aside_is_read_again_when_nothing_of_it_is_under_way() -> None:
    blocks = ledger(3, 5)
    first = blocks.next(1)[0]
    first.open_trades = 1
    blocks.set_aside(first)
    blocks.retry_failed()
    assert waiting(blocks) == [5]
    first.open_trades = 0
    blocks.retry_failed()
    assert waiting(blocks) == [3, 5]
    assert blocks.safe(9) == 2


def test_a_rewind_forgets_what_is_above_the_fork_and_knows_the_orphans() -> None:
    blocks = ledger(3, 5, 6)
    third, fifth, sixth = blocks.next(3)
    for each in (third, fifth):
        blocks.take(each)
        blocks.finish(each)
    blocks.rewind(4, ["0x6"])
    assert sixth.lost
    assert [blocks.holds(each) for each in ("0x3", "0x5", "0x6")] == [True, False, False]
    assert blocks.is_orphaned("0x6")
    blocks.restore("0x6")
    assert not blocks.is_orphaned("0x6")
    blocks.finish(sixth)  # its last trade comes too late to count
    assert not blocks.holds("0x6")


def test_live_blocks_leave_room_for_those_of_the_past() -> None:
    blocks = ledger(*range(ROOM // 2))
    assert (blocks.has_live_room, blocks.has_room) == (False, True)
    for number in range(ROOM // 2, ROOM):
        blocks.announce(block(number))
    assert not blocks.has_room


@given(announced=st.sets(st.integers(1, 30)), finished=st.sets(st.integers(1, 30)), verified=st.integers(0, 40))
def test_the_cursor_never_passes_what_is_unfinished_or_unverified(
    announced: set[int], finished: set[int], verified: int
) -> None:
    blocks = ledger(*announced)
    for each in blocks.next(100):
        if each.number in finished:
            blocks.take(each)
            blocks.finish(each)
    assert blocks.safe(verified) == min([verified, *(number - 1 for number in announced - finished)])
