"""Everything the server refuses, in the venue's own words (polymarket.md 3.5): clients recognise them by text."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from remora.devnet.clob.units import ceil_div, to_text


class Refusal(Exception):
    """A request that the venue does not serve: the HTTP status, and the text of its `error` field."""

    def __init__(
        self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.headers = headers or {}


class Rejection(Refusal):
    """What the order book says of a well-formed order; the venue has a second form for it, HTTP 200 without success."""


class Shortage(Rejection):
    """The maker's balance or allowance does not cover the order, as far as the last block tells."""


def unauthorized() -> Refusal:
    return Refusal("Unauthorized/Invalid api key", HTTPStatus.UNAUTHORIZED)


def invalid_l1_headers() -> Refusal:
    return Refusal("Invalid L1 Request headers", HTTPStatus.UNAUTHORIZED)


def key_not_created() -> Refusal:
    return Refusal("Could not create api key")


def key_not_derived() -> Refusal:
    return Refusal("Could not derive api key!")


def invalid_order_payload() -> Refusal:
    return Refusal("Invalid order payload")


def invalid_payload() -> Refusal:
    return Refusal("Invalid payload")


def payload_too_long() -> Refusal:
    return Refusal("Payload exceeds the limit")


def too_many_requests(wait_ms: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """Refuse until `wait_ms` have passed; Retry-After is in whole seconds."""
    waiting = {"Retry-After": str(ceil_div(wait_ms, 1000))}
    return Refusal("Too Many Requests", HTTPStatus.TOO_MANY_REQUESTS, {**(headers or {}), **waiting})


def too_many_orders(count: int, limit: int) -> Refusal:
    return Refusal(f"Too many orders in payload: {count}, max allowed: {limit}")


def foreign_owner() -> Refusal:
    return Refusal("the order owner has to be the owner of the API KEY")


def foreign_signer() -> Refusal:
    return Refusal("the order signer address has to be the address of the API KEY")


def invalid_signature() -> Refusal:
    return Refusal("invalid signature")


def unknown_token() -> Refusal:
    return Refusal("No orderbook exists for the requested token id", HTTPStatus.NOT_FOUND)


def invalid_token() -> Refusal:
    return Refusal("Invalid token id")


def invalid_side() -> Refusal:
    return Refusal("Invalid side")


def unknown_builder() -> Refusal:
    return Refusal("builder not found", HTTPStatus.NOT_FOUND)


def unknown_market() -> Refusal:
    return Refusal("market not found", HTTPStatus.NOT_FOUND)


def unknown_order() -> Refusal:
    return Refusal("order not found", HTTPStatus.NOT_FOUND)


def duplicated(order_id: str) -> Rejection:
    return Rejection(f"order {order_id} is invalid. Duplicated.")


def breaks_tick(order_id: str, price: int, tick: int) -> Rejection:
    return Rejection(
        f"order {order_id} is invalid. Price ({to_text(price)}) breaks minimum tick size rule: {to_text(tick)}"
    )


def below_minimum(order_id: str, shares: int, minimum: int) -> Rejection:
    return Rejection(
        f"order {order_id} is invalid. Size ({to_text(shares)}) lower than the minimum: {to_text(minimum)}"
    )


def too_fine(kind: str, maker_places: int, taker_places: int) -> Rejection:
    return Rejection(
        f"invalid amounts, the {kind} orders maker amount supports a max accuracy of {maker_places} decimals, "
        f"taker amount a max of {taker_places} decimals"
    )


def marketable_buy_too_small(collateral: int) -> Rejection:
    return Rejection(f"invalid amount for a marketable BUY order (${to_text(collateral)}), min size: $1")


def banned(address: str) -> Refusal:
    return Refusal(f"'{address}' address banned")


def closed_only(address: str) -> Refusal:
    return Refusal(f"'{address}' address in closed only mode")


def maker_not_allowed() -> Refusal:
    return Refusal("maker address not allowed, please use the deposit wallet flow")


def version_mismatch() -> Refusal:
    """Refuse an order that is signed for another exchange contract's version."""
    return Refusal("order_version_mismatch")


def market_not_ready() -> Rejection:
    return Rejection("the market is not yet ready to process new orders")


def match_delayed() -> Rejection:
    return Rejection("order match delayed due to market conditions")


def invalid_nonce() -> Rejection:
    return Rejection("invalid nonce")


def invalid_expiration() -> Rejection:
    return Rejection("invalid expiration")


def post_only_crosses() -> Rejection:
    return Rejection("invalid post-only order: order crosses book")


def fok_not_filled() -> Rejection:
    return Rejection("order couldn't be fully filled. FOK orders are fully filled or killed.")


def fak_not_filled() -> Rejection:
    return Rejection(
        "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
    )


def balance_shortage(*, balance: int, active: int, matched: int, amount: int) -> Shortage:
    """Refuse for want of balance; `active` and `matched` are what resting orders and unmined trades hold of it."""
    detail = f"balance: {balance}, order amount: {amount}"
    if active or matched:
        detail = (
            f"balance: {balance}, sum of active orders: {active}, sum of matched orders: {matched}, "
            f"order amount (inc. fees): {amount}"
        )
    return Shortage(f"not enough balance / allowance: the balance is not enough -> {detail}")


def allowance_shortage(*, spender: str, allowance: int, amount: int) -> Shortage:
    """Refuse for want of allowance: the SDK approves and posts again when it reads these words."""
    return Shortage(
        "not enough balance / allowance: the allowance is not enough -> "
        f"spender: {spender}, allowance: {allowance}, order amount: {amount}"
    )
