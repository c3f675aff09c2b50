# pragma version 0.4.3
"""
@title PriceFeed
@license MIT
@notice Tells what the devnet's collateral is worth, as Chainlink's price feeds do.
@dev    The owner sets the answer. Like a feed with a heartbeat of an hour it never looks older than that.
"""

HEARTBEAT: constant(uint256) = 3_600

decimals: public(constant(uint8)) = 8
description: public(constant(String[16])) = "collateral / USD"

owner: public(address)
answer: int256
round_id: uint80
answered_at: uint256


@deploy
def __init__():
    """
    @notice Start at one.
    """
    self.owner = msg.sender
    self.answer = 10 ** 8
    self.round_id = 1
    self.answered_at = block.timestamp


@external
def set_answer(answer: int256):
    """
    @notice Say another price from now on. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.answer = answer
    self.round_id += 1
    self.answered_at = block.timestamp


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    """
    @notice Tell the round, the answer, when the round began and was answered, and in which round.
    """
    told: uint256 = max(self.answered_at, block.timestamp - block.timestamp % HEARTBEAT)
    return self.round_id, self.answer, told, told, self.round_id
