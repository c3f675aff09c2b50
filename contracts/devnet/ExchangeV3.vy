# pragma version 0.4.3
# pragma optimize codesize
"""
@title ExchangeV3
@license MIT
@notice A devnet's exchange with the external interface of the venue's third generation: orders are signed off chain,
        operators match them on chain, shares are ids of the position manager.
@dev    A match names what the taker gives at most, what it receives, and its fee; what it receives must come out
        exactly. With makers on the other side alone, shares and collateral go from wallet to wallet. One maker on the
        same side sends the whole match through the exchange: two buys have the condition's module mint complete sets,
        two sells have it merge them. Fees are collateral, on top for a buyer and out of the proceeds of a seller. A
        taker's buy uses up the shares that it asked for, whatever it paid. Names, events, errors and the order of logs
        are the venue's.
"""

import cash
import erc1155_receiver
import fills
import orders
import permissions
import positions

initializes: cash
initializes: orders
initializes: permissions
initializes: fills[orders := orders, permissions := permissions]

exports: erc1155_receiver.__interface__
exports: fills.__interface__
exports: permissions.__interface__

interface PositionManager:
    def moduleById(module_id: uint256) -> address: view
    def COLLATERAL_TOKEN() -> address: view
    def unsafeTransferFrom(owner: address, to: address, token_id: uint256, amount: uint256): nonpayable

interface Module:
    def split(to: DynArray[address, 2], condition_id: bytes31, amount: uint256): nonpayable
    def merge(to: address, condition_id: bytes31, amount: uint256): nonpayable


struct TakerAmounts:
    takerFillAmount: uint256
    takerReceiveAmount: uint256
    takerFeeAmount: uint256


BUY: constant(uint8) = 0
SELL: constant(uint8) = 1

MAX_MAKERS: constant(uint256) = 16

POSITION_MANAGER: immutable(PositionManager)


@deploy
def __init__(admin: address, position_manager: address, wallets: address, fee_receiver: address):
    """
    @notice Trade the shares of a position manager against its collateral. `wallets` tells where signers' proxies and
            safes are, the admin is the first operator.
    """
    cash.__init__(staticcall PositionManager(position_manager).COLLATERAL_TOKEN())
    orders.__init__("3", wallets)
    permissions.__init__(admin)
    fills.__init__(fee_receiver)
    POSITION_MANAGER = PositionManager(position_manager)


# --- matching --------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def matchOrders(
    takerOrder: orders.Order,
    makerOrders: DynArray[orders.Order, MAX_MAKERS],
    makerFillAmounts: DynArray[uint256, MAX_MAKERS],
    makerFeeAmounts: DynArray[uint256, MAX_MAKERS],
    takerAmounts: TakerAmounts,
):
    """
    @notice Match a taker order with maker orders of one condition. Operators only.
    @param makerFillAmounts What each maker gives.
    @param makerFeeAmounts Collateral charged to each maker.
    @param takerAmounts What the taker gives at most, exactly what it receives before its fee, and its fee.
    """
    permissions.only_operator()
    permissions.only_unpaused()
    if len(makerOrders) == 0:
        raw_revert(method_id("NoMakerOrders()", output_type=Bytes[4]))
    if len(makerFillAmounts) != len(makerOrders) or len(makerFeeAmounts) != len(makerOrders):
        raw_revert(method_id("MismatchedArrayLengths()", output_type=Bytes[4]))
    if positions.outcome_of(takerOrder.tokenId) > 1:
        raw_revert(method_id("InvalidTokenId()", output_type=Bytes[4]))

    taker: fills.Fill = fills.validated(takerOrder)
    taker.making = takerAmounts.takerFillAmount
    taker.taking = takerAmounts.takerReceiveAmount
    taker.fee = takerAmounts.takerFeeAmount
    self._check_gives(taker)
    makers: DynArray[fills.Fill, MAX_MAKERS] = []
    through_exchange: bool = False
    for i: uint256 in range(len(makerOrders), bound=MAX_MAKERS):
        maker: fills.Fill = fills.validated(makerOrders[i])
        maker.making = makerFillAmounts[i]
        maker.taking = maker.making * maker.taker_amount // maker.maker_amount
        maker.fee = makerFeeAmounts[i]
        self._check_gives(maker)
        self._check_token(taker, maker)
        fills.check_crossing(taker, maker)
        fills.check_fee(maker)
        fills.consume(maker, maker.making)
        makers.append(maker)
        through_exchange = through_exchange or maker.side == taker.side

    if not through_exchange:
        self._match_peer_to_peer(taker, makers)
    elif taker.side == BUY:
        self._match_minting(taker, makers)
    else:
        self._match_merging(taker, makers)


