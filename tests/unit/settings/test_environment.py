"""The environment: every problem at once, nothing ignored, no secret shown, and real money only on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora.domain.errors import Malformed
from remora.domain.money import Collateral, Wei
from remora.settings.environment import (
    ARMED,
    DEVNET_CHAIN_ID,
    PUBLIC_TEST_MNEMONIC,
    NodeSettings,
    Settings,
    load,
    masked,
    split_urls,
    variable,
)
from tests.unit.settings.conftest import COMPLETE, KEY, WORDS, Environment

NO_WEBSOCKET = (
    "expected WebSocket endpoints, ws:// or wss://: fills are heard by subscription, "
    "and mempool detection needs a WebSocket endpoint"
)


def problems(kind: type[NodeSettings] = Settings, env_file: Path | None = None) -> list[str]:
    with pytest.raises(Malformed) as refused:
        load(kind, env_file)
    heading, *lines = str(refused.value).splitlines()
    assert heading == "the settings have problems:"
    assert KEY not in str(refused.value)
    assert "winner" not in str(refused.value)
    return sorted(line.strip() for line in lines)


def test_what_is_set_is_read(environment: Environment) -> None:
    environment(
        REMORA_EXTRA_EXCHANGES="0x" + 40 * "A" + ", 0x" + 40 * "b",
        REMORA_REFUEL_THRESHOLD="0.25",
        REMORA_DEBT_LIMIT="2.5",
        REMORA_FLEET_SIZE="3",
        REMORA_DATABASE="books/remora.db",
    )
    settings = load(Settings)
    assert settings.trading_mnemonic.get_secret_value() == WORDS
    assert settings.rpc_ws_url.get_secret_value().endswith(KEY)
    assert settings.clob_url == "https://clob.example"
    assert settings.chain_id == 137
    assert settings.exchange == "0xe111180000d2663c0091e4f400237545b87b996b"  # canonical
    assert settings.extra_exchanges == ("0x" + 40 * "a", "0x" + 40 * "b")
    assert settings.extra_ledgers == ()
    assert settings.refuel_threshold == Wei(250_000_000_000_000_000)
    assert settings.debt_limit == Collateral(2_500_000)
    assert settings.fleet_size == 3
    assert settings.database == Path("books/remora.db")


def test_all_problems_are_reported_together(environment: Environment) -> None:
    environment(
        REMORA_RPC_WS_URL=f"https://polygon.example/{KEY}",
        REMORA_CLOB_URL="clob.example",
        REMORA_CHAIN_ID="polygon",
        REMORA_EXCHANGE="0xE1",
        REMORA_COLLATERAL=None,
        REMORA_FLEET_SIZE="0",
        REMORA_REFUEL_AMOUNT="0.5 POL",
        REMORA_EXTRA_LEDGERS="0x" + 40 * "a" + ",0x1",
        REMORA_ARMED="yes",
        REMORA_LOG_FORMAT="xml",
        REMORA_CLEARING_HOUSE="0x" + 40 * "c",
    )
    assert problems() == [
        f"REMORA_ARMED: expected the words {ARMED!r}, or nothing, found other words",
        "REMORA_CHAIN_ID: Input should be a valid integer, unable to parse string as an integer",
        "REMORA_CLEARING_HOUSE: expected a known setting, found this name",
        "REMORA_CLOB_URL: expected an http:// or https:// URL",
        "REMORA_COLLATERAL: expected a value, found none",
        "REMORA_EXCHANGE: expected an address of 0x and 40 hex digits, found '0xE1'",
        "REMORA_EXTRA_LEDGERS: expected an address of 0x and 40 hex digits, found '0x1'",
        "REMORA_FLEET_SIZE: Input should be greater than or equal to 1",
        "REMORA_LOG_FORMAT: Input should be 'text' or 'json'",
        "REMORA_REFUEL_AMOUNT: expected a decimal number, found '0.5 POL'",
        f"REMORA_RPC_WS_URL: {NO_WEBSOCKET}",
    ]


def test_nothing_set_names_everything_that_is_needed(environment: Environment) -> None:
    environment(**dict.fromkeys(COMPLETE))
    others = [f"{name}: expected a value, found none" for name in COMPLETE if name != "TRADING_MNEMONIC"]
    assert problems() == sorted([*others, SOURCES + "none"])


@pytest.mark.parametrize(
    "name", ["REMORA_POLICY", "REMORA_", "remora_fleet_sise", "Remora_Exchanges", "REMORA_TRADING_MNEMONIC"]
)
def test_a_misspelt_name_is_refused(environment: Environment, name: str) -> None:
    environment(**{name: "1"})
    assert problems() == [f"{name}: expected a known setting, found this name"]


def test_a_misspelt_name_in_the_file_is_refused(environment: Environment, tmp_path: Path) -> None:
    environment(**dict.fromkeys(COMPLETE))
    file = tmp_path / "remora.env"
    file.write_text("".join(f'{name}="{value}"\n' for name, value in COMPLETE.items()) + "REMORA_FLEETSIZE=5\n")
    assert problems(env_file=file) == ["REMORA_FLEETSIZE: expected a known setting, found this name"]


def test_the_file_is_read_and_the_environment_wins(environment: Environment, tmp_path: Path) -> None:
    environment(**dict.fromkeys(COMPLETE), REMORA_FLEET_SIZE="7")
    lines = [f'{name}="{value}"' for name, value in COMPLETE.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "REMORA_FLEET_SIZE=5", "REMORA_DEDUP_S=30", "OTHER=1"]))
    settings = load(Settings)
    assert (settings.fleet_size, settings.dedup_s, settings.chain_id) == (7, 30, 137)


def test_a_file_that_was_named_must_be_there(environment: Environment, tmp_path: Path) -> None:
    environment()
    with pytest.raises(Malformed, match=r"expected an environment file at .*nowhere\.env, found none"):
        load(Settings, tmp_path / "nowhere.env")


def test_reading_the_chain_needs_only_the_node(environment: Environment) -> None:
    environment(**{**dict.fromkeys(COMPLETE), "REMORA_RPC_WS_URL": "ws://127.0.0.1:8545"})
    assert load(NodeSettings).rpc_ws_url.get_secret_value() == "ws://127.0.0.1:8545"
    assert len(problems(Settings)) == len(COMPLETE) - 1


def test_several_nodes_are_a_list_and_each_must_be_a_websocket(environment: Environment) -> None:
    urls = (f"wss://one.example/{KEY}", "ws://127.0.0.1:8545")
    environment(REMORA_RPC_WS_URL=" , ".join(urls))
    settings = load(Settings)
    assert split_urls(settings.rpc_ws_url) == urls
    assert masked(settings)["rpc_ws_url"] == "wss://one.example/…, ws://127.0.0.1:8545/…"
    environment(REMORA_RPC_WS_URL=f"wss://one.example/{KEY},https://two.example")
    (problem,) = problems(Settings)
    assert "expected WebSocket endpoints" in problem
    assert "mempool detection needs a WebSocket endpoint" in problem
    assert KEY not in problem


def test_a_setting_of_the_supervisor_is_no_misspelling_to_others(environment: Environment) -> None:
    environment(REMORA_FLEET_SIZE="5")
    assert load(NodeSettings).rpc_ws_url.get_secret_value().endswith(KEY)


@pytest.mark.parametrize(
    ("given", "read", "shown"),
    [
        (None, "", ""),
        ("", "", ""),
        (f"https://data.example/{KEY}/", f"https://data.example/{KEY}", "https://data.example/…"),
    ],
)
def test_the_public_history_is_left_alone_unless_it_is_set(
    environment: Environment, given: str | None, read: str, shown: str
) -> None:
    environment(REMORA_DATA_URL=given)
    settings = load(Settings)
    assert (settings.data_url, masked(settings)["data_url"]) == (read, shown)


@pytest.mark.parametrize("wrong", [{"REMORA_DATA_URL": "data.example"}, {"REMORA_POLL_S": "0"}])
def test_a_public_history_that_cannot_be_polled_is_refused(environment: Environment, wrong: dict[str, str]) -> None:
    environment(**wrong)
    with pytest.raises(Malformed, match=next(iter(wrong))):
        load(Settings)


def test_secrets_are_not_shown(environment: Environment) -> None:
    environment(REMORA_CLOB_URL=f"https://user:{KEY}@clob.example:8443/path?key={KEY}")
    settings = load(Settings)
    shown = masked(settings)
    assert shown.keys() == set(Settings.model_fields)
    assert shown["rpc_ws_url"] == "wss://polygon.example:8443/…"
    assert shown["clob_url"] == "https://clob.example:8443/…"
    assert shown["trading_mnemonic"] == "**********"
    assert KEY not in str(shown)
    assert "winner" not in str(shown)


@pytest.mark.parametrize("show", [repr, str, Settings.model_dump, Settings.model_dump_json])
def test_no_form_of_the_settings_shows_a_secret(environment: Environment, show: object) -> None:
    environment()
    assert callable(show)
    shown = str(show(load(Settings)))
    assert "chain_id" in shown
    assert KEY not in shown
    assert "winner" not in shown


def test_an_amount_of_coins_is_read_to_the_last_decimal(environment: Environment) -> None:
    environment(REMORA_REFUEL_AMOUNT="12.345678901234567891")  # no float keeps it
    assert load(Settings).refuel_amount == Wei(12_345_678_901_234_567_891)


def test_settings_are_frozen(environment: Environment) -> None:
    environment()
    settings = load(Settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.chain_id = 1


@pytest.mark.parametrize("words", [PUBLIC_TEST_MNEMONIC, f"  {PUBLIC_TEST_MNEMONIC.replace(' ', '   ')}\t"])
def test_the_public_keys_are_refused_where_money_is_real(environment: Environment, words: str) -> None:
    environment(TRADING_MNEMONIC=words)
    assert problems() == [
        "settings: TRADING_MNEMONIC is the public test mnemonic: everybody has its keys; use your own"
    ]
    environment(TRADING_MNEMONIC=words, REMORA_CHAIN_ID=str(DEVNET_CHAIN_ID))
    assert load(Settings).trading_mnemonic.get_secret_value() == words


SOURCES = "REMORA_KEYSTORE: expected one of TRADING_MNEMONIC, REMORA_MNEMONIC_FILE, REMORA_KEYSTORE, found "


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"TRADING_MNEMONIC": None}, "none"),
        ({"TRADING_MNEMONIC": " ", "REMORA_KEYSTORE": ""}, "none"),
        ({"REMORA_KEYSTORE": "keys.json"}, "TRADING_MNEMONIC and REMORA_KEYSTORE"),
        (
            {"TRADING_MNEMONIC": None, "REMORA_MNEMONIC_FILE": "words", "REMORA_KEYSTORE": "keys.json"},
            "REMORA_MNEMONIC_FILE and REMORA_KEYSTORE",
        ),
    ],
)
def test_keys_come_from_one_place(environment: Environment, given: dict[str, str | None], found: str) -> None:
    environment(**given)
    assert problems() == [SOURCES + found]


@pytest.mark.parametrize("name", ["REMORA_MNEMONIC_FILE", "REMORA_KEYSTORE"])
def test_a_file_can_hold_the_keys(environment: Environment, name: str) -> None:
    environment(**{"TRADING_MNEMONIC": None, name: "keys"})
    settings = load(Settings)
    assert Path("keys") in {settings.mnemonic_file, settings.keystore}


@pytest.mark.parametrize(
    ("chain_id", "armed", "paper"),
    [
        (137, None, True),
        (137, "", True),
        (137, ARMED, False),
        (80002, None, True),
        (DEVNET_CHAIN_ID, None, False),
        (DEVNET_CHAIN_ID, ARMED, False),
    ],
)
def test_paper_unless_armed(environment: Environment, chain_id: int, armed: str | None, paper: bool) -> None:
    environment(REMORA_CHAIN_ID=str(chain_id), REMORA_ARMED=armed)
    assert load(Settings).paper is paper


@pytest.mark.parametrize("words", ["yes", "true", "1", ARMED.upper(), f"{ARMED} "])
def test_other_words_arm_nothing_and_are_refused(environment: Environment, words: str) -> None:
    environment(REMORA_ARMED=words)
    assert problems() == [f"REMORA_ARMED: expected the words {ARMED!r}, or nothing, found other words"]


def test_a_live_network_needs_patience(environment: Environment) -> None:
    environment(REMORA_NEVER_ARRIVED_S="24")
    assert problems() == ["settings: REMORA_NEVER_ARRIVED_S: expected at least 25, found 24.0"]
    environment(REMORA_NEVER_ARRIVED_S="2", REMORA_CHAIN_ID=str(DEVNET_CHAIN_ID))
    assert load(Settings).never_arrived_s == 2


def test_a_live_network_takes_nothing_below_its_least_tip(environment: Environment) -> None:
    environment(REMORA_MAX_GAS_PRICE_GWEI="25")
    assert problems() == [
        "settings: REMORA_MAX_GAS_PRICE_GWEI: expected more than 25, the least tip that nodes take, found 25"
    ]
    environment(REMORA_MAX_GAS_PRICE_GWEI="26")
    assert load(Settings).max_fee == Wei(26 * 10**9)
    environment(REMORA_MAX_GAS_PRICE_GWEI="1", REMORA_CHAIN_ID=str(DEVNET_CHAIN_ID))
    assert load(Settings).max_fee == Wei(10**9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMORA_CHAIN_ID", "0"),
        ("REMORA_FLEET_SIZE", "1001"),
        ("REMORA_FLEET_SIZE", "2.5"),
        ("REMORA_FLEET_START_INDEX", "-1"),
        ("REMORA_FOLLOWERS_PER_ORDER", "81"),
        ("REMORA_PRICE_TTL_S", "0"),
        ("REMORA_DEDUP_S", "0"),
        ("REMORA_RECOVERY_INTERVAL_S", "0"),
        ("REMORA_RECOVERY_INTERVAL_S", "nan"),
        ("REMORA_SHUTDOWN_S", "-1"),
        ("REMORA_REFUEL_THRESHOLD", "-0.1"),
        ("REMORA_DEBT_LIMIT", "-1"),
        ("REMORA_DEBT_LIMIT", "1.0000001"),
        ("REMORA_REFUEL_AMOUNT", "0.0000000000000000001"),
    ],
)
def test_a_figure_out_of_range_is_refused(environment: Environment, name: str, value: str) -> None:
    environment(**{name: value})
    (problem,) = problems()
    assert problem.startswith(f"{name}: ")


def test_each_field_has_a_variable_and_a_meaning() -> None:
    assert variable("trading_mnemonic") == "TRADING_MNEMONIC"
    assert variable("rpc_ws_url") == "REMORA_RPC_WS_URL"
    assert all(field.description for field in Settings.model_fields.values())
