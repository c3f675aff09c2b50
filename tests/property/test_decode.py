"""Laws of the decoder: it slices what the ABI encodes, never raises, and what it derives conserves shares and money."""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from remora.detect.decode import decode_fill, exact_fills, sum_by_order
from remora.detect.explain import explain
from remora.detect.transfers import decode_transfer
from remora.domain import contracts
from remora.domain.chain import Log
from remora.domain.contracts import POLYGON, STANDARD_EXCHANGE, STANDARD_EXCHANGE_V1
from remora.domain.ids import Address, TxHash
from remora.domain.signal import Fill, Role, Side

TX = TxHash("0x" + 64 * "9")
YES, NO = 11, 12

words = st.integers(0, 2**256 - 1)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex()))
hashes = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
amounts = st.integers(0, 10**12)


def padded(party: Address) -> str:
    return "0x" + party[2:].rjust(64, "0")


@given(
    order_hash=hashes, wallet=addresses, taker=addresses, side=st.integers(0, 1), token=words, making=words,
    taking=words, fee=words, builder=st.binary(min_size=32, max_size=32), metadata=st.binary(min_size=32, max_size=32),
)  # fmt: skip
def test_v2_words_are_what_the_abi_encodes(
    *, order_hash: str, wallet: Address, taker: Address, side: int, token: int, making: int, taking: int, fee: int,
    builder: bytes, metadata: bytes,
) -> None:  # fmt: skip
    log = Log(
        address=STANDARD_EXCHANGE,
        topics=(contracts.ORDER_FILLED, order_hash, padded(wallet), padded(taker)),
        data=encode(
            ["uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32"],
            [side, token, making, taking, fee, builder, metadata],
        ),
    )
    fill = decode_fill(log, POLYGON.exchanges)
    assert fill is not None
    given_units, got_units = fill.collateral.units, fill.shares.units
    assert (given_units, got_units) == ((making, taking) if side == 0 else (taking, making))
    assert (fill.side, fill.token_id, fill.fee.units) == ((Side.BUY, Side.SELL)[side], token, fee)
    assert (fill.order_hash, fill.wallet, fill.counterparty) == (order_hash, wallet, taker)


@given(buys=st.booleans(), token=st.integers(1, 2**256 - 1), making=words, taking=words, fee=words)
def test_v1_words_are_what_the_abi_encodes(*, buys: bool, token: int, making: int, taking: int, fee: int) -> None:
    assets = (0, token) if buys else (token, 0)
    log = Log(
        address=STANDARD_EXCHANGE_V1,
        topics=(contracts.ORDER_FILLED_V1, "0x" + 64 * "1", "0x" + 64 * "0", padded(STANDARD_EXCHANGE_V1)),
        data=encode(["uint256"] * 5, [*assets, making, taking, fee]),
    )
    fill = decode_fill(log, POLYGON.exchanges)
    assert fill is not None
    assert (fill.side is Side.BUY, fill.token_id, fill.fee.units) == (buys, token, fee)
    assert (fill.collateral.units, fill.shares.units) == ((making, taking) if buys else (taking, making))


@given(parties=st.tuples(addresses, addresses, addresses), values=st.lists(st.tuples(words, words), max_size=5))
def test_batches_are_what_the_abi_encodes(
    parties: tuple[Address, Address, Address], values: list[tuple[int, int]]
) -> None:
    log = Log(
        address=contracts.CONDITIONAL_TOKENS,
        topics=(contracts.TRANSFER_BATCH, *map(padded, parties)),
        data=encode(["uint256[]", "uint256[]"], [[token for token, _ in values], [amount for _, amount in values]]),
    )
    transfer = decode_transfer(log)
    assert transfer is not None
    assert (transfer.operator, transfer.sender, transfer.receiver) == parties
    assert transfer.amounts == tuple(amount for _, amount in values)


known_topics = st.sampled_from(
    [value for name, value in vars(contracts).items() if name.isupper() and len(str(value)) == 66]
)
known_addresses = st.sampled_from(sorted(POLYGON.exchanges | POLYGON.ledgers | POLYGON.adapters))
party_topics = st.one_of(hashes, st.one_of(addresses, known_addresses).map(padded))
noise = st.builds(
    Log,
    address=st.one_of(addresses, known_addresses),
    topics=st.one_of(
        st.lists(hashes, max_size=5).map(tuple),
        st.tuples(known_topics, party_topics, party_topics, party_topics),
        st.tuples(known_topics, party_topics),
    ),
    data=st.one_of(st.binary(max_size=300), st.sampled_from([64, 160, 224]).map(bytes)),
    tx_hash=st.sampled_from([None, TX]),
    log_index=st.one_of(st.none(), st.integers(0, 5)),
    removed=st.booleans(),
)


