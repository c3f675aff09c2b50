# pragma version 0.4.3
"""
@title NegRiskCollateralAdapter
@license MIT
@notice Turns collateral into complete sets of neg-risk shares and back, and NO shares into YES shares of the other
        questions, for a devnet's exchange and its users.
@dev    As CollateralAdapter, but the sets are made by the NegRiskAdapter, whose logs come on top (polymarket.md 2.2).
"""

from ethereum.ercs import IERC20

import complete_sets
import erc1155_receiver

initializes: complete_sets

exports: (erc1155_receiver.__interface__, complete_sets.ASSET, complete_sets.COLLATERAL)

interface Approvals:
    def setApprovalForAll(operator: address, approved: bool): nonpayable

interface NegRiskAdapter:
    def wcol() -> address: view
    def getConditionId(question_id: bytes32) -> bytes32: view
    def getQuestionCount(market_id: bytes32) -> uint256: view
    def getFeeBips(market_id: bytes32) -> uint256: view
    def splitPosition(condition_id: bytes32, amount: uint256): nonpayable
    def mergePositions(condition_id: bytes32, amount: uint256): nonpayable
    def redeemPositions(condition_id: bytes32, amounts: DynArray[uint256, complete_sets.MAX_TOKENS]): nonpayable
    def convertPositions(market_id: bytes32, index_set: uint256, amount: uint256): nonpayable


BPS: constant(uint256) = 10_000

NEG_RISK_ADAPTER: immutable(NegRiskAdapter)


@deploy
def __init__(collateral: address, asset: address, conditional_tokens: address, neg_risk_adapter: address):
    """
    @notice Serve one collateral and the asset under it, through a NegRiskAdapter of the same asset.
    """
    NEG_RISK_ADAPTER = NegRiskAdapter(neg_risk_adapter)
    wcol: address = staticcall NegRiskAdapter(neg_risk_adapter).wcol()
    complete_sets.__init__(collateral, asset, wcol, conditional_tokens)
    assert extcall IERC20(asset).approve(neg_risk_adapter, max_value(uint256))
    extcall Approvals(conditional_tokens).setApprovalForAll(neg_risk_adapter, True)


@external
def splitPosition(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn the caller's collateral into as many shares of both outcomes.
    """
    complete_sets.take_collateral(amount)
    extcall NEG_RISK_ADAPTER.splitPosition(condition_id, amount)
    complete_sets.give_shares(complete_sets.token_ids(condition_id), [amount, amount])


@external
def mergePositions(
    collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
):
    """
    @notice Turn as many shares of both outcomes of the caller into collateral.
    """
    complete_sets.take_shares(complete_sets.token_ids(condition_id), [amount, amount])
    extcall NEG_RISK_ADAPTER.mergePositions(condition_id, amount)
    complete_sets.pay_collateral()


@external
def redeemPositions(collateral: address, parent: bytes32, condition_id: bytes32, index_sets: DynArray[uint256, 2]):
    """
    @notice Turn all the caller's shares of a resolved condition into their payout in collateral.
    """
    ids: DynArray[uint256, complete_sets.MAX_TOKENS] = complete_sets.token_ids(condition_id)
    amounts: DynArray[uint256, complete_sets.MAX_TOKENS] = complete_sets.held_by_caller(ids)
    complete_sets.take_shares(ids, amounts)
    extcall NEG_RISK_ADAPTER.redeemPositions(condition_id, amounts)
    complete_sets.pay_collateral()


@external
def convertPositions(market_id: bytes32, index_set: uint256, amount: uint256):
    """
    @notice Turn the caller's NO shares of some questions into YES shares of all others, and collateral: one less than
            there are questions in the set, times the amount.
    @param index_set The questions whose NO shares are given; bit 0 is the first question of the market.
    """
    given: DynArray[uint256, complete_sets.MAX_TOKENS] = []
    received: DynArray[uint256, complete_sets.MAX_TOKENS] = []
    for i: uint256 in range(
        staticcall NEG_RISK_ADAPTER.getQuestionCount(market_id), bound=complete_sets.MAX_TOKENS
    ):
        question_id: bytes32 = convert(convert(market_id, uint256) + i, bytes32)
        condition_id: bytes32 = staticcall NEG_RISK_ADAPTER.getConditionId(question_id)
        if index_set & (1 << i) != 0:
            given.append(complete_sets.token_id(condition_id, 2))
        else:
            received.append(complete_sets.token_id(condition_id, 1))
    complete_sets.take_shares(given, self._times(amount, len(given)))
    extcall NEG_RISK_ADAPTER.convertPositions(market_id, index_set, amount)
    fee: uint256 = amount * staticcall NEG_RISK_ADAPTER.getFeeBips(market_id) // BPS
    if len(received) != 0:
        complete_sets.give_shares(received, self._times(amount - fee, len(received)))
    complete_sets.pay_collateral()


@internal
@pure
def _times(amount: uint256, count: uint256) -> DynArray[uint256, complete_sets.MAX_TOKENS]:
    amounts: DynArray[uint256, complete_sets.MAX_TOKENS] = []
    for i: uint256 in range(count, bound=complete_sets.MAX_TOKENS):
        amounts.append(amount)
    return amounts
