# pragma version 0.4.3
"""
@title NegRiskAdapter
@license MIT
@notice Makes the shares of a devnet's neg-risk markets out of the asset under the collateral, and converts NO shares.
@dev    Whoever holds NO of n questions of a market gets n - 1 dollars whichever question is true, and one more unless
        one of the n is: that is a YES share of each other question. `convertPositions` gives exactly that. The NO shares
        go where nobody redeems them. Interface, events and the order of logs are the venue's (polymarket.md 1.3, 2.2).
"""

from ethereum.ercs import IERC20

import erc1155_receiver
import neg_risk_markets

initializes: neg_risk_markets

exports: (erc1155_receiver.__interface__, neg_risk_markets.__interface__)

interface WrappedCollateral:
    def wrap(to: address, amount: uint256): nonpayable
    def unwrap(to: address, amount: uint256): nonpayable
    def mint(amount: uint256): nonpayable
    def release(to: address, amount: uint256): nonpayable

interface ConditionalTokens:
    def balanceOf(owner: address, token_id: uint256) -> uint256: view
    def balanceOfBatch(
        owners: DynArray[address, MAX_TOKENS], ids: DynArray[uint256, MAX_TOKENS]
    ) -> DynArray[uint256, MAX_TOKENS]: view
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
        owner: address,
        to: address,
        ids: DynArray[uint256, MAX_TOKENS],
        amounts: DynArray[uint256, MAX_TOKENS],
        data: Bytes[32],
    ): nonpayable


event PositionSplit:
    stakeholder: indexed(address)
    conditionId: indexed(bytes32)
    amount: uint256

event PositionsMerge:
    stakeholder: indexed(address)
    conditionId: indexed(bytes32)
    amount: uint256

event PositionsConverted:
    stakeholder: indexed(address)
    marketId: indexed(bytes32)
    indexSet: indexed(uint256)
    amount: uint256

event PayoutRedemption:
    redeemer: indexed(address)
    conditionId: indexed(bytes32)
    amounts: DynArray[uint256, MAX_TOKENS]
    payout: uint256


MAX_TOKENS: constant(uint256) = 64
BPS: constant(uint256) = 10_000
BOTH: constant(DynArray[uint256, 2]) = [1, 2]
YES: constant(uint256) = 1
NO: constant(uint256) = 2

# The call of ConditionalTokens with the same effect: selector, and five words, of which the array is the fourth.
SPLIT_OF_CTF: constant(bytes4) = 0x72ce4275
MERGE_OF_CTF: constant(bytes4) = 0x9e7212ad
CALL_OF_CTF: constant(uint256) = 164

NO_TOKEN_BURN_ADDRESS: public(constant(address)) = 0xa5Ef39C3D3e10d0B270233af41CaC69796B12966

ctf: public(immutable(address))
col: public(immutable(address))
wcol: public(immutable(address))
vault: public(immutable(address))


@deploy
def __init__(conditional_tokens: address, collateral: address, wrapped_collateral: address, fee_receiver: address):
    """
    @notice Make shares of `wrapped_collateral` out of the asset `collateral`; conversion fees go to `fee_receiver`.
    """
    neg_risk_markets.__init__(conditional_tokens)
    ctf = conditional_tokens
    col = collateral
    wcol = wrapped_collateral
    vault = fee_receiver
    assert extcall IERC20(collateral).approve(wrapped_collateral, max_value(uint256))
    assert extcall IERC20(wrapped_collateral).approve(conditional_tokens, max_value(uint256))


@external
def splitPosition(condition_id: bytes32, amount: uint256):
    """
    @notice Turn the caller's asset into as many shares of both outcomes.
    """
    self._split(condition_id, amount)


@external
def mergePositions(condition_id: bytes32, amount: uint256):
    """
    @notice Turn as many shares of both outcomes of the caller into the asset.
    """
    self._merge(condition_id, amount)


@external
def redeemPositions(condition_id: bytes32, amounts: DynArray[uint256, MAX_TOKENS]):
    """
    @notice Turn shares of a resolved condition into their payout in the asset.
    @param amounts How many shares of YES and of NO.
    """
    assert len(amounts) == 2, "not two amounts"
    self._move(msg.sender, self, self._token_ids(condition_id), amounts)
    extcall ConditionalTokens(ctf).redeemPositions(wcol, empty(bytes32), condition_id, BOTH)
    payout: uint256 = staticcall IERC20(wcol).balanceOf(self)
    if payout != 0:
        extcall WrappedCollateral(wcol).unwrap(msg.sender, payout)
    log PayoutRedemption(redeemer=msg.sender, conditionId=condition_id, amounts=amounts, payout=payout)


