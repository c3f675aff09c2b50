"""Rules of the devnet's exchange and deposit wallet that the recorded matches do not show."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import boa
import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from polymarket._internal.wallet import wrap_deposit_wallet_session_signer_signature
from polymarket.types import EvmAddress, HexString

from remora.devnet.artifacts import ROOT

DEVNET = ROOT / "contracts" / "devnet"
MARKET_MAKER, TRADER, STRANGER = (Account.from_key(bytes([n]) * 32) for n in (1, 2, 3))
BUY, SELL = 0, 1
EOA, PROXY, SAFE, DEPOSIT_WALLET = range(4)
ORDER_TYPE = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
WRAPPER_TYPE = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
MAGIC, REFUSED = bytes.fromhex("1626ba7e"), bytes.fromhex("ffffffff")

Order = tuple[Any, ...]


def word(value: int | str) -> bytes:
    number = int(value, 16) if isinstance(value, str) else value
    return number.to_bytes(32, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """An exchange of one market, and orders for it."""

    ledgers: Any
    exchange: Any
    wallets: Any
    deposit_wallets: Any
    operator: str
    salts: Any = field(default_factory=itertools.count)

    def order(self, trader: Any, side: int, price: int, **changed: Any) -> Order:
        """An order for a hundred YES at a price in cents, unsigned."""
        shares, cash = 100_000_000, price * 1_000_000
        fields: dict[str, Any] = {
            "salt": next(self.salts),
            "maker": trader.address,
            "signer": trader.address,
            "token_id": self.ledgers.yes,
            "maker_amount": cash if side == BUY else shares,
            "taker_amount": shares if side == BUY else cash,
            "side": side,
            "signature_type": EOA,
            "timestamp": 0,
            "metadata": bytes(32),
            "builder": bytes(32),
            "signature": b"",
        }
        return tuple((fields | changed).values())

    def signed(self, key: Any, order: Order) -> Order:
        signature = Account.unsafe_sign_hash(self.exchange.hashOrder(order), key.key).signature
        return (*order[:-1], bytes(signature))

    def match(self, taker: Order, maker: Order, *, fee: int = 0, sender: str | None = None) -> None:
        """Match two orders, with all that the maker gives and as much as the taker gives for it."""
        condition_id = self.ledgers.condition_id
        making = maker[5] if taker[6] != maker[6] else taker[4]
        self.exchange.matchOrders(
            condition_id, taker, [maker], making, [maker[4]], fee, [0], sender=sender or self.operator
        )

    def nested(self, key: Any, order: Order) -> bytes:
        """The signature of an order of a deposit wallet (polymarket.md 5), by any key."""
        app = keccak(
            keccak(DOMAIN_TYPE)
            + keccak(b"Polymarket CTF Exchange")
            + keccak(b"2")
            + word(boa.env.evm.patch.chain_id)
            + word(self.exchange.address)
        )
        words = (word(part) if isinstance(part, int | str) else part for part in order[:-1])
        contents = keccak(keccak(ORDER_TYPE) + b"".join(words))
        wrapped = keccak(
            keccak(WRAPPER_TYPE + ORDER_TYPE)
            + contents
            + keccak(b"DepositWallet")
            + keccak(b"1")
            + word(boa.env.evm.patch.chain_id)
            + word(order[1])
            + bytes(32)
        )
        signature = Account.unsafe_sign_hash(keccak(b"\x19\x01" + app + wrapped), key.key).signature
        return bytes(signature) + app + contents + ORDER_TYPE + len(ORDER_TYPE).to_bytes(2, "big")


@pytest.fixture(scope="module")
def deployed(deployed_ledgers: Any) -> Iterator[Venue]:
    with boa.env.anchor():
        yield open_venue(deployed_ledgers)


@pytest.fixture
def venue(deployed: Venue) -> Iterator[Venue]:
    with boa.env.anchor():
        yield deployed


def open_venue(ledgers: Any) -> Venue:
    wallets = boa.load(
        DEVNET / "WalletDerivation.vy",
        boa.env.generate_address(),
        b"\x01" * 32,
        boa.env.generate_address(),
        b"\x02" * 32,
    )
    operator = boa.env.generate_address()
    exchange = boa.load(
        DEVNET / "Exchange.vy",
        operator,
        ledgers.collateral,
        ledgers.tokens,
        ledgers.asset,
        ledgers.adapter,
        wallets,
        boa.env.generate_address(),
    )
    venue = Venue(
        ledgers=ledgers,
        exchange=exchange,
        wallets=wallets,
        deposit_wallets=boa.load_partial(DEVNET / "DepositWallet.vy"),
        operator=operator,
    )
    admit(venue, MARKET_MAKER.address)
    return venue


def admit(venue: Venue, wallet: str) -> None:
    venue.ledgers.fund(wallet, collateral=10**9, shares=10**9)
    venue.ledgers.approve(wallet, venue.exchange)


@contextmanager
def refused_with(venue: Venue, error: str) -> Iterator[None]:
    """Expect one of the exchange's errors, four bytes and no more."""
    with pytest.raises(boa.BoaError):
        yield
    assert venue.exchange._computation.output == keccak(text=f"{error}()")[:4]


