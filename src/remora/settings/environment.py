"""The one reader of the environment: `TRADING_MNEMONIC`, `REMORA_*`, and an .env file that holds the same names.

All problems are reported together, each with its variable, what was expected and what was found. Secrets print masked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from remora.domain.contracts import SHARE_COLLATERALS
from remora.domain.errors import Malformed
from remora.domain.floats import FloatBounds
from remora.domain.ids import Address, address, word
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Wei
from remora.domain.wallets import POLYGON_FACTORIES, WalletFactories
from remora.settings.listening import listen_address, refuse_weak_token

PREFIX = "REMORA_"
DEVNET_CHAIN_ID = 31337
WEI_PER_GWEI = 10**9
LEAST_TIP_GWEI = 25
"""Polygon's nodes take no transaction that offers less above the base fee (polymarket.md 6)."""
MOST_WALLETS = 1000
PUBLIC_TEST_MNEMONIC = "test test test test test test test test test test test junk"
ONE_OF_COLLATERAL = Collateral(ONE)
LONGEST_POST_S = 25
"""Longer than an order may wait for the signer's limit, for the IP's, and for the venue's answer together."""
ARMED = "yes, trade real money"
"""What REMORA_ARMED must say before an order leaves for a live network."""


def _wrap(error: Malformed) -> ValueError:
    return ValueError(str(error))


def _address(text: str) -> Address:
    try:
        return address(text)
    except Malformed as error:
        raise _wrap(error) from None


def _address_or_none(text: str) -> str:
    return _address(text) if text else text


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


def _money(raw: Any) -> Collateral:
    if isinstance(raw, Collateral):
        return raw
    try:
        amount = Collateral.parse(str(raw))
    except Malformed as error:
        raise _wrap(error) from None
    if amount < ZERO_COLLATERAL:
        raise ValueError(f"expected an amount of at least 0, found {amount}")
    return amount


def _money_or_none(raw: Any) -> Collateral | None:
    return None if raw in {None, ""} else _money(raw)


def _websocket_urls(urls: SecretStr) -> SecretStr:
    schemes = [urlsplit(url).scheme for url in split_urls(urls)]
    if not schemes or not {"ws", "wss"}.issuperset(schemes):
        raise ValueError(
            "expected WebSocket endpoints, ws:// or wss://: fills are heard by subscription, "
            "and mempool detection needs a WebSocket endpoint"
        )
    return urls


def split_urls(urls: SecretStr) -> tuple[str, ...]:
    """Return the URLs of a comma-separated list."""
    return tuple(url.strip() for url in urls.get_secret_value().split(",") if url.strip())


def _http_url(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError("expected an http:// or https:// URL")
    return url.rstrip("/")


def _http_url_or_none(url: str) -> str:
    return _http_url(url) if url else url


def _websocket_url_or_none(url: str) -> str:
    if url and urlsplit(url).scheme not in {"ws", "wss"}:
        raise ValueError("expected a ws:// or wss:// URL")
    return url


def _listens(text: str) -> str:
    return listen_address(text) if text else text


def _token(token: SecretStr | None) -> SecretStr | None:
    if token is None or not token.get_secret_value():
        return None
    refuse_weak_token(token.get_secret_value())
    return token


def _arming(words: str) -> str:
    if words not in {"", ARMED}:
        raise ValueError(f"expected the words {ARMED!r}, or nothing, found other words")
    return words


def _word(text: str) -> str:
    try:
        return word(text)
    except Malformed as error:
        raise _wrap(error) from None


def refuse_public(words: str, source: str, chain_id: int) -> None:
    """Raise Malformed when a mnemonic that everybody has would be used on a live network."""
    if chain_id != DEVNET_CHAIN_ID and " ".join(words.lower().split()) == PUBLIC_TEST_MNEMONIC:
        raise Malformed(f"{source} is the public test mnemonic: everybody has its keys; use your own")


def _path_or_none(raw: Any) -> Any:
    return raw or None


AddressField = Annotated[str, AfterValidator(_address)]
AddressList = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)]
FileField = Annotated[Path | None, BeforeValidator(_path_or_none)]
Coin = Annotated[Wei, NoDecode, BeforeValidator(_coin)]
Money = Annotated[Collateral, NoDecode, BeforeValidator(_money)]
MoneyOrNone = Annotated[Collateral | None, NoDecode, BeforeValidator(_money_or_none)]


