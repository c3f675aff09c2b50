# pragma version 0.4.3
"""
@title fills
@license MIT
@notice What the exchanges of both generations know of an order's fills: what the order has left, whether it crosses
        another, what it may be charged, and the events that tell of it.
"""

import orders
import permissions

uses: orders
uses: permissions


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
BPS: constant(uint256) = 10_000

feeReceiver: public(address)
maxFeeRateBps: public(uint256)
preapproved: public(HashMap[bytes32, bool])
statuses: HashMap[bytes32, OrderStatus]


@deploy
def __init__(fee_receiver: address):
    """
    @notice Collect fees for a wallet, of at most 5 % of the cash until the admin says otherwise.
    """
    self.feeReceiver = fee_receiver
    self.maxFeeRateBps = 500


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
    fill: Fill = self.validated(order)


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
    fill: Fill = self.validated(order)
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
def validated(order: orders.Order) -> Fill:
    """
    @notice What can be said of an order alone; what it makes and takes is filled in by the match.
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


@internal
def consume(fill: Fill, amount: uint256):
    """
    @notice Take an amount from what the order has left. An order that was never filled has no status.
    """
    status: OrderStatus = self.statuses[fill.order_hash]
    if status.filled:
        raw_revert(method_id("OrderAlreadyFilled()", output_type=Bytes[4]))
    remaining: uint256 = convert(status.remaining, uint256) if status.remaining != 0 else fill.maker_amount
    if amount > remaining:
        raw_revert(method_id("MakingGtRemaining()", output_type=Bytes[4]))
    remaining -= amount
    self.statuses[fill.order_hash] = OrderStatus(filled=remaining == 0, remaining=convert(remaining, uint248))


# --- rules -----------------------------------------------------------------------------------------------------------

@internal
@pure
def check_crossing(taker: Fill, maker: Fill):
    """
    @notice Revert unless the prices of two orders meet: for one token, or for the two of a complete set.
    """
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
def check_fee(fill: Fill):
    """
    @notice Revert for a fee above the cap, and for one that a seller's proceeds do not pay.
    """
    cash: uint256 = fill.making if fill.side == BUY else fill.taking
    rate: uint256 = self.maxFeeRateBps  # zero: no cap
    if rate != 0 and fill.fee * BPS > cash * rate:
        raw_revert(method_id("FeeExceedsMaxRate()", output_type=Bytes[4]))
    if fill.side == SELL and fill.fee > cash:
        raw_revert(method_id("FeeExceedsProceeds()", output_type=Bytes[4]))


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


# --- logs ------------------------------------------------------------------------------------------------------------

@internal
def log_fee(amount: uint256):
    """
    @notice Tell of a fee, if there is one.
    """
    if amount != 0:
        log FeeCharged(receiver=self.feeReceiver, amount=amount)


@internal
def log_filled(fill: Fill, taker: address):
    """
    @notice Tell of one order's part in a match.
    """
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
def log_matched(taker: Fill):
    """
    @notice Tell of the taker's part, whose counterparty is the exchange, and that the match is done.
    """
    self.log_filled(taker, self)
    log OrdersMatched(
        takerOrderHash=taker.order_hash,
        takerOrderMaker=taker.maker,
        side=taker.side,
        tokenId=taker.token_id,
        makerAmountFilled=taker.making,
        takerAmountFilled=taker.taking,
    )
