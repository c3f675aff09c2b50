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

from ethereum.ercs import IERC20

import erc1155_receiver
import orders
import permissions

initializes: orders
initializes: permissions

exports: erc1155_receiver.__interface__
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


struct OrderStatus:
    filled: bool
    remaining: uint248

struct Fill:
    # One order's part in a match: `making` is what its maker gives, `taking` what they get, before the fee.
    order_hash: bytes32
    maker: address
    side: uint8
    token_id: uint256
    maker_amount: uint256
    taker_amount: uint256
    making: uint256
    taking: uint256
    fee: uint256
    builder: bytes32
    metadata: bytes32


event OrderFilled:
    orderHash: indexed(bytes32)
    maker: indexed(address)
    taker: indexed(address)
    side: uint8
    tokenId: uint256
    makerAmountFilled: uint256
    takerAmountFilled: uint256
    fee: uint256
    builder: bytes32
    metadata: bytes32

event OrdersMatched:
    takerOrderHash: indexed(bytes32)
    takerOrderMaker: indexed(address)
    side: uint8
    tokenId: uint256
    makerAmountFilled: uint256
    takerAmountFilled: uint256

event FeeCharged:
    receiver: indexed(address)
    amount: uint256


BUY: constant(uint8) = 0
SELL: constant(uint8) = 1

MAX_MAKERS: constant(uint256) = 16
BPS: constant(uint256) = 10_000
BOTH: constant(DynArray[uint256, 2]) = [1, 2]

COLLATERAL: immutable(IERC20)
CTF: immutable(ConditionalTokens)
CTF_COLLATERAL: immutable(address)
ADAPTER: immutable(Adapter)

feeReceiver: public(address)
maxFeeRateBps: public(uint256)
preapproved: public(HashMap[bytes32, bool])
statuses: HashMap[bytes32, OrderStatus]


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
    orders.__init__(wallets)
    permissions.__init__(admin)
    COLLATERAL = IERC20(collateral)
    CTF = ConditionalTokens(ctf)
    CTF_COLLATERAL = ctf_collateral
    ADAPTER = Adapter(adapter)
    self.feeReceiver = fee_receiver
    self.maxFeeRateBps = 500
    assert extcall COLLATERAL.approve(adapter, max_value(uint256))
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
    taker: Fill = self._validated(takerOrder)
    taker.fee = takerFeeAmount
    if taker.token_id not in token_ids:
        raw_revert(method_id("MismatchedTokenIds()", output_type=Bytes[4]))
    other_token_id: uint256 = token_ids[1] if taker.token_id == token_ids[0] else token_ids[0]

    makers: DynArray[Fill, MAX_MAKERS] = []
    through_exchange: bool = False
    for i: uint256 in range(len(makerOrders), bound=MAX_MAKERS):
        maker: Fill = self._validated(makerOrders[i])
        same_side: bool = maker.side == taker.side
        through_exchange = through_exchange or same_side
        if maker.token_id != (other_token_id if same_side else taker.token_id):
            raw_revert(method_id("MismatchedTokenIds()", output_type=Bytes[4]))
        self._check_crossing(taker, maker)
        maker.making = makerFillAmounts[i]
        maker.taking = maker.making * maker.taker_amount // maker.maker_amount
        maker.fee = makerFeeAmounts[i]
        self._check_fee(maker)
        self._consume(maker)
        makers.append(maker)

    if through_exchange:
        self._match_through_exchange(conditionId, taker, makers, takerFillAmount)
    else:
        self._match_peer_to_peer(taker, makers, takerFillAmount)


@internal
def _match_peer_to_peer(taker_fill: Fill, makers: DynArray[Fill, MAX_MAKERS], limit: uint256):
    """
    @dev All makers are on the other side. The taker's order is consumed by what was executed.
    """
    taker: Fill = taker_fill
    for maker: Fill in makers:
        taker.making += maker.taking
        taker.taking += maker.making
    if taker.making > limit:
        raw_revert(method_id("ComplementaryFillExceedsTakerFill()", output_type=Bytes[4]))
    self._check_fee(taker)
    self._consume(taker)

    fees: uint256 = taker.fee
    for maker: Fill in makers:
        fees += maker.fee
        if taker.side == BUY:
            self._move_shares(maker.maker, taker.maker, taker.token_id, maker.making)
            self._log_fee(maker.fee)
            self._pull_collateral(taker.maker, maker.maker, maker.taking - maker.fee)
        else:
            self._move_shares(taker.maker, maker.maker, taker.token_id, maker.taking)
            self._pull_collateral(maker.maker, self, maker.making + maker.fee)
            self._log_fee(maker.fee)
        self._log_filled(maker, taker.maker)

    self._log_fee(taker.fee)
    if taker.side == SELL:
        self._pay_collateral(taker.maker, taker.taking - taker.fee)
    self._log_matched(taker)
    if taker.side == BUY:
        self._pull_collateral(taker.maker, self.feeReceiver, fees)
    else:
        self._pay_collateral(self.feeReceiver, fees)