def test_a_proxy_and_a_safe_trade_by_the_signature_of_their_signer(venue: Venue) -> None:
    proxy = venue.wallets.proxy_wallet(TRADER.address)
    safe = venue.wallets.safe_wallet(TRADER.address)
    admit(venue, proxy)
    admit(venue, safe)
    bid = venue.order(TRADER, BUY, 60, maker=proxy, signature_type=PROXY)
    ask = venue.order(TRADER, SELL, 60, maker=safe, signature_type=SAFE)
    venue.match(venue.signed(TRADER, bid), venue.signed(TRADER, ask))
    assert venue.ledgers.tokens.balanceOf(proxy, venue.ledgers.yes) == 1_100_000_000
    assert venue.ledgers.collateral.balanceOf(safe) == 1_060_000_000


@pytest.mark.parametrize("signature_type", [EOA, PROXY, SAFE, DEPOSIT_WALLET, 4])
def test_nobody_signs_for_another_wallet(venue: Venue, signature_type: int) -> None:
    forged = venue.order(STRANGER, BUY, 60, maker=MARKET_MAKER.address, signature_type=signature_type)
    with refused_with(venue, "InvalidSignature"):
        venue.exchange.validateOrder(venue.signed(STRANGER, forged))


def test_the_zero_address_signs_nothing(venue: Venue) -> None:
    nobody = venue.order(TRADER, BUY, 60, maker="0x" + "00" * 20, signer="0x" + "00" * 20)
    with refused_with(venue, "InvalidSignature"):
        venue.exchange.validateOrder((*nobody[:-1], b"\x01" * 65))


def deposit_wallet(venue: Venue) -> Any:
    wallet = venue.deposit_wallets.deploy(TRADER.address)
    admit(venue, wallet.address)
    return wallet


def bid_of(venue: Venue, wallet: Any) -> Order:
    return venue.order(TRADER, BUY, 60, maker=wallet.address, signer=wallet.address, signature_type=DEPOSIT_WALLET)


def test_a_deposit_wallet_buys_by_its_owners_signature(venue: Venue) -> None:
    wallet = deposit_wallet(venue)
    bid = bid_of(venue, wallet)
    ask = venue.signed(MARKET_MAKER, venue.order(MARKET_MAKER, SELL, 55))
    venue.match((*bid[:-1], venue.nested(TRADER, bid)), ask)
    assert venue.ledgers.tokens.balanceOf(wallet, venue.ledgers.yes) == 1_100_000_000
    assert venue.ledgers.collateral.balanceOf(wallet) == 945_000_000


def test_a_deposit_wallet_refuses_a_stranger(venue: Venue) -> None:
    bid = bid_of(venue, deposit_wallet(venue))
    with refused_with(venue, "InvalidSignature"):
        venue.exchange.validateOrder((*bid[:-1], venue.nested(STRANGER, bid)))


def test_a_signature_for_one_deposit_wallet_is_worth_nothing_to_another_of_its_owner(venue: Venue) -> None:
    wallet, other = deposit_wallet(venue), deposit_wallet(venue)
    bid = bid_of(venue, wallet)
    digest = venue.exchange.hashOrder(bid)
    assert wallet.isValidSignature(digest, venue.nested(TRADER, bid)) == MAGIC
    assert other.isValidSignature(digest, venue.nested(TRADER, bid)) == REFUSED


@pytest.mark.parametrize("length", [0, 1, 65, 130, 131, 200, 316])
def test_a_truncated_signature_is_refused(venue: Venue, length: int) -> None:
    wallet = deposit_wallet(venue)
    bid = bid_of(venue, wallet)
    assert wallet.isValidSignature(venue.exchange.hashOrder(bid), venue.nested(TRADER, bid)[:length]) == REFUSED


def test_a_session_signer_signs_until_its_time_is_up_or_it_is_revoked(venue: Venue) -> None:
    wallet = deposit_wallet(venue)
    bid = bid_of(venue, wallet)
    wrapped = wrap_deposit_wallet_session_signer_signature(
        EvmAddress(STRANGER.address), HexString("0x" + venue.nested(STRANGER, bid).hex())
    )
    digest, signature = venue.exchange.hashOrder(bid), bytes.fromhex(wrapped[2:])
    assert wallet.isValidSignature(digest, signature) == REFUSED
    until = boa.env.timestamp + 100
    wallet.authorizeSessionSigner(STRANGER.address, until, sender=TRADER.address)
    assert wallet.isValidSignature(digest, signature) == MAGIC
    venue.exchange.validateOrder((*bid[:-1], signature))
    with boa.env.anchor():
        boa.env.timestamp = until
        assert wallet.isValidSignature(digest, signature) == REFUSED
    wallet.revokeSessionSigner(STRANGER.address, sender=TRADER.address)
    assert wallet.isValidSignature(digest, signature) == REFUSED


