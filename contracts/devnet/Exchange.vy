# pragma version 0.4.3
# pragma optimize codesize
"""
@title Exchange
@license MIT
@notice A devnet's exchange with the external interface of the venue's second generation: orders are signed off chain,
        operators match them on chain, shares are the ERC-1155 tokens of ConditionalTokens.
@dev    A taker order is matched with resting maker orders. A maker on the other side trades peer to peer
        (complementary). A maker on the same side with the other outcome mints a complete set (two buys) or merges one
        (two sells); one such maker sends the whole match through the exchange's own hands. Fees are chosen by the
        operator within a cap and paid in collateral: on top by a buyer, out of the proceeds by a seller. Names,
        events, errors and the order of logs are the venue's.
"""

import cash
import erc1155_receiver
import fills
import orders
import permissions

initializes: cash
initializes: orders
initializes: permissions
initializes: fills[orders := orders, permissions := permissions]

exports: erc1155_receiver.__interface__
exports: fills.__interface__
exports: permissions.__interface__

interface Adapter:
    def splitPosition(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable
    def mergePositions(
        collateral: address, parent: bytes32, condition_id: bytes32, partition: DynArray[uint256, 2], amount: uint256
    ): nonpayable

interface ConditionalTokens:
    def balanceOf(owner: address, token_id: uint256) -> uint256: view
    def getCollectionId(parent: bytes32, condition_id: bytes32, index_set: uint256) -> bytes32: view
    def getPositionId(collateral: address, collection_id: bytes32) -> uint256: view
    def setApprovalForAll(operator: address, approved: bool): nonpayable
    def safeTransferFrom(
        owner: address, to: address, token_id: uint256, amount: uint256, data: Bytes[32]
    ): nonpayable


BUY: constant(uint8) = 0
SELL: constant(uint8) = 1

MAX_MAKERS: constant(uint256) = 16
BOTH: constant(DynArray[uint256, 2]) = [1, 2]

CTF: immutable(ConditionalTokens)
CTF_COLLATERAL: immutable(address)
ADAPTER: immutable(Adapter)


@deploy
def __init__(
    admin: address,
    collateral: address,
    ctf: address,
    ctf_collateral: address,
    adapter: address,
    wallets: address,
    fee_receiver: address,
):
    """
    @notice Trade the shares that `ctf` makes for `ctf_collateral`, against `collateral`. `adapter` turns one into the
            other, `wallets` tells where signers' proxies and safes are, the admin is the first operator.
    """
    cash.__init__(collateral)
    orders.__init__("2", wallets)
    permissions.__init__(admin)
    fills.__init__(fee_receiver)
    CTF = ConditionalTokens(ctf)
    CTF_COLLATERAL = ctf_collateral
    ADAPTER = Adapter(adapter)
    assert extcall cash.COLLATERAL.approve(adapter, max_value(uint256))
    extcall CTF.setApprovalForAll(adapter, True)


# --- matching --------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def matchOrders(
    conditionId: bytes32,
    takerOrder: orders.Order,
    makerOrders: DynArray[orders.Order, MAX_MAKERS],
    takerFillAmount: uint256,
    makerFillAmounts: DynArray[uint256, MAX_MAKERS],
    takerFeeAmount: uint256,
    makerFeeAmounts: DynArray[uint256, MAX_MAKERS],
):
    """
    @notice Match a taker order with maker orders of one condition. Operators only.
    @param takerFillAmount What the taker gives at most; consumed whole when any maker is on the taker's side.
    @param makerFillAmounts What each maker gives.
    @param takerFeeAmount Collateral charged to the taker.
    @param makerFeeAmounts Collateral charged to each maker.
    """
    permissions.only_operator()
    permissions.only_unpaused()
    if len(makerOrders) == 0:
        raw_revert(method_id("NoMakerOrders()", output_type=Bytes[4]))
    if len(makerFillAmounts) != len(makerOrders) or len(makerFeeAmounts) != len(makerOrders):
        raw_revert(method_id("MismatchedArrayLengths()", output_type=Bytes[4]))

    token_ids: uint256[2] = self._token_ids(conditionId)
    taker: fills.Fill = fills.validated(takerOrder)
    taker.fee = takerFeeAmount
    if taker.token_id not in token_ids:
        raw_revert(method_id("MismatchedTokenIds()", output_type=Bytes[4]))
    other_token_id: uint256 = token_ids[1] if taker.token_id == token_ids[0] else token_ids[0]

    makers: DynArray[fills.Fill, MAX_MAKERS] = []
    through_exchange: bool = False
    for i: uint256 in range(len(makerOrders), bound=MAX_MAKERS):
        maker: fills.Fill = fills.validated(makerOrders[i])
        same_side: bool = maker.side == taker.side
        through_exchange = through_exchange or same_side
        if maker.token_id != (other_token_id if same_side else taker.token_id):
            raw_revert(method_id("MismatchedTokenIds()", output_type=Bytes[4]))
        fills.check_crossing(taker, maker)
        maker.making = makerFillAmounts[i]
        maker.taking = maker.making * maker.taker_amount // maker.maker_amount
        maker.fee = makerFeeAmounts[i]
        fills.check_fee(maker)
        fills.consume(maker, maker.making)
        makers.append(maker)

    if through_exchange:
        self._match_through_exchange(conditionId, taker, makers, takerFillAmount)
    else:
        self._match_peer_to_peer(taker, makers, takerFillAmount)