@external
def convertPositions(market_id: bytes32, index_set: uint256, amount: uint256):
    """
    @notice Turn the caller's NO shares of some questions into YES shares of all others, and assets: one less than
            there are questions in the set, times the amount. The market's fee is taken of both.
    @param index_set The questions whose NO shares are given; bit 0 is the first question of the market.
    """
    market: neg_risk_markets.Market = neg_risk_markets.markets[market_id]
    assert market.oracle != empty(address), "no such market"
    assert market.question_count > 1, "nothing to convert to"
    assert index_set != 0 and index_set >> market.question_count == 0, "index set"
    if amount == 0:
        return
    given: DynArray[uint256, MAX_TOKENS] = []
    received: DynArray[uint256, MAX_TOKENS] = []
    surplus: DynArray[uint256, MAX_TOKENS] = []
    extcall WrappedCollateral(wcol).mint(self._yes_count(index_set, market.question_count) * amount)
    for i: uint256 in range(market.question_count, bound=MAX_TOKENS):
        condition_id: bytes32 = neg_risk_markets.condition_id(neg_risk_markets.question_id(market_id, i))
        if index_set & (1 << i) != 0:
            given.append(self._token_id(condition_id, NO))
        else:
            extcall ConditionalTokens(ctf).splitPosition(wcol, empty(bytes32), condition_id, BOTH, amount)
            received.append(self._token_id(condition_id, YES))
            surplus.append(self._token_id(condition_id, NO))
    self._move(msg.sender, NO_TOKEN_BURN_ADDRESS, given, self._times(amount, len(given)))
    self._move(self, NO_TOKEN_BURN_ADDRESS, surplus, self._times(amount, len(surplus)))
    fee: uint256 = amount * market.fee_bips // BPS
    self._release(len(given) - 1, amount - fee, fee)
    if len(received) != 0:
        if fee != 0:
            self._move(self, vault, received, self._times(fee, len(received)))
        self._move(self, msg.sender, received, self._times(amount - fee, len(received)))
    log PositionsConverted(stakeholder=msg.sender, marketId=market_id, indexSet=index_set, amount=amount)


@external
@view
def balanceOf(owner: address, token_id: uint256) -> uint256:
    """
    @notice What a wallet has of a token.
    """
    return staticcall ConditionalTokens(ctf).balanceOf(owner, token_id)


@external
@view
def balanceOfBatch(
    owners: DynArray[address, MAX_TOKENS], ids: DynArray[uint256, MAX_TOKENS]
) -> DynArray[uint256, MAX_TOKENS]:
    """
    @notice What wallets have of tokens, pair by pair.
    """
    return staticcall ConditionalTokens(ctf).balanceOfBatch(owners, ids)


@external
@view
def getPositionId(questionId: bytes32, outcome: bool) -> uint256:
    """
    @notice The token of a question's outcome.
    """
    return self._token_id(neg_risk_markets.condition_id(questionId), YES if outcome else NO)


@external
def __default__():
    """
    @notice `splitPosition` and `mergePositions` with the arguments of ConditionalTokens: Vyper knows one function of a
            name. The collateral must be the asset.
    """
    assert len(msg.data) >= CALL_OF_CTF, "no such function"
    selector: bytes4 = convert(slice(msg.data, 0, 4), bytes4)
    collateral: address = extract32(slice(msg.data, 4, 32), 0, output_type=address)
    condition_id: bytes32 = extract32(slice(msg.data, 68, 32), 0)
    amount: uint256 = extract32(slice(msg.data, 132, 32), 0, output_type=uint256)
    assert collateral == col, "not the asset"
    if selector == SPLIT_OF_CTF:
        self._split(condition_id, amount)
    else:
        assert selector == MERGE_OF_CTF, "no such function"
        self._merge(condition_id, amount)


@internal
def _split(condition_id: bytes32, amount: uint256):
    assert extcall IERC20(col).transferFrom(msg.sender, self, amount), "asset refused"
    extcall WrappedCollateral(wcol).wrap(self, amount)
    extcall ConditionalTokens(ctf).splitPosition(wcol, empty(bytes32), condition_id, BOTH, amount)
    self._move(self, msg.sender, self._token_ids(condition_id), [amount, amount])
    log PositionSplit(stakeholder=msg.sender, conditionId=condition_id, amount=amount)


@internal
def _merge(condition_id: bytes32, amount: uint256):
    self._move(msg.sender, self, self._token_ids(condition_id), [amount, amount])
    extcall ConditionalTokens(ctf).mergePositions(wcol, empty(bytes32), condition_id, BOTH, amount)
    extcall WrappedCollateral(wcol).unwrap(msg.sender, amount)
    log PositionsMerge(stakeholder=msg.sender, conditionId=condition_id, amount=amount)


@internal
def _release(sets: uint256, amount: uint256, fee: uint256):
    if sets != 0:
        if fee != 0:
            extcall WrappedCollateral(wcol).release(vault, sets * fee)
        extcall WrappedCollateral(wcol).release(msg.sender, sets * amount)


@internal
def _move(
    sender: address, to: address, ids: DynArray[uint256, MAX_TOKENS], amounts: DynArray[uint256, MAX_TOKENS]
):
    extcall ConditionalTokens(ctf).safeBatchTransferFrom(sender, to, ids, amounts, b"")


@internal
@pure
def _yes_count(index_set: uint256, question_count: uint256) -> uint256:
    count: uint256 = 0
    for i: uint256 in range(question_count, bound=MAX_TOKENS):
        if index_set & (1 << i) == 0:
            count += 1
    return count


@internal
@pure
def _times(amount: uint256, count: uint256) -> DynArray[uint256, MAX_TOKENS]:
    amounts: DynArray[uint256, MAX_TOKENS] = []
    for i: uint256 in range(count, bound=MAX_TOKENS):
        amounts.append(amount)
    return amounts


@internal
@view
def _token_ids(condition_id: bytes32) -> DynArray[uint256, MAX_TOKENS]:
    return [self._token_id(condition_id, YES), self._token_id(condition_id, NO)]


@internal
@view
def _token_id(condition_id: bytes32, index_set: uint256) -> uint256:
    collection_id: bytes32 = staticcall ConditionalTokens(ctf).getCollectionId(empty(bytes32), condition_id, index_set)
    return staticcall ConditionalTokens(ctf).getPositionId(wcol, collection_id)
