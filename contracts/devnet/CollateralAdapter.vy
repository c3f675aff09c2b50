# pragma version 0.4.3
"""
@title CollateralAdapter
@license MIT
@notice Turns collateral into complete sets of shares and back, for a devnet's exchange and its users.
@dev    The conditional tokens were made for another token (the asset) than the collateral that is traded today. The
        adapter unwraps one into the other and speaks the interface of the conditional tokens; the collateral, parent
        and partition arguments are those of that interface and are not read. Callers approve it for both ledgers.
"""

from ethereum.ercs import IERC20

import complete_sets
import erc1155_receiver

initializes: complete_sets

exports: (erc1155_receiver.__interface__, complete_sets.ASSET, complete_sets.COLLATERAL)

interface ConditionalTokens:
    def splitPosition(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable
    def mergePositions(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable
    def redeemPositions(
        collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]
    ): nonpayable


BOTH: constant(DynArray[uint256, 2]) = [1, 2]

CONDITIONAL_TOKENS: immutable(ConditionalTokens)


@deploy
def __init__(collateral: address, asset: address, conditional_tokens: address):
    """
    @notice Serve one collateral and the asset under it.
    """
    complete_sets.__init__(collateral, asset, asset, conditional_tokens)
    CONDITIONAL_TOKENS = ConditionalTokens(conditional_tokens)
    assert extcall IERC20(asset).approve(conditional_tokens, max_value(uint256))


@external
def splitPosition(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn the caller's collateral into as many shares of both outcomes.
    """
    complete_sets.take_collateral(amount)
    extcall CONDITIONAL_TOKENS.splitPosition(complete_sets.ASSET, empty(bytes32), condition_id, BOTH, amount)
    complete_sets.give_shares(complete_sets.token_ids(condition_id), [amount, amount])


@external
def mergePositions(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn as many shares of both outcomes of the caller into collateral.
    """
    complete_sets.take_shares(complete_sets.token_ids(condition_id), [amount, amount])
    extcall CONDITIONAL_TOKENS.mergePositions(complete_sets.ASSET, empty(bytes32), condition_id, BOTH, amount)
    complete_sets.pay_collateral()


@external
def redeemPositions(collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]):
    """
    @notice Turn all the caller's shares of a resolved condition into their payout in collateral.
    """
    ids: DynArray[uint256, complete_sets.MAX_TOKENS] = complete_sets.token_ids(condition_id)
    complete_sets.take_shares(ids, complete_sets.held_by_caller(ids))
    extcall CONDITIONAL_TOKENS.redeemPositions(complete_sets.ASSET, empty(bytes32), condition_id, BOTH)
    complete_sets.pay_collateral()
