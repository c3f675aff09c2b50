"""The devnet's exchange against what the venue's did: recorded calldata, byte for byte, at the recorded addresses.

`cases.json` holds matches with their receipts, `reverts.json` calldata that was refused, `non_trades.json` uses of the
adapters. What was not recorded is put in place as directly as possible: the outcome slots of a condition whose question
is unknown, and the wallets of two signers whose factories are unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from boa.util.abi import Address
from eth_abi.abi import decode
from eth_keys.datatypes import Signature
from eth_utils.crypto import keccak

from remora.devnet.artifacts import ROOT

DEVNET = ROOT / "contracts" / "devnet"
RECORDED = ROOT / "tests" / "fixtures" / "exchange_v2"


def recorded(name: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in json.loads((RECORDED / name).read_text())}


WHERE = json.loads((RECORDED / "deployment.json").read_text())
CASES, REVERTS, NON_TRADES = (recorded(f"{kind}.json") for kind in ("cases", "reverts", "non_trades"))

ORDER = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
MATCH_ORDERS = ("bytes32", ORDER, f"{ORDER}[]", "uint256", "uint256[]", "uint256", "uint256[]")
PAYOUT_NUMERATORS_SLOT = 3  # of ConditionalTokens
PLENTY = 10**16

RECORDED_WALLETS = """
proxy_wallet: public(HashMap[address, address])
safe_wallet: public(HashMap[address, address])

@external
def record(signer: address, wallet: address):
    self.proxy_wallet[signer] = wallet
    self.safe_wallet[signer] = wallet
"""


@dataclass(frozen=True, slots=True)
class Log:
    """What a log says, whatever its place in a block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One exchange with the token under its outcome shares."""

    exchange: Any
    adapter: Any
    asset: Any
    condition_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """The recorded deployment, made of our contracts."""

    collateral: Any
    conditional_tokens: Any
    tokens: Any
    wallets: Any
    deposit_wallets: Any
    markets: dict[str, Market]

    def fund(self, market: Market, wallet: str, collateral: int, shares: dict[int, int]) -> None:
        """Raise a wallet's balances to these, and let the exchange move them."""
        self.collateral.mint(wallet, collateral - self.collateral.balanceOf(wallet))
        for token_id, amount in shares.items():
            self.conditional_tokens.set_shares(self.tokens, wallet, token_id, amount)
        for spender in (market.exchange, market.adapter):
            self.collateral.approve(spender, 2**256 - 1, sender=wallet)
            self.tokens.setApprovalForAll(spender, True, sender=wallet)
        market.asset.approve(self.tokens, 2**256 - 1, sender=wallet)

    def admit_wallets(self, calldata: str) -> None:
        """Put the contract wallets of a match in place."""
        for order in orders_of(calldata):
            _, maker, signer, *_ = order
            match order[7]:
                case 1 | 2:
                    self.wallets.record(signer, maker)
                case 3:
                    owner = deposit_wallet_owner(order)
                    self.deposit_wallets.deploy(owner, override_address=Address(maker))


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def orders_of(calldata: str) -> list[tuple[Any, ...]]:
    _, taker, makers, *_ = decode(MATCH_ORDERS, bytes.fromhex(calldata[10:]))
    return [taker, *makers]


def deposit_wallet_owner(order: tuple[Any, ...]) -> str:
    """Recover who signed the nested typed data (polymarket.md 5) for the wallet that made the order."""
    signature: bytes = order[11]
    app_domain, contents, contents_type = signature[65:97], signature[97:129], signature[129:-2]
    wrapper = (
        b"TypedDataSign(Order contents,string name,string version,uint256 chainId,"
        b"address verifyingContract,bytes32 salt)"
    )
    nested = keccak(
        keccak(wrapper + contents_type)
        + contents
        + keccak(text="DepositWallet")
        + keccak(text="1")
        + word(WHERE["chain_id"])
        + bytes.fromhex(order[1][2:]).rjust(32, b"\0")
        + bytes(32)
    )
    digest = keccak(b"\x19\x01" + app_domain + nested)
    signed = Signature(signature[:64] + bytes([signature[64] - 27]))
    return str(signed.recover_public_key_from_msg_hash(digest).to_checksum_address())


def load(name: str, *arguments: Any, at: str) -> Any:
    """Deploy a contract of the devnet at the address recorded under a key."""
    return boa.load(DEVNET / f"{name}.vy", *arguments, override_address=Address(WHERE[at]))


