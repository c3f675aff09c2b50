# pragma version 0.4.3
"""
@title AutoRedeemer
@license MIT
@notice Redeems shares of resolved markets on behalf of a devnet's users who let it move their shares.
@dev    It takes a user's shares of both outcomes, redeems them through a collateral adapter, and pays the user. The
        venue's has the same place and the same approvals; its calls are not public.
"""

from ethereum.ercs import IERC20

import erc1155_receiver

exports: erc1155_receiver.__interface__

interface Adapter:
    def redeemPositions(
        collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]
    ): nonpayable

interface ConditionalTokens:
    def setApprovalForAll(operator: address, approved: bool): nonpayable
    def balanceOf(owner: address, token_id: uint256) -> uint256: view
    def safeBatchTransferFrom(
        owner: address, to: address, ids: DynArray[uint256, 2], amounts: DynArray[uint256, 2], data: Bytes[32]
    ): nonpayable


BOTH: constant(DynArray[uint256, 2]) = [1, 2]
MAX_USERS: constant(uint256) = 64

COLLATERAL: immutable(IERC20)
CONDITIONAL_TOKENS: immutable(ConditionalTokens)

operator: public(address)


@deploy
def __init__(collateral: address, conditional_tokens: address, adapters: DynArray[address, 2], operator: address):
    """
    @notice Redeem through these adapters, when the operator says so.
    """
    COLLATERAL = IERC20(collateral)
    CONDITIONAL_TOKENS = ConditionalTokens(conditional_tokens)
    self.operator = operator
    for adapter: address in adapters:
        extcall CONDITIONAL_TOKENS.setApprovalForAll(adapter, True)


@external
def redeem(
    users: DynArray[address, MAX_USERS], adapter: address, condition_id: bytes32, token_ids: DynArray[uint256, 2]
):
    """
    @notice Redeem all that these users have of a condition's tokens, and pay each what it brings. Operator only.
    """
    assert msg.sender == self.operator, "not the operator"
    for user: address in users:
        amounts: DynArray[uint256, 2] = []
        for token_id: uint256 in token_ids:
            amounts.append(staticcall CONDITIONAL_TOKENS.balanceOf(user, token_id))
        extcall CONDITIONAL_TOKENS.safeBatchTransferFrom(user, self, token_ids, amounts, b"")
        extcall Adapter(adapter).redeemPositions(COLLATERAL.address, empty(bytes32), condition_id, BOTH)
        payout: uint256 = staticcall COLLATERAL.balanceOf(self)
        if payout != 0:
            assert extcall COLLATERAL.transfer(user, payout), "collateral refused"
