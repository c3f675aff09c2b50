# pragma version 0.4.3
"""
@title cash
@license MIT
@notice The collateral of an exchange on its way in and out. A transfer of nothing is not made and leaves no log.
"""

from ethereum.ercs import IERC20

COLLATERAL: immutable(IERC20)


@deploy
def __init__(collateral: address):
    """
    @notice Trade against one collateral.
    """
    COLLATERAL = IERC20(collateral)


@internal
def pull(owner: address, to: address, amount: uint256):
    """
    @notice Move a wallet's collateral, which approved the exchange.
    """
    if amount != 0:
        assert extcall COLLATERAL.transferFrom(owner, to, amount), "collateral refused"


@internal
def pay(to: address, amount: uint256):
    """
    @notice Move the exchange's own collateral.
    """
    if amount != 0:
        assert extcall COLLATERAL.transfer(to, amount), "collateral refused"
