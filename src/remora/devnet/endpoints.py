"""Where a running devnet is: addresses, URLs and markets, as one JSON document.

`remora devnet` prints it and writes it to a file; the supervisor's settings, the traders and the tests read it back.
It holds no key: devnet accounts are derived from public seeds by `accounts.py`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

#: Gamma's word for a market's generation: "v1" has its shares in ConditionalTokens, "v2" in the position manager.
Version: TypeAlias = Literal["v1", "v2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Addresses of the deployed contracts, lower-case hex.

    `ctf_collateral` is the token under the collateral, of which standard shares are made, and `wrapped_collateral` that
    of neg-risk shares. The exchanges have their own pair of adapters; users have the other. The position manager, its
    modules, the router and `exchange_v3` are the third exchange generation. `price_feed` says what the collateral is
    worth.
    """

    collateral: str
    ctf_collateral: str
    wrapped_collateral: str
    conditional_tokens: str
    exchange: str
    neg_risk_exchange: str
    exchange_adapter: str
    neg_risk_exchange_adapter: str
    collateral_adapter: str
    neg_risk_collateral_adapter: str
    neg_risk_adapter: str
    auto_redeemer: str
    clearinghouse: str
    fee_receiver: str
    deposit_wallet_factory: str
    exchange_v3: str
    position_manager: str
    router: str
    binary_module: str
    neg_risk_module: str
    proxy_factory: str
    proxy_implementation: str
    relay_hub: str
    safe_factory: str
    safe_singleton: str
    safe_multisend: str
    price_feed: str

    def adapter_of(self, market: Market) -> str:
        """Return the adapter through which users split, merge and redeem in a market."""
        return self.neg_risk_collateral_adapter if market.neg_risk else self.collateral_adapter

    def share_collateral_of(self, *, neg_risk: bool) -> str:
        """Return the token of which ConditionalTokens makes the shares of standard or neg-risk markets."""
        return self.wrapped_collateral if neg_risk else self.ctf_collateral


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A binary market of the devnet.

    `tick_size` and `min_order_size` are decimal strings as the venue sends them; `fee_rate` is the `r` of the venue's
    formula `shares x r x (p(1-p))^e` with e = 1, a decimal string ("0" for no fee). Orders that would match at once
    wait `seconds_delay` first. `event` is the title of the event that the market belongs to. A neg-risk market of
    version "v1" is a question of the NegRiskAdapter: `neg_risk_market_id` is what all questions of its event have in
    common, empty otherwise. The venue refuses orders in two forms, as HTTP 400 or as HTTP 200 without success: with
    `refuses_in_body` this market does the latter. The condition id of a market of version "v2" is the one of 31 bytes,
    padded on the right with a zero byte. `ends_s` is the announced end, a unix time, and 0 a year after the listing.
    `past_volume` is the collateral that Gamma says was traded before anything was, as a decimal string.
    """

    condition_id: str
    question: str
    slug: str
    yes_token_id: int
    no_token_id: int
    neg_risk: bool = False
    tick_size: str = "0.01"
    min_order_size: str = "5"
    fee_rate: str = "0"
    seconds_delay: int = 0
    refuses_in_body: bool = False
    version: Version = "v1"
    event: str = ""
    question_id: str = ""
    neg_risk_market_id: str = ""
    tags: tuple[str, ...] = ()
    category: str = ""
    ends_s: int = 0
    past_volume: str = "0"

    def shown(self) -> dict[str, Any]:
        """Return the market as JSON; token ids are decimal strings, being wider than a JSON number."""
        tokens = {"yes_token_id": str(self.yes_token_id), "no_token_id": str(self.no_token_id)}
        return {**dataclasses.asdict(self), **tokens, "tags": list(self.tags)}

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Market:
        """Read what `shown` wrote."""
        tokens = {name: int(shown[name]) for name in ("yes_token_id", "no_token_id")}
        return cls(**{**shown, **tokens, "tags": tuple(shown.get("tags", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Everything a client of the devnet needs to know.

    `rpc_url` and `second_rpc_url` are two nodes before one chain. `leaders` are the wallets that can be copied.
    `control_url` (the control API) and `relayer_url` are empty for an order book that has none, and so
    are `data_url` and `live_ws_url`.
    """

    chain_id: int
    rpc_url: str
    rpc_ws_url: str
    clob_url: str
    gamma_url: str
    market_ws_url: str
    user_ws_url: str
    block_time_s: float
    contracts: Contracts
    markets: tuple[Market, ...]
    control_url: str = ""
    second_rpc_url: str = ""
    second_rpc_ws_url: str = ""
    relayer_url: str = ""
    data_url: str = ""
    live_ws_url: str = ""
    leaders: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the document as indented JSON."""
        document = {**dataclasses.asdict(self), "markets": [market.shown() for market in self.markets]}
        return json.dumps(document, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Endpoints:
        """Read a document written by `to_json`."""
        document = json.loads(text)
        markets, leaders = tuple(map(Market.of, document.pop("markets"))), tuple(document.pop("leaders", ()))
        contracts = Contracts(**document.pop("contracts"))
        return cls(contracts=contracts, markets=markets, leaders=leaders, **document)

    @classmethod
    def read(cls, path: Path) -> Endpoints:
        """Read the document from a file."""
        return cls.from_json(path.read_text())
