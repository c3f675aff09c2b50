"""Whether an order's terms are what the venue takes: price, size, decimals and lifetime (polymarket.md 3.3, 3.5)."""

from __future__ import annotations

from remora.devnet.clob import refusals
from remora.devnet.clob.listings import Listing
from remora.devnet.clob.orders import OrderRequest, OrderType, Side, SignedOrder
from remora.devnet.clob.units import ONE, has_places

#: A GTD order expires so long before its expiration, and must still live when it arrives.
EXPIRY_MARGIN_S = 60


def price_of(order_id: str, request: OrderRequest, listing: Listing, now_s: int) -> int:
    """Return the order's price on the market's grid, or refuse the order.

    A resting order's amounts must make the price exactly. A market order's may miss it by what rounding to the
    market's decimals costs; its exact ratio stays its limit.
    """
    _check_lifetime(request, now_s)
    order = request.order
    _check_precision(order, listing, rests=request.type.rests)
    price, remainder = divmod(order.collateral * ONE, order.shares)
    if not request.type.rests:
        price, remainder = _rounded(order, listing.precision.price), 0
    if remainder or price % listing.tick or not listing.tick <= price <= ONE - listing.tick:
        raise refusals.breaks_tick(order_id, price, listing.tick)
    if request.type.rests and order.shares < listing.min_shares:
        raise refusals.below_minimum(order_id, order.shares, listing.min_shares)
    return price


def _check_lifetime(request: OrderRequest, now_s: int) -> None:
    if request.type is OrderType.GTD:
        is_valid = request.expiration_s > now_s + EXPIRY_MARGIN_S
    else:
        is_valid = request.expiration_s == 0
    if not is_valid:
        raise refusals.invalid_expiration()


def _check_precision(order: SignedOrder, listing: Listing, *, rests: bool) -> None:
    size, amount = listing.precision.size, listing.precision.amount
    kind = order.side.lower() if rests else f"market {order.side.lower()}"
    # A trader chooses the shares, but for a market BUY: there it chooses what to spend.
    maker_is_chosen = order.side is Side.SELL or not rests
    maker_places, taker_places = (size, amount) if maker_is_chosen else (amount, size)
    if not has_places(order.maker_amount, maker_places) or not has_places(order.taker_amount, taker_places):
        raise refusals.too_fine(kind, maker_places, taker_places)


def _rounded(order: SignedOrder, places: int) -> int:
    step = int(10 ** (6 - places))
    return (2 * order.collateral * ONE + step * order.shares) // (2 * step * order.shares) * step
