"""Reference data of the Data API: what tokens are, and what wallets let the venue's contracts do with their own.

The approvals are those that the venue's contracts need for full trading; `amount` of a token that is not ERC-20 says
"max" or "0", as it is all or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remora.devnet.abi import MAX_UINT256, calldata
from remora.devnet.clob.catalogue import events_of
from remora.devnet.clob.house import House
from remora.devnet.clob.listings import Listing, Listings
from remora.devnet.data_api.shapes import Json, amount
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.rpc import Node, Request
from remora.domain.ids import ZERO_ADDRESS

#: Who may spend collateral, and who may move shares, besides what a devnet lacks and has at the zero address.
_ELDER = ("exchange", "neg_risk_exchange", "collateral_adapter", "neg_risk_collateral_adapter")
_NEWER = ("exchange_v3", "router")
_SPENDERS = (*_ELDER, *_NEWER)
_OPERATORS: Mapping[str, Sequence[str]] = {
    "conditional_tokens": (*_ELDER, "auto_redeemer", "binary_module", "neg_risk_module"),
    "position_manager": (*_NEWER, "auto_redeemer"),
}
#: "0x" and 32 bytes: conditions of version "v2" have one byte less.
_WORD_TEXT = 66
_IS_OPERATOR = "isApprovedForAll(address,address)"


class Reference:
    """Answers what tokens are and who is approved."""

    def __init__(self, *, node: Node, chain_id: int, contracts: Contracts, listings: Listings, house: House) -> None:
        self._node = node
        self._chain_id = chain_id
        self._contracts = contracts
        self._listings = listings
        self._house = house

    async def approvals(self, wallet: str) -> Json:
        """Return a wallet's approvals, as /v2/approvals does."""
        contracts = self._contracts
        spenders = [getattr(contracts, name) for name in _SPENDERS] + [ZERO_ADDRESS]
        allowances = [(contracts.collateral, spender) for spender in spenders]
        operators = [
            (getattr(contracts, ledger), operator)
            for ledger, names in _OPERATORS.items()
            for operator in [*(getattr(contracts, name) for name in names), ZERO_ADDRESS]
        ]
        allowed = await self._node.batch(
            _call(token, calldata(question, wallet, spender))
            for question, pairs in (("allowance(address,address)", allowances), (_IS_OPERATOR, operators))
            for token, spender in pairs
        )
        standards = ["ERC20"] * len(allowances) + ["ERC1155"] * len(operators)
        rows = [
            _approval(token, spender, standard, int(answer, 16))
            for (token, spender), standard, answer in zip([*allowances, *operators], standards, allowed, strict=True)
        ]
        return {"address": wallet, "chain_id": self._chain_id, "contracts": rows}

    def tokens(self, wanted: frozenset[str], conditions: frozenset[str]) -> list[Json]:
        """Return the listed tokens of these ids or conditions, of 31 or 32 bytes, as /v2/tokens does."""
        padded = {condition.ljust(_WORD_TEXT, "0") for condition in conditions}
        numbers = {
            listing.market.condition_id: event.number
            for event in events_of(self._listings)
            for listing in event.listings
        }
        return [
            self._token(listing, token, numbers[listing.market.condition_id])
            for listing in self._listings
            for token in listing.tokens
            if str(token) in wanted or listing.market.condition_id in padded
        ]

    def _token(self, listing: Listing, token: int, event_number: int) -> Json:
        market, index = listing.market, listing.tokens.index(token)
        is_resolved = self._house.is_resolved(market.condition_id)
        return {
            "token_id": str(token),
            "condition_id": market.condition_id,
            "structural_condition_id": None,
            "module": _module_of(market),
            "outcome_index": index,
            "clob_index": index,
            "outcome": listing.outcome(token),
            "opposite_token_id": str(listing.tokens[1 - index]),
            "resolved": is_resolved,
            "final_price": amount(self._house.payout_of(listing, token)) if is_resolved else None,
            "title": market.question,
            "market_slug": market.slug,
            "closed": is_resolved,
            "neg_risk": market.neg_risk,
            **_place_in_event(listing, event_number),
        }


def _module_of(market: Market) -> str:
    if market.version == "v1":
        return "v1_ctf"
    return "neg_risk" if market.neg_risk else "binary"


def _place_in_event(listing: Listing, event_number: int) -> Json:
    market = listing.market
    index = int(market.question_id[-2:], 16) if market.neg_risk_market_id else None
    return {
        "neg_risk_market_id": market.neg_risk_market_id or None,
        "question_index": index,
        "event_id": event_number,
        "event_slug": listing.event_slug,
    }


def _approval(token: str, spender: str, standard: str, allowance: int) -> Json:
    unlimited: Mapping[bool, str] = {True: "max", False: str(allowance)}
    is_whole = allowance == MAX_UINT256 or (standard == "ERC1155" and allowance == 1)
    return {
        "token": token,
        "spender": spender,
        "standard": standard,
        "approved": allowance > 0,
        "amount": unlimited[is_whole],
    }


def _call(to: str, data: bytes) -> Request:
    return Request(method="eth_call", params=({"to": to, "data": "0x" + data.hex()}, "latest"))
