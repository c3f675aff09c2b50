# pragma version 0.4.3
"""
@title MultiSend
@license MIT
@notice Makes many calls as the safe that runs its code.
@dev    Calls are packed: operation (1 byte, always 0) ‖ target (20) ‖ value (32) ‖ length of the data (32) ‖ data.
"""

MAX_DATA: constant(uint256) = 16384
MAX_CALLS: constant(uint256) = 64
HEAD: constant(uint256) = 85

SELF: immutable(address)


@deploy
def __init__():
    """
    @notice Be run by others only.
    """
    SELF = self


@external
@payable
def multiSend(transactions: Bytes[MAX_DATA]):
    """
    @notice Make the calls, all or none. By delegate call only.
    """
    assert self != SELF, "only by delegate call"
    position: uint256 = 0
    for _: uint256 in range(MAX_CALLS):
        if position == len(transactions):
            return
        assert slice(transactions, position, 1) == x"00", "only calls"
        target: address = convert(slice(transactions, position + 1, 20), address)
        amount: uint256 = convert(slice(transactions, position + 21, 32), uint256)
        length: uint256 = convert(slice(transactions, position + 53, 32), uint256)
        data: Bytes[MAX_DATA] = slice(transactions, position + HEAD, length)
        raw_call(target, data, value=amount)
        position += HEAD + length
    assert position == len(transactions), "too many calls"
