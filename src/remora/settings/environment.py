"""The one reader of the environment: `TRADING_MNEMONIC`, `REMORA_*`, and an .env file that holds the same names.

All problems are reported together, each with its variable, what was expected and what was found. Secrets print masked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from remora.domain.errors import Malformed
from remora.domain.ids import Address, address
from remora.domain.money import Wei

PREFIX = "REMORA_"
DEVNET_CHAIN_ID = 31337
PUBLIC_TEST_MNEMONIC = "test test test test test test test test test test test junk"
LONGEST_POST_S = 20
"""Longer than an order may wait for the rate limit and for the venue's answer together."""
ARMED = "yes, trade real money"
"""What REMORA_ARMED must say before an order leaves for a live network."""


def _wrap(error: Malformed) -> ValueError:
    return ValueError(str(error))


def _address(text: str) -> Address:
    try:
        return address(text)
    except Malformed as error:
        raise _wrap(error) from None


def _addresses(raw: Any) -> tuple[Address, ...]:
    parts = [part.strip() for part in raw.split(",")] if isinstance(raw, str) else list(raw)
    return tuple(_address(part) for part in parts if part)


def _coin(raw: Any) -> Wei:
    if isinstance(raw, Wei):
        return raw
    try:
        coin = Wei.parse(str(raw))
    except Malformed as error:
        raise _wrap(error) from None
    if coin < Wei(0):
        raise ValueError(f"expected an amount of at least 0, found {coin}")
    return coin


def _websocket_url(url: SecretStr) -> SecretStr:
    if urlsplit(url.get_secret_value()).scheme not in {"ws", "wss"}:
        raise ValueError("expected a WebSocket endpoint, ws:// or wss://: fills are heard by subscription")
    return url


def _http_url(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError("expected an http:// or https:// URL")
    return url.rstrip("/")


def _arming(words: str) -> str:
    if words not in {"", ARMED}:
        raise ValueError(f"expected the words {ARMED!r}, or nothing, found other words")
    return words


AddressField = Annotated[str, AfterValidator(_address)]
AddressList = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)]
Coin = Annotated[Wei, NoDecode, BeforeValidator(_coin)]


class NodeSettings(BaseSettings):
    """What reading the chain needs. Field `rpc_ws_url` is read from `REMORA_RPC_WS_URL`, and so on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )

    rpc_ws_url: Annotated[SecretStr, AfterValidator(_websocket_url)]
    """The node's WebSocket endpoint. Secret, because providers put their key into it."""