def deploy_standard(collateral: Any, asset: Any, tokens: Any, wallets: Any) -> Market:
    asset.mint(tokens, PLENTY)  # behind the shares
    adapter = load("CollateralAdapter", collateral, asset, tokens, at="adapter")
    return deploy_exchange((collateral, tokens, asset, adapter), wallets, at="standard_exchange", condition="std")


def deploy_neg_risk(collateral: Any, asset: Any, tokens: Any, wallets: Any) -> Market:
    wrapped = load("WrappedCollateral", asset, at="wcol")
    asset.mint(wrapped, PLENTY)  # behind the wrapped collateral
    wrapped.mint(PLENTY)
    wrapped.transfer(tokens, PLENTY)  # behind the shares
    inner = load("NegRiskAdapter", tokens, asset, wrapped, WHERE["fee_receiver"], at="neg_risk_adapter")
    wrapped.give(inner)
    adapter = load("NegRiskCollateralAdapter", collateral, asset, tokens, inner, at="neg_risk_ctf_adapter")
    return deploy_exchange((collateral, tokens, wrapped, adapter), wallets, at="neg_risk_exchange", condition="nr")


def deploy_exchange(parts: tuple[Any, Any, Any, Any], wallets: Any, *, at: str, condition: str) -> Market:
    """Deploy an exchange over collateral, shares, what these are made of, and an adapter; its condition is prepared."""
    _, tokens, asset, adapter = parts
    condition_id = bytes.fromhex(WHERE["condition"][condition][2:])
    slot = keccak(condition_id + word(PAYOUT_NUMERATORS_SLOT))
    boa.env.set_storage(tokens.address, int.from_bytes(slot, "big"), 2)
    exchange = load("Exchange", WHERE["operator"], *parts, wallets, WHERE["fee_receiver"], at=at)
    return Market(exchange=exchange, adapter=adapter, asset=asset, condition_id=condition_id)


@pytest.fixture(scope="module")
def deployed(conditional_tokens: Any) -> Iterator[Replica]:
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = WHERE["chain_id"]
        tokens = conditional_tokens.deploy(Address(WHERE["ctf"]))
        source = DEVNET / "Collateral.vy"
        collateral = boa.load(source, "Collateral", "C", override_address=Address(WHERE["pusd"]))
        wallets = boa.loads(RECORDED_WALLETS)
        asset = boa.load(source, "Asset", "A", override_address=Address(WHERE["usdce"]))
        asset.mint(collateral, PLENTY)
        collateral.add_asset(asset)
        yield Replica(
            collateral=collateral,
            conditional_tokens=conditional_tokens,
            tokens=tokens,
            wallets=wallets,
            deposit_wallets=boa.load_partial(DEVNET / "DepositWallet.vy"),
            markets={
                "standard": deploy_standard(collateral, asset, tokens, wallets),
                "neg_risk": deploy_neg_risk(collateral, asset, tokens, wallets),
            },
        )


@pytest.fixture
def replica(deployed: Replica) -> Iterator[Replica]:
    with boa.env.anchor():
        yield deployed


def send(call: dict[str, Any], sender: str) -> Any:
    return boa.env.execute_code(to_address=call["to"], sender=Address(sender), data=bytes.fromhex(call["calldata"][2:]))


def run(call: dict[str, Any], sender: str) -> list[Log]:
    computation = send(call, sender)
    assert not computation.is_error, computation.output
    return [
        Log(address, tuple(word(topic) for topic in topics), data)
        for _, address, topics, data in computation.get_raw_log_entries()
    ]


def recorded_logs(case: dict[str, Any]) -> list[Log]:
    return [
        Log(
            bytes.fromhex(log["address"][2:]),
            tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
            bytes.fromhex(log["data"][2:]),
        )
        for log in case["receipt"]["logs"]
    ]


def fund_as_before(replica: Replica, case: dict[str, Any]) -> None:
    market = replica.markets[case["exchange_kind"]]
    for wallet, balances in case["balances"].items():
        shares = {
            int(token_id): int(balances[key][0])
            for token_id, key in zip(case["token_ids"], ("token0", "token1"), strict=True)
        }
        replica.fund(market, wallet, int(balances["collateral"][0]), shares)