@internal
def _match_peer_to_peer(wanted: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS]):
    """
    @dev All makers are on the other side. The taker gives what they take, at most what was said.
    """
    taker: fills.Fill = wanted
    taker.making = 0
    taker.taking = 0
    fees: uint256 = taker.fee
    for maker: fills.Fill in makers:
        taker.making += maker.taking
        taker.taking += maker.making
        fees += maker.fee
    if taker.making > wanted.making:
        raw_revert(method_id("ComplementaryFillExceedsTakerFill()", output_type=Bytes[4]))
    if taker.taking < taker.making * taker.taker_amount // taker.maker_amount:
        raw_revert(method_id("NotCrossing()", output_type=Bytes[4]))
    self._check_balanced(taker.taking == wanted.taking)
    fills.check_fee(taker)

    if taker.side == BUY:
        self._buy_from(taker, makers)
        fills.log_fee(taker.fee)
        cash.pull(taker.maker, fills.feeReceiver, fees)
    else:
        self._sell_to(taker, makers, fees)
        fills.log_fee(taker.fee)
        cash.pay(fills.feeReceiver, fees)
    self._finish(taker)


@internal
def _buy_from(taker: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS]):
    for maker: fills.Fill in makers:
        self._move_shares(maker.maker, taker.maker, maker.token_id, maker.making)
        cash.pull(taker.maker, maker.maker, maker.taking - maker.fee)
        fills.log_filled(maker, taker.maker)
        fills.log_fee(maker.fee)


@internal
def _sell_to(taker: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS], fees: uint256):
    """
    @dev Without any fee collateral goes straight to the taker, and a maker's fill is told after it; with one it goes
         through the exchange, and the fill is told before.
    """
    if fees == 0:
        for maker: fills.Fill in makers:
            self._move_shares(taker.maker, maker.maker, taker.token_id, maker.taking)
            cash.pull(maker.maker, taker.maker, maker.making)
            fills.log_filled(maker, taker.maker)
        return
    for maker: fills.Fill in makers:
        fills.log_filled(maker, taker.maker)
        cash.pull(maker.maker, self, maker.making + maker.fee)
        self._move_shares(taker.maker, maker.maker, taker.token_id, maker.taking)
        fills.log_fee(maker.fee)
    cash.pay(taker.maker, taker.taking - taker.fee)


@internal
def _match_minting(wanted: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS]):
    """
    @dev The taker buys, and so does some maker. What the taker did not need to give is refunded, and is no part of its
         fill.
    """
    taker: fills.Fill = wanted
    taker.taking = 0
    complete_sets: uint256 = 0
    paid_in: uint256 = taker.making + taker.fee
    paid_out: uint256 = 0
    fees: uint256 = taker.fee
    cash.pull(taker.maker, self, paid_in)
    for maker: fills.Fill in makers:
        fees += maker.fee
        if maker.side == BUY:
            cash.pull(maker.maker, self, maker.making + maker.fee)
            paid_in += maker.making + maker.fee
            complete_sets += maker.taking
            taker.taking += maker.taking
        else:
            self._move_shares(maker.maker, self, maker.token_id, maker.making)
            paid_out += maker.taking - maker.fee
            taker.taking += maker.making
        fills.log_filled(maker, taker.maker)
    self._check_balanced(taker.taking == wanted.taking)
    self._check_balanced(paid_in >= paid_out + complete_sets + fees)
    refund: uint256 = paid_in - paid_out - complete_sets - fees
    self._check_balanced(refund <= wanted.making)
    taker.making = wanted.making - refund
    fills.check_fee(taker)

    module: address = self._module(taker.token_id)
    cash.pay(module, complete_sets)
    extcall Module(module).split([self, self], positions.condition_of(taker.token_id), complete_sets)
    for maker: fills.Fill in makers:
        if maker.side == BUY:
            self._move_shares(self, maker.maker, maker.token_id, maker.taking)
        else:
            cash.pay(maker.maker, maker.taking - maker.fee)
        fills.log_fee(maker.fee)
    self._move_shares(self, taker.maker, taker.token_id, taker.taking)
    cash.pay(fills.feeReceiver, fees)
    cash.pay(taker.maker, refund)
    fills.log_fee(taker.fee)
    self._finish(taker)