class Settings(NodeSettings):
    """Everything that an operator can set."""

    trading_mnemonic: SecretStr = Field(validation_alias="TRADING_MNEMONIC")
    """The mnemonic that the fleet and the treasury are derived from."""

    clob_url: Annotated[str, AfterValidator(_http_url)]
    """The order book's REST endpoint."""

    chain_id: int = Field(gt=0)
    """The chain that the node must be on; orders are signed for it."""

    exchange: AddressField
    """The standard exchange, whose domain orders of ordinary markets are signed for."""

    neg_risk_exchange: AddressField
    """The neg-risk exchange."""

    extra_exchanges: AddressList = ()
    """Further exchanges whose fills are heard, comma-separated."""

    conditional_tokens: AddressField
    """The position ledger (ERC-1155)."""

    extra_ledgers: AddressList = ()
    """Further position ledgers whose transfers are heard, comma-separated."""

    collateral: AddressField
    """The collateral token (ERC-20, 6 decimals)."""

    clearinghouse: AddressField
    """The Clearinghouse that followers approve."""

    policies: Path = Path("policies.yaml")
    """The file of the followers' policies."""

    database: Path = Path("remora.db")
    """The database file."""

    fleet_size: int = Field(default=20, ge=1, le=1000)
    """How many operator wallets are derived."""

    fleet_start_index: int = Field(default=0, ge=0)
    """The derivation index of the first one."""

    followers_per_order: int = Field(default=25, ge=1, le=80)
    """How many followers share one block order at most."""

    dedup_s: int = Field(default=60, ge=1)
    """How long an event is remembered in memory, in seconds; the database remembers for ever."""

    price_ttl_s: int = Field(default=5, ge=1)
    """How old a cached price may be, in seconds."""

    recovery_interval_s: float = Field(default=120, gt=0)
    """How often debts are tried, in seconds."""

    never_arrived_s: float = Field(default=20, ge=1)
    """How long after sending the venue's word that it has no such order is a proof, in seconds; 20 at least, but for
    the devnet: a POST may wait for a rate limit and be under way for 18 s.
    """

    refuel_threshold: Coin = Wei.parse("0.1")
    """Operator wallets below this much native coin are refuelled."""

    refuel_amount: Coin = Wei.parse("2")
    """How much native coin a refuelled wallet gets: a settlement reserves its gas bound while it is pending."""

    refuel_interval_s: float = Field(default=30, gt=0)
    """How often the fleet's gas is looked at, in seconds."""

    shutdown_s: float = Field(default=10, ge=0)
    """How long a stop waits for what is in flight, in seconds; the rest is recovered at the next start."""

    log_format: Literal["text", "json"] = "text"
    """Plain text, or JSON lines."""

    armed: Annotated[str, AfterValidator(_arming)] = ""
    """On a live network nothing is sent unless this says: yes, trade real money."""

    @model_validator(mode="after")
    def _refuse_public_keys_on_a_live_network(self) -> Settings:
        words = " ".join(self.trading_mnemonic.get_secret_value().split())
        if self.chain_id != DEVNET_CHAIN_ID and words == PUBLIC_TEST_MNEMONIC:
            raise ValueError("TRADING_MNEMONIC is the public test mnemonic: everybody has its keys; use your own")
        return self

    @model_validator(mode="after")
    def _refuse_impatience_on_a_live_network(self) -> Settings:
        if self.chain_id != DEVNET_CHAIN_ID and self.never_arrived_s < LONGEST_POST_S:
            raise ValueError(
                f"REMORA_NEVER_ARRIVED_S: expected at least {LONGEST_POST_S}, found {self.never_arrived_s}"
            )
        return self

    @property
    def paper(self) -> bool:
        """Whether decisions are only recorded: everywhere but on the devnet, unless the operator armed remora."""
        return self.chain_id != DEVNET_CHAIN_ID and self.armed != ARMED


S = TypeVar("S", bound=NodeSettings)


def load(kind: type[S], env_file: Path | None = None) -> S:
    """Read settings; Malformed lists every problem, one per line, without showing a secret."""
    if env_file is not None and not env_file.is_file():
        raise Malformed(f"expected an environment file at {env_file}, found none")
    file = env_file if env_file is not None else Path(".env")
    lines = [f"  {name}: expected a known setting, found this name" for name in _unknown(file)]
    try:
        settings = kind(_env_file=file)  # type: ignore[call-arg]  # the environment gives the fields
    except ValidationError as error:
        lines += [f"  {_variable(problem['loc'])}: {_sentence(problem)}" for problem in error.errors()]
        raise _problems(lines) from None
    if lines:
        raise _problems(lines)
    return settings


def _problems(lines: list[str]) -> Malformed:
    return Malformed("\n".join(["the settings have problems:", *lines]))


def _unknown(env_file: Path) -> list[str]:
    """Return the names that look like ours and are none: a misspelt setting must not be ignored in silence."""
    known = {variable(name) for name in Settings.model_fields}
    given = {*os.environ, *(dotenv_values(env_file) if env_file.is_file() else ())}
    return sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return str(Settings.model_fields[field].validation_alias or f"{PREFIX}{field.upper()}")


def _variable(location: tuple[int | str, ...]) -> str:
    if not location:
        return "settings"
    name = str(location[0])
    return variable(name) if name in Settings.model_fields else name


def _sentence(problem: Any) -> str:
    if problem["type"] == "missing":
        return "expected a value, found none"
    return str(problem["msg"]).removeprefix("Value error, ")


def masked(settings: Settings) -> dict[str, str]:
    """Return the settings as texts that can be shown: secrets are masked, URLs keep their host only."""
    shown = {name: str(getattr(settings, name)) for name in type(settings).model_fields}
    shown["rpc_ws_url"] = _host(settings.rpc_ws_url.get_secret_value())
    shown["clob_url"] = _host(settings.clob_url)
    return shown


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + "/…"
