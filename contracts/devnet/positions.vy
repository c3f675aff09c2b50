# pragma version 0.4.3
"""
@title positions
@license MIT
@notice How ids of the position manager are made: byte 0 is the module, the first 31 bytes are the condition, the last
        byte is the outcome, 0 for YES and 1 for NO.
"""

@internal
@pure
def position_id(condition_id: bytes31, outcome: uint256) -> uint256:
    """
    @notice The id of one outcome's shares.
    """
    return (convert(condition_id, uint256) << 8) | outcome


@internal
@pure
def condition_of(token_id: uint256) -> bytes31:
    """
    @notice The condition that an id belongs to.
    """
    return convert(convert(token_id >> 8, uint248), bytes31)


@internal
@pure
def module_of(token_id: uint256) -> uint256:
    """
    @notice The number of the module that mints and burns an id.
    """
    return token_id >> 248


@internal
@pure
def outcome_of(token_id: uint256) -> uint256:
    """
    @notice The outcome of an id; the only ones are 0 and 1.
    """
    return token_id & 255