def test_only_the_owner_commands_a_deposit_wallet(venue: Venue) -> None:
    wallet = deposit_wallet(venue)
    for command, arguments in (
        (wallet.authorizeSessionSigner, (STRANGER.address, 2**255)),
        (wallet.revokeSessionSigner, (TRADER.address,)),
    ):
        with boa.reverts("not the owner"):
            command(*arguments, sender=STRANGER.address)


def test_a_preapproved_order_needs_no_signature(venue: Venue) -> None:
    ask = venue.order(MARKET_MAKER, SELL, 55)
    with refused_with(venue, "InvalidSignature"):
        venue.exchange.validateOrder(ask)
    venue.exchange.preapproveOrder(venue.signed(MARKET_MAKER, ask), sender=venue.operator)
    venue.exchange.validateOrder(ask)
    venue.exchange.invalidatePreapprovedOrder(venue.exchange.hashOrder(ask), sender=venue.operator)
    with refused_with(venue, "InvalidSignature"):
        venue.exchange.validateOrder(ask)


def test_a_users_pause_takes_a_hundred_blocks_and_ends_at_once(venue: Venue) -> None:
    ask = venue.signed(MARKET_MAKER, venue.order(MARKET_MAKER, SELL, 55))
    venue.exchange.pauseUser(sender=MARKET_MAKER.address)
    boa.env.time_travel(blocks=99)
    venue.exchange.validateOrder(ask)
    boa.env.time_travel(blocks=1)
    with refused_with(venue, "UserIsPaused"):
        venue.exchange.validateOrder(ask)
    venue.exchange.unpauseUser(sender=MARKET_MAKER.address)
    venue.exchange.validateOrder(ask)


def test_the_admin_appoints_operators(venue: Venue) -> None:
    admit(venue, TRADER.address)
    bid = venue.signed(TRADER, venue.order(TRADER, BUY, 55))
    ask = venue.signed(MARKET_MAKER, venue.order(MARKET_MAKER, SELL, 55))
    with refused_with(venue, "NotAdmin"):
        venue.exchange.addOperator(STRANGER.address, sender=STRANGER.address)
    venue.exchange.addOperator(STRANGER.address, sender=venue.operator)
    venue.match(bid, ask, sender=STRANGER.address)
    venue.exchange.removeOperator(STRANGER.address, sender=venue.operator)
    with refused_with(venue, "NotOperator"):
        venue.match(bid, ask, sender=STRANGER.address)


@pytest.mark.parametrize(("fee", "error"), [(2_750_000, None), (2_750_001, "FeeExceedsMaxRate")])
def test_a_fee_is_at_most_five_per_cent_of_the_cash(venue: Venue, fee: int, error: str | None) -> None:
    # A hundred shares at 55 cents are 55 dollars.
    admit(venue, TRADER.address)
    bid = venue.signed(TRADER, venue.order(TRADER, BUY, 55))
    ask = venue.signed(MARKET_MAKER, venue.order(MARKET_MAKER, SELL, 55))
    with refused_with(venue, error) if error else nullcontext():
        venue.match(bid, ask, fee=fee)


def test_complete_sets_are_redeemed_through_the_adapter(venue: Venue) -> None:
    ledgers = venue.ledgers
    oracle = boa.env.generate_address()
    ledgers.tokens.prepareCondition(oracle, b"\x07" * 32, 2, sender=oracle)
    condition_id = ledgers.tokens.getConditionId(oracle, b"\x07" * 32, 2)
    ledgers.collateral.mint(STRANGER.address, 100)
    ledgers.approve(STRANGER.address, ledgers.adapter)
    ledgers.adapter.splitPosition(ledgers.collateral, bytes(32), condition_id, [1, 2], 100, sender=STRANGER.address)
    ledgers.adapter.mergePositions(ledgers.collateral, bytes(32), condition_id, [1, 2], 40, sender=STRANGER.address)
    assert ledgers.collateral.balanceOf(STRANGER.address) == 40
    ledgers.tokens.reportPayouts(b"\x07" * 32, [1, 0], sender=oracle)
    ledgers.adapter.redeemPositions(ledgers.collateral, bytes(32), condition_id, [1, 2], sender=STRANGER.address)
    assert ledgers.collateral.balanceOf(STRANGER.address) == 100