def balances_after(replica: Replica, case: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """The recorded balances with what the chain says in the place of "after"."""
    zero, one = (int(token_id) for token_id in case["token_ids"])
    return {
        wallet: {
            "collateral": [before["collateral"][0], str(replica.collateral.balanceOf(wallet))],
            "token0": [before["token0"][0], str(replica.tokens.balanceOf(wallet, zero))],
            "token1": [before["token1"][0], str(replica.tokens.balanceOf(wallet, one))],
        }
        for wallet, before in case["balances"].items()
    }


def statuses(replica: Replica, case: dict[str, Any]) -> dict[str, list[Any]]:
    exchange = replica.markets[case["exchange_kind"]].exchange
    found = {key: exchange.getOrderStatus(bytes.fromhex(key[2:])) for key in case["order_status"]}
    return {key: [status.filled, str(status.remaining)] for key, status in found.items()}


def predecessor(case: dict[str, Any]) -> dict[str, Any] | None:
    """Find the recorded match that left an order of this one partly filled."""
    filled = {key: status["before"] for key, status in case["order_status"].items()}
    for order_hash, before in filled.items():
        for earlier in CASES.values() if before != [False, "0"] else ():
            if earlier["order_status"].get(order_hash, {}).get("after") == before:
                return earlier
    return None


def replay(replica: Replica, case: dict[str, Any]) -> list[Log]:
    if (earlier := predecessor(case)) is not None:
        replay(replica, earlier)
    replica.admit_wallets(case["calldata"])
    fund_as_before(replica, case)
    assert statuses(replica, case) == {key: value["before"] for key, value in case["order_status"].items()}
    return run(case, WHERE["operator"])


def emitted_by(logs: list[Log], *addresses: str) -> list[Log]:
    wanted = {bytes.fromhex(address[2:]) for address in addresses}
    return [log for log in logs if log.address in wanted]


def without_asset(logs: list[Log]) -> list[Log]:
    """Every log but those of the asset under the collateral, of which the venue keeps its reserve in a vault."""
    return [log for log in logs if log.address != bytes.fromhex(WHERE["usdce"][2:])]


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_match_ends_as_recorded(replica: Replica, name: str) -> None:
    case = CASES[name]
    logs, expected = replay(replica, case), recorded_logs(case)
    assert balances_after(replica, case) == case["balances"]
    assert statuses(replica, case) == {key: value["after"] for key, value in case["order_status"].items()}
    assert emitted_by(logs, case["to"]) == emitted_by(expected, case["to"])
    assert without_asset(logs) == without_asset(expected)


def meet_precondition(replica: Replica, name: str) -> None:
    """Bring about what a recorded refusal needs and its calldata does not tell."""
    exchange = replica.markets["standard"].exchange
    taker = orders_of(REVERTS[name]["calldata"])[0][1]
    match name:
        case "already_filled":
            run(REVERTS[name], WHERE["operator"])
        case "fee_gt_proceeds_maker_sell_uncapped" | "fee_gt_proceeds_taker_sell_uncapped":
            exchange.setMaxFeeRate(0, sender=WHERE["operator"])
        case "paused_user_after_100_blocks":
            exchange.pauseUser(sender=taker)
            boa.env.time_travel(blocks=100)
        case "trading_paused":
            exchange.pauseTrading(sender=WHERE["operator"])


@pytest.mark.parametrize("name", REVERTS)
def test_recorded_calldata_is_refused_with_the_recorded_error(replica: Replica, name: str) -> None:
    call = REVERTS[name]
    market = replica.markets["standard"]
    token_ids = [int(token_id) for token_id in WHERE["tokens"]["std"]]
    for order in orders_of(call["calldata"]):
        replica.fund(market, order[1], 10**10, dict.fromkeys(token_ids, 10**10))
    meet_precondition(replica, name)
    computation = send(call, call["from"])
    assert computation.is_error
    assert "0x" + computation.output.hex() == call["selector"]


@pytest.mark.parametrize("name", ["u01_adapter_split", "u07_negrisk_adapter_split"])
def test_a_recorded_split_by_an_adapter_ends_as_recorded(replica: Replica, name: str) -> None:
    case = NON_TRADES[name]
    fund_as_before(replica, case)
    logs = run(case, case["receipt"]["from"])
    assert balances_after(replica, case) == case["balances"]
    assert without_asset(logs) == without_asset(recorded_logs(case))


@pytest.mark.parametrize("name", ["c05_buy_vs_3_sells_fees_all", "s03_deposit_taker_sell_merge_safe_maker"])
def test_the_hash_of_an_order_is_its_recorded_id(replica: Replica, name: str) -> None:
    case = CASES[name]
    replica.admit_wallets(case["calldata"])
    exchange = replica.markets["standard"].exchange
    for order in orders_of(case["calldata"]):
        exchange.validateOrder(order)
    hashes = {"0x" + exchange.hashOrder(order).hex() for order in orders_of(case["calldata"])}
    assert hashes == set(case["order_status"])