class _Environment(BaseSettings):
    """How fields are read: field `rpc_ws_url` from `REMORA_RPC_WS_URL`, and so on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
    )


class NodeSettings(_Environment):
    """What reading the chain needs."""

    rpc_ws_url: Annotated[SecretStr, AfterValidator(_websocket_urls)]
    """The nodes' WebSocket endpoints, comma-separated, the preferred one first. Secret, because providers put their key
    into it.
    """


class StoreSettings(_Environment):
    """What reading the database needs."""

    database: Path = Path("remora.db")
    """The database file."""


class ContractSettings(_Environment):
    """The venue's contracts, and ours."""

    exchange: AddressField
    """The standard exchange, whose domain orders of ordinary markets are signed for."""

    neg_risk_exchange: AddressField
    """The neg-risk exchange."""

    exchange_v3: AddressField
    """The exchange of generation V3, whose domain orders of markets on the position manager are signed for."""

    extra_exchanges: AddressList = ()
    """Further exchanges whose fills are heard, comma-separated."""

    conditional_tokens: AddressField
    """The position ledger (ERC-1155) of the standard and the neg-risk exchange."""

    position_manager: AddressField
    """The position ledger (ERC-1155) of the exchange V3."""

    share_collaterals: AddressList = SHARE_COLLATERALS
    """What the ledger of the standard and the neg-risk exchange holds for shares, comma-separated: by it one tells
    which outcome a token is, and so what it pays once its market is resolved.
    """

    extra_ledgers: AddressList = ()
    """Further position ledgers whose transfers are heard, comma-separated."""

    collateral: AddressField
    """The collateral token (ERC-20, 6 decimals)."""

    price_feed: Annotated[str, AfterValidator(_address_or_none)] = ""
    """A contract that tells the collateral's price as Chainlink's feeds do (`latestRoundData`, `decimals`). Empty: the
    price is unknown, and a policy that stops at a depeg denies.
    """

    clearinghouse: AddressField
    """The Clearinghouse that followers approve."""


class HistorySettings(_Environment):
    """Where the venue tells everybody's trades."""

    data_url: Annotated[str, AfterValidator(_http_url_or_none)] = ""
    """The venue's public history of trades (Data API): what nodes tell of leaders is checked against it, and it stands
    in for them while none answers. Empty: it is not asked.
    """


class WalletSettings(_Environment):
    """Who makes the wallets of the venue's accounts."""

    proxy_factory: AddressField = POLYGON_FACTORIES.proxy_factory
    """The factory of proxy wallets: with it one tells which wallets belong to a login key."""

    proxy_implementation: AddressField = POLYGON_FACTORIES.proxy_implementation
    """The contract whose code proxy wallets run."""

    safe_factory: AddressField = POLYGON_FACTORIES.safe_factory
    """The factory of safes."""

    safe_code_hash: Annotated[str, AfterValidator(_word)] = "0x" + POLYGON_FACTORIES.safe_code_hash.hex()
    """The hash of the creation code of safes."""

    deposit_wallet_factory: AddressField = POLYGON_FACTORIES.deposit_wallet_factory
    """The factory of deposit wallets."""

    deposit_wallet_beacon: AddressField = POLYGON_FACTORIES.deposit_wallet_beacon
    """The beacon that tells deposit wallets whose code they run."""

    deposit_wallet_implementation: AddressField = str(POLYGON_FACTORIES.deposit_wallet_implementation)
    """The contract whose code the older deposit wallets run, which have no beacon."""

    @property
    def wallet_factories(self) -> WalletFactories:
        """The factories in one."""
        return WalletFactories(
            proxy_factory=Address(self.proxy_factory),
            proxy_implementation=Address(self.proxy_implementation),
            safe_factory=Address(self.safe_factory),
            safe_code_hash=bytes.fromhex(self.safe_code_hash[2:]),
            deposit_wallet_factory=Address(self.deposit_wallet_factory),
            deposit_wallet_beacon=Address(self.deposit_wallet_beacon),
            deposit_wallet_implementation=Address(self.deposit_wallet_implementation),
        )


class LeaderSettings(WalletSettings, HistorySettings, ContractSettings, StoreSettings):
    """What taking up a leader needs."""


class KeySettings(_Environment):
    """Where the fleet's keys come from: one of three places, and which of them are used."""

    trading_mnemonic: SecretStr = Field(default=SecretStr(""), validation_alias="TRADING_MNEMONIC")
    """The mnemonic that the fleet and the treasury are derived from; or one of the two that follow is set."""

    mnemonic_file: FileField = None
    """A file that holds the mnemonic and that only its owner may read."""

    keystore: FileField = Field(default=None, validate_default=True)
    """A file that holds the mnemonic encrypted, as `remora keys init` makes it."""

    fleet_size: int = Field(default=20, ge=1, le=MOST_WALLETS)
    """How many operator wallets the fleet has, unless `remora fleet resize` says another number."""

    fleet_start_index: int = Field(default=0, ge=0)
    """The derivation index of the first one. Services that share a mnemonic begin far enough apart for each to grow."""

    @field_validator("keystore")
    @classmethod
    def _expect_one_source(cls, keystore: Path | None, earlier: ValidationInfo) -> Path | None:
        words: SecretStr = earlier.data.get("trading_mnemonic", SecretStr(""))
        given = {
            "TRADING_MNEMONIC": words.get_secret_value().strip(),
            "REMORA_MNEMONIC_FILE": earlier.data.get("mnemonic_file"),
            "REMORA_KEYSTORE": keystore,
        }
        found = [name for name, value in given.items() if value]
        if len(found) != 1:
            raise ValueError(f"expected one of {', '.join(given)}, found {' and '.join(found) or 'none'}")
        return keystore


