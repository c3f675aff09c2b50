"""Where a running devnet is: addresses, URLs and markets, as one JSON document.

`remora devnet` prints it and writes it to a file; the supervisor's settings, the traders and the tests read it back.
It holds no key: devnet accounts are derived from public seeds by `accounts.py`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Addresses of the deployed contracts, lower-case hex."""

    collateral: str
    ctf_collateral: str
    conditional_tokens: str
    exchange: str
    neg_risk_exchange: str
    collateral_adapter: str
    neg_risk_adapter: str
    clearinghouse: str
    fee_receiver: str
    deposit_wallet_factory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A binary market of the devnet.

    `tick_size` and `min_order_size` are decimal strings as the venue sends them; `fee_rate` is the `r` of the venue's
    formula `shares x r x (p(1-p))^e` with e = 1, a decimal string ("0" for no fee). Orders that would match at once
    wait `seconds_delay` first. The venue refuses orders in two forms, as HTTP 400 or as HTTP 200 without success: with
    `refuses_in_body` this market does the latter.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Everything a client of the devnet needs to know.

    `rpc_url` and `second_rpc_url` are two nodes before one chain.
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

    def to_json(self) -> str:
        """Return the document as indented JSON; token ids are decimal strings, being wider than a JSON number."""
        document = dataclasses.asdict(self)
        for market in document["markets"]:
            market["yes_token_id"] = str(market["yes_token_id"])
            market["no_token_id"] = str(market["no_token_id"])
        return json.dumps(document, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Endpoints:
        """Read a document written by `to_json`."""
        document = json.loads(text)
        markets = tuple(
            Market(**{**m, "yes_token_id": int(m["yes_token_id"]), "no_token_id": int(m["no_token_id"])})
            for m in document.pop("markets")
        )
        return cls(contracts=Contracts(**document.pop("contracts")), markets=markets, **document)

    @classmethod
    def read(cls, path: Path) -> Endpoints:
        """Read the document from a file."""
        return cls.from_json(path.read_text())