@internal
def _match_merging(wanted: fills.Fill, makers: DynArray[fills.Fill, MAX_MAKERS]):
    """
    @dev The taker sells, and so does some maker. The makers use up exactly the shares that the taker gives.
    """
    taker: fills.Fill = wanted
    module: address = self._module(taker.token_id)
    complete_sets: uint256 = 0
    sold: uint256 = 0
    paid_in: uint256 = 0
    paid_out: uint256 = 0
    maker_fees: uint256 = 0
    for maker: fills.Fill in makers:
        maker_fees += maker.fee
        if maker.side == BUY:
            cash.pull(maker.maker, self, maker.making + maker.fee)
            paid_in += maker.making + maker.fee
            sold += maker.taking
        else:
            self._move_shares(maker.maker, module, maker.token_id, maker.making)
            complete_sets += maker.making
            paid_out += maker.taking - maker.fee
            sold += maker.making
        fills.log_filled(maker, taker.maker)
    if sold != wanted.making:
        raw_revert(method_id("TakerFillMismatch()", output_type=Bytes[4]))
    paid_in += complete_sets
    self._check_balanced(paid_in >= paid_out + maker_fees)
    taker.taking = paid_in - paid_out - maker_fees
    self._check_balanced(taker.taking == wanted.taking)
    fills.check_fee(taker)

    self._move_shares(taker.maker, module, taker.token_id, complete_sets)
    extcall Module(module).merge(self, positions.condition_of(taker.token_id), complete_sets)
    for maker: fills.Fill in makers:
        if maker.side == BUY:
            self._move_shares(taker.maker, maker.maker, taker.token_id, maker.taking)
        else:
            cash.pay(maker.maker, maker.taking - maker.fee)
        fills.log_fee(maker.fee)
    cash.pay(taker.maker, taker.taking - taker.fee)
    cash.pay(fills.feeReceiver, maker_fees + taker.fee)
    fills.log_fee(taker.fee)
    self._finish(taker)


@internal
def _finish(taker: fills.Fill):
    """
    @dev A buy is used up by the shares that it got, in the collateral that it offered for them: a better price leaves
         no more to buy.
    """
    if taker.side == BUY:
        fills.consume(taker, taker.taking * taker.maker_amount // taker.taker_amount)
    else:
        fills.consume(taker, taker.making)
    fills.log_matched(taker)


@internal
@pure
def _check_gives(fill: fills.Fill):
    if fill.making == 0:
        raw_revert(method_id("ZeroMakerAmount()", output_type=Bytes[4]))


@internal
@pure
def _check_token(taker: fills.Fill, maker: fills.Fill):
    if maker.side != taker.side:
        if maker.token_id != taker.token_id:
            raw_revert(method_id("MismatchedTokenIds()", output_type=Bytes[4]))
    elif maker.token_id != taker.token_id ^ 1:
        raw_revert(method_id("InvalidComplement()", output_type=Bytes[4]))


@internal
@pure
def _check_balanced(balanced: bool):
    if not balanced:
        raw_revert(method_id("AssetAccountingMismatch()", output_type=Bytes[4]))


@internal
@view
def _module(token_id: uint256) -> address:
    return staticcall POSITION_MANAGER.moduleById(positions.module_of(token_id))


@internal
def _move_shares(owner: address, to: address, token_id: uint256, amount: uint256):
    extcall POSITION_MANAGER.unsafeTransferFrom(owner, to, token_id, amount)