class FloatSettings(StoreSettings):
    """How float is spread over operator wallets and treasury."""

    float_floor: MoneyOrNone = None
    """An operator wallet with less free float is topped up from the treasury. Floor, target and ceiling are set
    together; without them float moves on request only (`remora fleet rebalance`).
    """

    float_target: MoneyOrNone = None
    """How much free float a wallet has that was topped up or drawn from."""

    float_ceiling: MoneyOrNone = None
    """An operator wallet with more free float sends what is above the target to the treasury."""

    treasury_reserve: Money = ZERO_COLLATERAL
    """How much collateral stays in the treasury, whatever the wallets lack."""

    rebalance_interval_s: float = Field(default=60, gt=0)
    """How often the fleet's float is looked at, in seconds."""

    @model_validator(mode="after")
    def _expect_bounds_apart(self) -> Self:
        found = [self.float_floor, self.float_target, self.float_ceiling]
        given = [bound for bound in found if bound is not None]
        if given and not (len(given) == len(found) and given[0] < given[1] < given[2]):
            shown = ", ".join("none" if bound is None else str(bound) for bound in found)
            raise ValueError(
                "REMORA_FLOAT_FLOOR, REMORA_FLOAT_TARGET, REMORA_FLOAT_CEILING:"
                f" expected none of them, or each above the one before, found {shown}"
            )
        return self

    @property
    def float_bounds(self) -> FloatBounds | None:
        """The bounds of each wallet's float, None when they are not set."""
        if self.float_floor is None or self.float_target is None or self.float_ceiling is None:
            return None
        return FloatBounds(floor=self.float_floor, target=self.float_target, ceiling=self.float_ceiling)


