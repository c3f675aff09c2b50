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

import erc1155_receiver

exports: erc1155_receiver.__interface__

interface Collateral:
    def wrap(asset: address, to: address, amount: uint256): nonpayable
    def unwrap(asset: address, to: address, amount: uint256): nonpayable

interface ConditionalTokens:
    def balanceOf(owner: address, token_id: uint256) -> uint256: view
    def getCollectionId(parent: bytes32, condition_id: bytes32, index_set: uint256) -> bytes32: view
    def getPositionId(collateral: address, collection_id: bytes32) -> uint256: view
    def splitPosition(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable
    def mergePositions(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable
    def redeemPositions(
        collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]
    ): nonpayable
    def safeBatchTransferFrom(
        owner: address, to: address, ids: DynArray[uint256, 2], amounts: DynArray[uint256, 2], data: Bytes[32]
    ): nonpayable


BOTH: constant(DynArray[uint256, 2]) = [1, 2]

COLLATERAL: public(immutable(address))
ASSET: public(immutable(address))
CONDITIONAL_TOKENS: immutable(ConditionalTokens)


@deploy
def __init__(collateral: address, asset: address, conditional_tokens: address):
    """
    @notice Serve one collateral and the asset under it.
    """
    COLLATERAL = collateral
    ASSET = asset
    CONDITIONAL_TOKENS = ConditionalTokens(conditional_tokens)
    assert extcall IERC20(asset).approve(conditional_tokens, max_value(uint256))
    assert extcall IERC20(asset).approve(collateral, max_value(uint256))


@external
def splitPosition(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn the caller's collateral into as many shares of both outcomes.
    """
    assert extcall IERC20(COLLATERAL).transferFrom(msg.sender, COLLATERAL, amount), "collateral refused"
    extcall Collateral(COLLATERAL).unwrap(ASSET, self, amount)
    extcall CONDITIONAL_TOKENS.splitPosition(ASSET, empty(bytes32), condition_id, BOTH, amount)
    self._move(self, msg.sender, self._token_ids(condition_id), [amount, amount])


@external
def mergePositions(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn as many shares of both outcomes of the caller into collateral.
    """
    self._move(msg.sender, self, self._token_ids(condition_id), [amount, amount])
    extcall CONDITIONAL_TOKENS.mergePositions(ASSET, empty(bytes32), condition_id, BOTH, amount)
    extcall Collateral(COLLATERAL).wrap(ASSET, msg.sender, amount)


@external
def redeemPositions(collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]):
    """
    @notice Turn all the caller's shares of a resolved condition into their payout in collateral.
    """
    ids: DynArray[uint256, 2] = self._token_ids(condition_id)
    amounts: DynArray[uint256, 2] = []
    for token_id: uint256 in ids:
        amounts.append(staticcall CONDITIONAL_TOKENS.balanceOf(msg.sender, token_id))
    self._move(msg.sender, self, ids, amounts)
    extcall CONDITIONAL_TOKENS.redeemPositions(ASSET, empty(bytes32), condition_id, BOTH)
    payout: uint256 = staticcall IERC20(ASSET).balanceOf(self)
    extcall Collateral(COLLATERAL).wrap(ASSET, msg.sender, payout)


@internal
def _move(sender: address, to: address, ids: DynArray[uint256, 2], amounts: DynArray[uint256, 2]):
    extcall CONDITIONAL_TOKENS.safeBatchTransferFrom(sender, to, ids, amounts, b"")


@internal
@view
def _token_ids(condition_id: bytes32) -> DynArray[uint256, 2]:
    ids: DynArray[uint256, 2] = []
    for index_set: uint256 in [1, 2]:
        collection_id: bytes32 = staticcall CONDITIONAL_TOKENS.getCollectionId(empty(bytes32), condition_id, index_set)
        ids.append(staticcall CONDITIONAL_TOKENS.getPositionId(ASSET, collection_id))
    return ids
