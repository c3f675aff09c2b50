# pragma version 0.4.3
"""
@title Router
@license MIT
@notice Where wallets of the third generation split, merge and redeem: it takes what is turned to the condition's module
        and has the module give the result back to the wallet. Wallets approve it for collateral and for shares.
"""

from ethereum.ercs import IERC20

import positions

interface Module:
    def split(to: DynArray[address, 2], condition_id: bytes31, amount: uint256): nonpayable
    def merge(to: address, condition_id: bytes31, amount: uint256): nonpayable
    def redeem(to: address, position_id: uint256, amount: uint256): nonpayable

interface PositionManager:
    def moduleById(module_id: uint256) -> address: view
    def COLLATERAL_TOKEN() -> address: view
    def unsafeTransferFrom(owner: address, to: address, token_id: uint256, amount: uint256): nonpayable


POSITION_MANAGER: immutable(PositionManager)
COLLATERAL: immutable(IERC20)


@deploy
def __init__(position_manager: address):
    """
    @notice Serve the modules of one position manager.
    """
    POSITION_MANAGER = PositionManager(position_manager)
    COLLATERAL = IERC20(staticcall PositionManager(position_manager).COLLATERAL_TOKEN())


@external
def split(condition_id: bytes31, amount: uint256):
    """
    @notice Turn the caller's collateral into as many shares of both outcomes.
    """
    module: address = self._module(condition_id)
    assert extcall COLLATERAL.transferFrom(msg.sender, module, amount), "collateral refused"
    extcall Module(module).split([msg.sender, msg.sender], condition_id, amount)


@external
def merge(condition_id: bytes31, amount: uint256):
    """
    @notice Turn the caller's shares of both outcomes into as much collateral.
    """
    module: address = self._module(condition_id)
    for outcome: uint256 in range(2):
        self._hand_in(module, positions.position_id(condition_id, outcome), amount)
    extcall Module(module).merge(msg.sender, condition_id, amount)


@external
def redeem(condition_id: bytes31, outcome: uint256, amount: uint256):
    """
    @notice Turn the caller's shares of one outcome of a resolved condition into their payout.
    """
    if outcome > 1:
        raw_revert(method_id("InvalidOutcomeIndex()", output_type=Bytes[4]))
    module: address = self._module(condition_id)
    position_id: uint256 = positions.position_id(condition_id, outcome)
    self._hand_in(module, position_id, amount)
    extcall Module(module).redeem(msg.sender, position_id, amount)


@internal
@view
def _module(condition_id: bytes31) -> address:
    number: uint256 = positions.module_of(positions.position_id(condition_id, 0))
    return staticcall POSITION_MANAGER.moduleById(number)


@internal
def _hand_in(module: address, position_id: uint256, amount: uint256):
    extcall POSITION_MANAGER.unsafeTransferFrom(msg.sender, module, position_id, amount)