class Settings(LeaderSettings, NodeSettings, FloatSettings, KeySettings):
    """Everything that an operator can set."""

    clob_url: Annotated[str, AfterValidator(_http_url)]
    """The order book's REST endpoint."""

    chain_id: int = Field(gt=0)
    """The chain that the node must be on; orders are signed for it."""

    policies: Path | None = None
    """A policy file that replaces all rules in the database at each start; without one, the database's are in force."""

    low_float: Money = ONE_OF_COLLATERAL
    """Operator wallets with less free float than this are shown as low: 1 is the least that an order spends."""

    followers_per_order: int = Field(default=25, ge=1, le=80)
    """How many followers share one block order at most."""

    second_try_s: float | None = Field(default=None, ge=0, le=60)
    """After so many seconds an order of which the book had only a part, or nothing, is tried once more for the rest: at
    the same limit, while its signal is young enough, and if somebody is there. Without it: never.
    """

    dedup_s: int = Field(default=60, ge=1)
    """How long an event is remembered in memory, in seconds; the database remembers for ever."""

    reorg_depth: int = Field(default=10, ge=0, le=128)
    """How many blocks behind the head a restart begins to read: what a reorganisation may have changed meanwhile."""

    price_ttl_s: int = Field(default=5, ge=1)
    """How old a cached price may be, in seconds."""

    recovery_interval_s: float = Field(default=120, gt=0)
    """How often debts are tried, in seconds."""

    debt_limit: Money = ZERO_COLLATERAL
    """How much a follower may owe and still enter, in collateral; exits are always followed."""

    debt_sell_after_s: int = Field(default=0, ge=0)
    """How long a follower may owe before the shares that are held for the debt are sold, in seconds; 0 never sells."""

    audit_interval_s: float = Field(default=600, gt=0)
    """How often ledger, venue and chain are compared, in seconds."""

    never_arrived_s: float = Field(default=LONGEST_POST_S, ge=1)
    """How long after sending the venue's word that it has no such order is a proof, in seconds; 25 at least, but for
    the devnet: a POST may wait 5 s for each of two rate limits and be under way for 13 s.
    """

    refuel_threshold: Coin = Wei.parse("0.1")
    """Operator wallets below this much native coin are refuelled."""

    refuel_amount: Coin = Wei.parse("2")
    """How much native coin a refuelled wallet gets: a settlement reserves its gas bound while it is pending, and has as
    few followers as the wallet can reserve that for.
    """

    treasury_low: Coin = Wei.parse("10")
    """A treasury with less than this much native coin is an alarm, long before it cannot refuel."""

    refuel_interval_s: float = Field(default=30, gt=0)
    """How often the fleet's gas is looked at, in seconds."""

    replace_after_blocks: int = Field(default=5, ge=1)
    """After so many blocks a transaction that is its wallet's next is replaced: the next pays a fifth more."""

    max_gas_price_gwei: int = Field(default=1_000, ge=1)
    """The most that any transaction offers per gas, in 10^-9 of the native coin; one stuck there is an alarm."""

    shutdown_s: float = Field(default=10, ge=0)
    """How long a stop waits for what is in flight, in seconds; the rest is recovered at the next start."""

    mempool: Literal["off", "full", "alchemy"] = "off"
    """Experimental: hear leaders' fills before a block has them. `full` takes all pending transactions of the node,
    `alchemy` those to the exchanges, from that provider; a WebSocket endpoint is needed.
    """

    market_ws_url: Annotated[str, AfterValidator(_websocket_url_or_none)] = ""
    """The order book's public WebSocket (market channel), where the prices of tokens in play are heard. Empty: they are
    asked for over REST.
    """

    gamma_url: Annotated[str, AfterValidator(_http_url_or_none)] = ""
    """The venue's catalogue of markets (Gamma): what a policy filters by, such as category, volume and end. Empty: it
    is not asked, and a filter on what only it knows denies.
    """

    poll_s: int = Field(default=15, ge=1)
    """How often each leader's public history is read, in seconds; a round over n leaders takes n / 10 seconds at least,
    for the venue's limit.
    """

    api: Annotated[str, AfterValidator(_listens)] = ""
    """Serve the HTTP API on this port of this machine, or on HOST:PORT."""

    api_token: Annotated[SecretStr | None, AfterValidator(_token)] = None
    """What callers of the HTTP API must show, as a bearer token."""

    log_format: Literal["text", "json"] = "text"
    """Plain text, or JSON lines."""

    armed: Annotated[str, AfterValidator(_arming)] = ""
    """On a live network nothing is sent unless this says: yes, trade real money."""

    @model_validator(mode="after")
    def _refuse_public_keys_on_a_live_network(self) -> Settings:
        try:
            refuse_public(self.trading_mnemonic.get_secret_value(), "TRADING_MNEMONIC", self.chain_id)
        except Malformed as error:
            raise _wrap(error) from None
        return self

    @model_validator(mode="after")
    def _refuse_impatience_on_a_live_network(self) -> Settings:
        if self.chain_id != DEVNET_CHAIN_ID and self.never_arrived_s < LONGEST_POST_S:
            raise ValueError(
                f"REMORA_NEVER_ARRIVED_S: expected at least {LONGEST_POST_S}, found {self.never_arrived_s}"
            )
        return self

    @model_validator(mode="after")
    def _refuse_fees_that_no_node_takes(self) -> Settings:
        if self.chain_id != DEVNET_CHAIN_ID and self.max_gas_price_gwei <= LEAST_TIP_GWEI:
            raise ValueError(
                f"REMORA_MAX_GAS_PRICE_GWEI: expected more than {LEAST_TIP_GWEI}, the least tip that nodes take,"
                f" found {self.max_gas_price_gwei}"
            )
        return self

    @model_validator(mode="after")
    def _refuse_an_api_for_everybody(self) -> Settings:
        if self.api and self.api_token is None:
            raise ValueError("REMORA_API_TOKEN: expected one with REMORA_API, found none")
        return self

    def with_mnemonic(self, words: str) -> Settings:
        """Return the same settings with a mnemonic, from wherever it came."""
        return self.model_copy(update={"trading_mnemonic": SecretStr(words)})

    @property
    def max_fee(self) -> Wei:
        """The most that any transaction offers per gas."""
        return Wei(self.max_gas_price_gwei * WEI_PER_GWEI)

    @property
    def paper(self) -> bool:
        """Whether decisions are only recorded: everywhere but on the devnet, unless the operator armed remora."""
        return self.chain_id != DEVNET_CHAIN_ID and self.armed != ARMED


S = TypeVar("S", bound=_Environment)


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
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    shown = {name: _text(value) for name, value in values.items()}
    shown["rpc_ws_url"] = ", ".join(map(_host, split_urls(settings.rpc_ws_url)))
    shown["clob_url"] = _host(settings.clob_url)
    for name in ("data_url", "gamma_url", "market_ws_url"):
        shown[name] = _host(shown[name]) if shown[name] else ""
    return shown


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + "/…"
