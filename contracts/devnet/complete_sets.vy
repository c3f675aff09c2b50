# pragma version 0.4.3
"""
@title complete_sets
@license MIT
@notice What the collateral adapters have in common: collateral in and out of the asset under it, and shares of both
        outcomes of a condition.
"""

from ethereum.ercs import IERC20

interface Collateral:
    def wrap(asset: address, to: address, amount: uint256): nonpayable
    def unwrap(asset: address, to: address, amount: uint256): nonpayable

interface ConditionalTokens:
    def balanceOf(owner: address, token_id: uint256) -> uint256: view
    def getCollectionId(parent: bytes32, condition_id: bytes32, index_set: uint256) -> bytes32: view
    def getPositionId(collateral: address, collection_id: bytes32) -> uint256: view
    def safeBatchTransferFrom(
        owner: address,
        to: address,
        ids: DynArray[uint256, MAX_TOKENS],
        amounts: DynArray[uint256, MAX_TOKENS],
        data: Bytes[32],
    ): nonpayable


MAX_TOKENS: constant(uint256) = 64
BOTH: constant(DynArray[uint256, 2]) = [1, 2]

COLLATERAL: public(immutable(address))
ASSET: public(immutable(address))
CTF_COLLATERAL: immutable(address)
CONDITIONAL_TOKENS: immutable(ConditionalTokens)


@deploy
def __init__(collateral: address, asset: address, ctf_collateral: address, conditional_tokens: address):
    """
    @notice Turn one collateral into the asset under it, for shares that were made for `ctf_collateral`.
    """
    COLLATERAL = collateral
    ASSET = asset
    CTF_COLLATERAL = ctf_collateral
    CONDITIONAL_TOKENS = ConditionalTokens(conditional_tokens)
    assert extcall IERC20(asset).approve(collateral, max_value(uint256))


@internal
def take_collateral(amount: uint256):
    """
    @notice Turn the caller's collateral into assets of this contract.
    """
    assert extcall IERC20(COLLATERAL).transferFrom(msg.sender, COLLATERAL, amount), "collateral refused"
    extcall Collateral(COLLATERAL).unwrap(ASSET, self, amount)


@internal
def pay_collateral():
    """
    @notice Turn all assets of this contract into collateral of the caller.
    """
    amount: uint256 = staticcall IERC20(ASSET).balanceOf(self)
    if amount != 0:
        extcall Collateral(COLLATERAL).wrap(ASSET, msg.sender, amount)


@internal
def take_shares(ids: DynArray[uint256, MAX_TOKENS], amounts: DynArray[uint256, MAX_TOKENS]):
    """
    @notice Take shares from the caller.
    """
    extcall CONDITIONAL_TOKENS.safeBatchTransferFrom(msg.sender, self, ids, amounts, b"")


@internal
def give_shares(ids: DynArray[uint256, MAX_TOKENS], amounts: DynArray[uint256, MAX_TOKENS]):
    """
    @notice Give shares to the caller.
    """
    extcall CONDITIONAL_TOKENS.safeBatchTransferFrom(self, msg.sender, ids, amounts, b"")


@internal
@view
def held_by_caller(ids: DynArray[uint256, MAX_TOKENS]) -> DynArray[uint256, MAX_TOKENS]:
    """
    @notice What the caller has of each token.
    """
    amounts: DynArray[uint256, MAX_TOKENS] = []
    for token_id: uint256 in ids:
        amounts.append(staticcall CONDITIONAL_TOKENS.balanceOf(msg.sender, token_id))
    return amounts


@internal
@view
def token_ids(condition_id: bytes32) -> DynArray[uint256, MAX_TOKENS]:
    """
    @notice The tokens of both outcomes, YES first.
    """
    return [self.token_id(condition_id, 1), self.token_id(condition_id, 2)]


@internal
@view
def token_id(condition_id: bytes32, index_set: uint256) -> uint256:
    """
    @notice The token of one outcome: 1 is YES, 2 is NO.
    """
    collection_id: bytes32 = staticcall CONDITIONAL_TOKENS.getCollectionId(empty(bytes32), condition_id, index_set)
    return staticcall CONDITIONAL_TOKENS.getPositionId(CTF_COLLATERAL, collection_id)