@internal
def _match_through_exchange(
    condition_id: bytes32, taker_fill: Fill, makers: DynArray[Fill, MAX_MAKERS], making: uint256
):
    """
    @dev Some maker is on the taker's side. The taker's order is consumed by all that it gave, even what is refunded.
    """
    taker: Fill = taker_fill
    taker.making = making
    complete_sets: uint256 = 0
    for maker: Fill in makers:
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
    self._check_fee(taker)
    self._consume(taker)

    self._pull(taker)
    for maker: Fill in makers:
        self._pull(maker)
    if taker.side == BUY:
        extcall ADAPTER.splitPosition(COLLATERAL.address, empty(bytes32), condition_id, BOTH, complete_sets)
    else:
        extcall ADAPTER.mergePositions(COLLATERAL.address, empty(bytes32), condition_id, BOTH, complete_sets)

    fees: uint256 = 0
    for maker: Fill in makers:
        fees += maker.fee
        self._pay(maker)
        self._log_fee(maker.fee)
        self._log_filled(maker, taker.maker)
    if taker.side == BUY:
        self._log_fee(taker.fee)
        self._pay_collateral(self.feeReceiver, fees + taker.fee)
        self._pay(taker)
        self._pay_collateral(taker.maker, staticcall COLLATERAL.balanceOf(self))
        self._log_matched(taker)
    else:
        self._pay_collateral(self.feeReceiver, fees)
        self._pay(taker)
        self._log_fee(taker.fee)
        self._refund_shares(taker)
        self._log_matched(taker)
        self._pay_collateral(self.feeReceiver, taker.fee)


@internal
@pure
def _check_crossing(taker: Fill, maker: Fill):
    crosses: bool = False
    if taker.side != maker.side:
        crosses = taker.maker_amount * maker.maker_amount >= taker.taker_amount * maker.taker_amount
    elif taker.side == BUY:
        # Two buys pay for a complete set: the prices sum to one or more.
        paid: uint256 = taker.maker_amount * maker.taker_amount + maker.maker_amount * taker.taker_amount
        crosses = paid >= taker.taker_amount * maker.taker_amount
    else:
        # Two sells are paid by a complete set: the prices sum to one or less.
        asked: uint256 = taker.taker_amount * maker.maker_amount + maker.taker_amount * taker.maker_amount
        crosses = asked <= taker.maker_amount * maker.maker_amount
    if not crosses:
        raw_revert(method_id("NotCrossing()", output_type=Bytes[4]))


@internal
@view
def _check_fee(fill: Fill):
    cash: uint256 = fill.making if fill.side == BUY else fill.taking
    rate: uint256 = self.maxFeeRateBps  # zero: no cap
    if rate != 0 and fill.fee * BPS > cash * rate:
        raw_revert(method_id("FeeExceedsMaxRate()", output_type=Bytes[4]))
    if fill.side == SELL and fill.fee > cash:
        raw_revert(method_id("FeeExceedsProceeds()", output_type=Bytes[4]))


@internal
def _consume(fill: Fill):
    """
    @dev Take what is given from what the order has left. An order that was never filled has no status.
    """
    status: OrderStatus = self.statuses[fill.order_hash]
    if status.filled:
        raw_revert(method_id("OrderAlreadyFilled()", output_type=Bytes[4]))
    remaining: uint256 = convert(status.remaining, uint256) if status.remaining != 0 else fill.maker_amount
    if fill.making > remaining:
        raw_revert(method_id("MakingGtRemaining()", output_type=Bytes[4]))
    remaining -= fill.making
    self.statuses[fill.order_hash] = OrderStatus(filled=remaining == 0, remaining=convert(remaining, uint248))


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
def _pull(fill: Fill):
    if fill.side == BUY:
        self._pull_collateral(fill.maker, self, fill.making + fill.fee)
    else:
        self._move_shares(fill.maker, self, fill.token_id, fill.making)


@internal
def _pay(fill: Fill):
    if fill.side == BUY:
        self._move_shares(self, fill.maker, fill.token_id, fill.taking)
    else:
        self._pay_collateral(fill.maker, fill.taking - fill.fee)