@internal
def _match_peer_to_peer(taker_fill: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS], limit: uint256):
    """
    @dev All makers are on the other side. The taker's order is consumed by what was executed.
    """
    taker: fills.Fill = taker_fill
    for maker: fills.Fill in makers:
        taker.making += maker.taking
        taker.taking += maker.making
    if taker.making > limit:
        raw_revert(method_id("ComplementaryFillExceedsTakerFill()", output_type=Bytes[4]))
    fills.check_fee(taker)
    fills.consume(taker, taker.making)

    fees: uint256 = taker.fee
    for maker: fills.Fill in makers:
        fees += maker.fee
        if taker.side == BUY:
            self._move_shares(maker.maker, taker.maker, taker.token_id, maker.making)
            fills.log_fee(maker.fee)
            cash.pull(taker.maker, maker.maker, maker.taking - maker.fee)
        else:
            self._move_shares(taker.maker, maker.maker, taker.token_id, maker.taking)
            cash.pull(maker.maker, self, maker.making + maker.fee)
            fills.log_fee(maker.fee)
        fills.log_filled(maker, taker.maker)

    fills.log_fee(taker.fee)
    if taker.side == SELL:
        cash.pay(taker.maker, taker.taking - taker.fee)
    fills.log_matched(taker)
    if taker.side == BUY:
        cash.pull(taker.maker, fills.feeReceiver, fees)
    else:
        cash.pay(fills.feeReceiver, fees)


@internal
def _match_through_exchange(
    condition_id: bytes32, taker_fill: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS], making: uint256
):
    """
    @dev Some maker is on the taker's side. The taker's order is consumed by all that it gave, even what is refunded.
    """
    taker: fills.Fill = taker_fill
    taker.making = making
    complete_sets: uint256 = 0
    for maker: fills.Fill in makers:
        if maker.side == BUY and taker.side == BUY:  # mint
            complete_sets += maker.taking
            taker.taking += maker.taking
        elif maker.side == SELL and taker.side == SELL:  # merge
            complete_sets += maker.making
            taker.taking += maker.making - maker.taking
        else:
            taker.taking += maker.making
    if taker.taking < making * taker.taker_amount // taker.maker_amount:
        raw_revert(method_id("TooLittleTokensReceived()", output_type=Bytes[4]))
    fills.check_fee(taker)
    fills.consume(taker, taker.making)

    self._pull(taker)
    for maker: fills.Fill in makers:
        self._pull(maker)
    if taker.side == BUY:
        extcall ADAPTER.splitPosition(cash.COLLATERAL.address, empty(bytes32), condition_id, BOTH, complete_sets)
    else:
        extcall ADAPTER.mergePositions(cash.COLLATERAL.address, empty(bytes32), condition_id, BOTH, complete_sets)

    fees: uint256 = 0
    for maker: fills.Fill in makers:
        fees += maker.fee
        self._pay(maker)
        fills.log_fee(maker.fee)
        fills.log_filled(maker, taker.maker)
    if taker.side == BUY:
        fills.log_fee(taker.fee)
        cash.pay(fills.feeReceiver, fees + taker.fee)
        self._pay(taker)
        cash.pay(taker.maker, staticcall cash.COLLATERAL.balanceOf(self))
        fills.log_matched(taker)
    else:
        cash.pay(fills.feeReceiver, fees)
        self._pay(taker)
        fills.log_fee(taker.fee)
        self._refund_shares(taker)
        fills.log_matched(taker)
        cash.pay(fills.feeReceiver, taker.fee)


@internal
@view
def _token_ids(condition_id: bytes32) -> uint256[2]:
    ids: uint256[2] = empty(uint256[2])
    for i: uint256 in range(2):
        collection_id: bytes32 = staticcall CTF.getCollectionId(empty(bytes32), condition_id, i + 1)
        ids[i] = staticcall CTF.getPositionId(CTF_COLLATERAL, collection_id)
    return ids


# --- movements -------------------------------------------------------------------------------------------------------

@internal
def _pull(fill: fills.Fill):
    if fill.side == BUY:
        cash.pull(fill.maker, self, fill.making + fill.fee)
    else:
        self._move_shares(fill.maker, self, fill.token_id, fill.making)


@internal
def _pay(fill: fills.Fill):
    if fill.side == BUY:
        self._move_shares(self, fill.maker, fill.token_id, fill.taking)
    else:
        cash.pay(fill.maker, fill.taking - fill.fee)


@internal
def _refund_shares(taker: fills.Fill):
    unsold: uint256 = staticcall CTF.balanceOf(self, taker.token_id)
    if unsold != 0:
        self._move_shares(self, taker.maker, taker.token_id, unsold)


@internal
def _move_shares(owner: address, to: address, token_id: uint256, amount: uint256):
    extcall CTF.safeTransferFrom(owner, to, token_id, amount, b"")