@given(logs=st.lists(noise, max_size=8), wallet=addresses, complete=st.booleans())
def test_nothing_raises_and_every_log_gets_a_row(logs: list[Log], wallet: Address, *, complete: bool) -> None:
    seen = explain(logs, wallet, POLYGON, complete=complete)
    assert len(seen.fills) + len(seen.ignored) == len(logs)
    fills = exact_fills(logs, POLYGON.exchanges, complete=complete)
    summed = sum_by_order(fills)
    assert sum(fill.shares.units for fill in summed) == sum(fill.shares.units for fill in fills)
    assert all(str(fill.price) for fill in summed)


@dataclass(frozen=True, kw_only=True)
class MakerFill:
    same_side: bool
    collateral: int
    extra_shares: int

    @property
    def shares(self) -> int:
        return self.collateral + self.extra_shares  # a price is at most 1


@dataclass(frozen=True, kw_only=True)
class Match:
    taker_side: Side
    makers: list[MakerFill]
    unused: int

    def logs(self, log_index: int) -> list[Log]:
        """The logs of the match, the taker's with what was pulled from it, some of which is refunded."""
        makers = [
            self._log(position, self._side(maker), NO if maker.same_side else YES, maker.shares, maker.collateral)
            for position, maker in enumerate(self.makers)
        ]
        shares = sum(maker.shares for maker in self.makers)
        collateral = sum(maker.extra_shares if maker.same_side else maker.collateral for maker in self.makers)
        if self.taker_side is Side.BUY:
            collateral += self.unused
        else:
            shares += self.unused
        taker = self._log(len(makers), self.taker_side, YES, shares, collateral, taker=True)
        return [
            Log(address=log.address, topics=log.topics, data=log.data, tx_hash=TX, log_index=log_index + position)
            for position, log in enumerate([*makers, taker])
        ]

    def _side(self, maker: MakerFill) -> Side:
        opposite = Side.SELL if self.taker_side is Side.BUY else Side.BUY
        return self.taker_side if maker.same_side else opposite

    def _log(self, number: int, side: Side, token: int, shares: int, collateral: int, *, taker: bool = False) -> Log:
        buys = side is Side.BUY
        making, taking = (collateral, shares) if buys else (shares, collateral)
        owner, other = Address(f"0x{number + 1:040x}"), Address("0x" + 40 * "f")
        parties = (other, STANDARD_EXCHANGE) if taker else (owner, other)
        return Log(
            address=STANDARD_EXCHANGE,
            topics=(contracts.ORDER_FILLED, f"0x{number:064x}", *map(padded, parties)),
            data=encode(["uint256"] * 7, [0 if buys else 1, token, making, taking, 0, 0, 0]),
        )


maker_fills = st.builds(MakerFill, same_side=st.booleans(), collateral=amounts, extra_shares=amounts)
matches = st.builds(
    Match,
    taker_side=st.sampled_from(Side),
    makers=st.lists(maker_fills, min_size=1, max_size=5),
    unused=amounts,
)


def signed(fill: Fill, units: int) -> int:
    return units if fill.side is Side.BUY else -units


@given(first=matches, second=matches, complete=st.booleans())
def test_exact_fills_conserve_shares_and_collateral(first: Match, second: Match, *, complete: bool) -> None:
    """What is minted is one collateral unit for a share of each outcome; else all shares and money change hands."""
    logs = first.logs(0)
    logs += second.logs(len(logs))
    fills = exact_fills(logs, POLYGON.exchanges, complete=complete)
    assert len(fills) == len(logs)
    minted = sum(
        maker.shares if match.taker_side is Side.BUY else -maker.shares
        for match in (first, second)
        for maker in match.makers
        if maker.same_side
    )
    for token in (YES, NO):
        assert sum(signed(fill, fill.shares.units) for fill in fills if fill.token_id == token) == minted
    assert sum(signed(fill, fill.collateral.units) for fill in fills) == minted


@given(match=matches)
def test_derived_amounts_never_exceed_the_logged_ones(match: Match) -> None:
    logs = match.logs(0)
    logged = decode_fill(logs[-1], POLYGON.exchanges)
    exact = exact_fills(logs, POLYGON.exchanges, complete=True)[-1]
    assert logged is not None
    assert exact.role is Role.TAKER
    refunds = (
        logged.collateral.units - exact.collateral.units,
        logged.shares.units - exact.shares.units,
    )
    assert refunds == ((match.unused, 0) if match.taker_side is Side.BUY else (0, match.unused))