@internal
def _refund_shares(taker: Fill):
    unsold: uint256 = staticcall CTF.balanceOf(self, taker.token_id)
    if unsold != 0:
        self._move_shares(self, taker.maker, taker.token_id, unsold)


@internal
def _move_shares(owner: address, to: address, token_id: uint256, amount: uint256):
    extcall CTF.safeTransferFrom(owner, to, token_id, amount, b"")


@internal
def _pull_collateral(owner: address, to: address, amount: uint256):
    if amount != 0:
        assert extcall COLLATERAL.transferFrom(owner, to, amount), "collateral refused"


@internal
def _pay_collateral(to: address, amount: uint256):
    if amount != 0:
        assert extcall COLLATERAL.transfer(to, amount), "collateral refused"


# --- logs ------------------------------------------------------------------------------------------------------------

@internal
def _log_fee(amount: uint256):
    if amount != 0:
        log FeeCharged(receiver=self.feeReceiver, amount=amount)


@internal
def _log_filled(fill: Fill, taker: address):
    log OrderFilled(
        orderHash=fill.order_hash,
        maker=fill.maker,
        taker=taker,
        side=fill.side,
        tokenId=fill.token_id,
        makerAmountFilled=fill.making,
        takerAmountFilled=fill.taking,
        fee=fill.fee,
        builder=fill.builder,
        metadata=fill.metadata,
    )


@internal
def _log_matched(taker: Fill):
    self._log_filled(taker, self)
    log OrdersMatched(
        takerOrderHash=taker.order_hash,
        takerOrderMaker=taker.maker,
        side=taker.side,
        tokenId=taker.token_id,
        makerAmountFilled=taker.making,
        takerAmountFilled=taker.taking,
    )


# --- orders ----------------------------------------------------------------------------------------------------------

@external
@view
def hashOrder(order: orders.Order) -> bytes32:
    """
    @notice The EIP-712 digest that is signed; it is the order's id everywhere.
    """
    return orders.hash_of(order)


@external
@view
def validateOrder(order: orders.Order):
    """
    @notice Revert with the error that `matchOrders` would find in this order alone.
    """
    fill: Fill = self._validated(order)


@external
@view
def getOrderStatus(orderHash: bytes32) -> OrderStatus:
    """
    @notice Whether an order is filled, and what it has left to give; both zero before its first fill.
    """
    return self.statuses[orderHash]


@external
@view
def orderStatus(orderHash: bytes32) -> OrderStatus:
    """
    @notice The same as `getOrderStatus`.
    """
    return self.statuses[orderHash]


@external
def preapproveOrder(order: orders.Order):
    """
    @notice Check an order's signature once, so that matches may carry it without. Operators only.
    """
    permissions.only_operator()
    fill: Fill = self._validated(order)
    self.preapproved[fill.order_hash] = True


@external
def invalidatePreapprovedOrder(orderHash: bytes32):
    """
    @notice Take back `preapproveOrder`. Operators only.
    """
    permissions.only_operator()
    self.preapproved[orderHash] = False


@internal
@view
def _validated(order: orders.Order) -> Fill:
    """
    @dev What can be said of an order alone; what it makes and takes is filled in by the match.
    """
    assert order.side <= SELL, "side"
    order_hash: bytes32 = orders.hash_of(order)
    if permissions.is_user_paused(order.maker):
        raw_revert(method_id("UserIsPaused()", output_type=Bytes[4]))
    if order.makerAmount == 0:
        raw_revert(method_id("ZeroMakerAmount()", output_type=Bytes[4]))
    approved: bool = len(order.signature) == 0 and self.preapproved[order_hash]
    if not approved and not orders.is_signed(order, order_hash):
        raw_revert(method_id("InvalidSignature()", output_type=Bytes[4]))
    if self.statuses[order_hash].filled:
        raw_revert(method_id("OrderAlreadyFilled()", output_type=Bytes[4]))
    return Fill(
        order_hash=order_hash,
        maker=order.maker,
        side=order.side,
        token_id=order.tokenId,
        maker_amount=order.makerAmount,
        taker_amount=order.takerAmount,
        making=0,
        taking=0,
        fee=0,
        builder=order.builder,
        metadata=order.metadata,
    )


# --- fees ------------------------------------------------------------------------------------------------------------

@external
def setMaxFeeRate(rate: uint256):
    """
    @notice Cap fees in basis points of the cash that changes hands; zero for no cap. Admin only.
    """
    permissions.only_admin()
    self.maxFeeRateBps = rate


@external
def setFeeReceiver(receiver: address):
    """
    @notice Send fees to another wallet from now on. Admin only.
    """
    permissions.only_admin()
    self.feeReceiver = receiver
