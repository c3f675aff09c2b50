# pragma version 0.4.3
"""
@title PositionModule
@license MIT
@notice Turns collateral into shares of the position manager and back, and keeps the results of conditions. One
        contract is deployed per kind of market: module 1 for binary ones, module 2 for neg-risk ones.
@dev    Whoever calls has sent here beforehand what is turned: collateral to split, shares to merge or redeem. So
        nothing may be left here between transactions. Collateral is burned and minted, for no other token is under
        it. Conversions between the conditions of a neg-risk event are not offered.
"""

import erc1155_receiver
import positions

exports: erc1155_receiver.__interface__

interface Collateral:
    def mint(to: address, amount: uint256): nonpayable
    def burn(amount: uint256): nonpayable

interface PositionManager:
    def COLLATERAL_TOKEN() -> address: view
    def mint(to: address, position_id: uint256, amount: uint256): nonpayable
    def burn(position_id: uint256, amount: uint256): nonpayable


event PositionsSplit:
    initiator: indexed(address)
    conditionId: indexed(bytes31)
    recipient0: indexed(address)
    recipient1: address
    amount: uint256

event PositionsMerged:
    initiator: indexed(address)
    conditionId: indexed(bytes31)
    recipient: indexed(address)
    amount: uint256

event PositionRedeemed:
    initiator: indexed(address)
    positionId: indexed(uint256)
    recipient: indexed(address)
    amount: uint256
    payout: uint256

event ConditionResolved:
    conditionId: indexed(bytes31)
    result: DynArray[uint256, 2]


# What the numerators of a result sum to.
RESULT_DENOMINATOR: constant(uint256) = 1_000_000

moduleId: public(immutable(uint256))
POSITION_MANAGER: immutable(PositionManager)
COLLATERAL: immutable(Collateral)

oracle: public(address)
results: HashMap[bytes31, DynArray[uint256, 2]]


@deploy
def __init__(module_id: uint256, position_manager: address, oracle: address):
    """
    @notice Serve one position manager under a number; the oracle reports results.
    """
    moduleId = module_id
    POSITION_MANAGER = PositionManager(position_manager)
    COLLATERAL = Collateral(staticcall POSITION_MANAGER.COLLATERAL_TOKEN())
    self.oracle = oracle


@external
def split(to: DynArray[address, 2], condition_id: bytes31, amount: uint256):
    """
    @notice Turn collateral that was sent here into as many shares of both outcomes, YES for the first receiver.
    """
    self._check_pair(len(to))
    for outcome: uint256 in range(2):
        extcall POSITION_MANAGER.mint(to[outcome], positions.position_id(condition_id, outcome), amount)
    extcall COLLATERAL.burn(amount)
    log PositionsSplit(
        initiator=msg.sender, conditionId=condition_id, recipient0=to[0], recipient1=to[1], amount=amount
    )


@external
def merge(to: address, condition_id: bytes31, amount: uint256):
    """
    @notice Turn shares of both outcomes that were sent here into collateral.
    """
    extcall COLLATERAL.mint(to, amount)
    for outcome: uint256 in range(2):
        extcall POSITION_MANAGER.burn(positions.position_id(condition_id, outcome), amount)
    log PositionsMerged(initiator=msg.sender, conditionId=condition_id, recipient=to, amount=amount)


@external
def redeem(to: address, position_id: uint256, amount: uint256):
    """
    @notice Turn shares of a resolved condition that were sent here into their payout, rounded down.
    """
    payout: uint256 = self._payout(position_id, amount)
    extcall COLLATERAL.mint(to, payout)
    extcall POSITION_MANAGER.burn(position_id, amount)
    log PositionRedeemed(initiator=msg.sender, positionId=position_id, recipient=to, amount=amount, payout=payout)


@external
def reportResult(condition_id: bytes31, result: DynArray[uint256, 2]):
    """
    @notice Resolve a condition, once: the payouts of YES and NO in millionths. Oracle only.
    """
    if msg.sender != self.oracle:
        raw_revert(method_id("NotOracle()", output_type=Bytes[4]))
    if len(self.results[condition_id]) != 0:
        raw_revert(method_id("AlreadyResolved()", output_type=Bytes[4]))
    self._check_pair(len(result))
    if result[0] + result[1] != RESULT_DENOMINATOR:
        raw_revert(method_id("InvalidResults()", output_type=Bytes[4]))
    self.results[condition_id] = result
    log ConditionResolved(conditionId=condition_id, result=result)


@external
@view
def getResult(condition_id: bytes31) -> DynArray[uint256, 2]:
    """
    @notice The result of a condition; empty before there is one.
    """
    return self.results[condition_id]


@external
@view
def hasResult(condition_id: bytes31) -> bool:
    """
    @notice Whether a condition is resolved.
    """
    return len(self.results[condition_id]) != 0


@external
@view
def getPayout(position_id: uint256, amount: uint256) -> uint256:
    """
    @notice The collateral that so many shares are worth, rounded down.
    """
    return self._payout(position_id, amount)


@internal
@view
def _payout(position_id: uint256, amount: uint256) -> uint256:
    outcome: uint256 = positions.outcome_of(position_id)
    if outcome > 1:
        raw_revert(method_id("InvalidOutcomeIndex()", output_type=Bytes[4]))
    result: DynArray[uint256, 2] = self.results[positions.condition_of(position_id)]
    if len(result) == 0:
        raw_revert(method_id("ConditionNotResolved()", output_type=Bytes[4]))
    return amount * result[outcome] // RESULT_DENOMINATOR


@internal
@pure
def _check_pair(length: uint256):
    if length != 2:
        raw_revert(method_id("InvalidArrayLength()", output_type=Bytes[4]))
