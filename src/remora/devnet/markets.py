"""Opens and resolves binary markets of both generations.

In the older one a market is a condition in ConditionalTokens, which itself computes the two token ids. A standard
market's condition has the devnet's oracle for its own. A neg-risk market is a question of the NegRiskAdapter, which is
its condition's oracle; all questions of one event make one neg-risk market, of which at most one resolves YES
(polymarket.md 1.3). In the newer one ids need no contract: they are put together of the module number, a hash and the
outcome.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.deployment import BINARY_MODULE, NEG_RISK_MODULE
from remora.devnet.endpoints import Contracts, Market, Version
from remora.devnet.generations import condition_bytes
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.domain.errors import Refused
from remora.domain.ids import Address, TokenId
from remora.domain.money import ONE

#: Prepares the conditions and questions, and may resolve them.
ORACLE = scripted(Role.ORACLE).address

#: What a market pays per outcome: YES first.
YES_WINS, NO_WINS, DRAW = (1, 0), (0, 1), (1, 1)

_NATIVE_WEI = 10**22
_OUTCOMES = 2
_YES_SET, _NO_SET = 1, 2
_NO_FEE = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """What a market shall be like; the fields are those of `endpoints.Market`.

    Without `event` it has one of its own, and without a slug the question makes it.
    """

    question: str
    neg_risk: bool = False
    tick_size: str = "0.01"
    min_order_size: str = "5"
    fee_rate: str = "0"
    seconds_delay: int = 0
    refuses_in_body: bool = False
    slug: str = ""
    tags: tuple[str, ...] = ()
    category: str = ""
    ends_s: int = 0
    past_volume: str = "0"
    event: str = ""
    version: Version = "v1"


_KINDS = (
    MarketTerms(question=""),
    MarketTerms(question="", fee_rate="0.05"),
    MarketTerms(question="", neg_risk=True, event="Which remora will find its shark?"),
    MarketTerms(question="", fee_rate="0.07", version="v2"),
    MarketTerms(question="", neg_risk=True, version="v2"),
)


def varied_terms(count: int) -> tuple[MarketTerms, ...]:
    """Return terms for `count` markets, in turn of the kinds that the venue has.

    First the older generation: free of fees, with the fee of sports markets, neg-risk; then the newer one: with the fee
    of crypto markets, neg-risk. The neg-risk ones of the older generation are questions of one event.
    """
    kinds = itertools.cycle(_KINDS)
    return tuple(
        dataclasses.replace(kind, question=f"Will remora {number} find its shark?")
        for number, kind in zip(range(1, count + 1), kinds, strict=False)
    )


def slug_of(title: str) -> str:
    """Return a title as it stands in a URL."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


async def open_market(node: Node, contracts: Contracts, terms: MarketTerms) -> Market:
    """Open a market with the terms; raise `Refused` when ConditionalTokens knows the standard question already."""
    await node.call("anvil_setBalance", ORACLE, hex(_NATIVE_WEI))
    named = dataclasses.replace(terms, event=terms.event or terms.question, slug=terms.slug or slug_of(terms.question))
    identity = _position_ids(named) if named.version == "v2" else await _prepared(node, contracts, named)
    return Market(**dataclasses.asdict(named), **dataclasses.asdict(identity))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """What a market is known by, as `endpoints.Market` tells it."""

    condition_id: str
    yes_token_id: TokenId
    no_token_id: TokenId
    question_id: str
    neg_risk_market_id: str = ""


def _position_ids(terms: MarketTerms) -> _Identity:
    """Return the ids of a market of version "v2", with its condition id padded to 32 bytes.

    A condition id is the module (1 byte), a hash (16), how many conditions its event has (2; none for a binary market),
    ten zero bytes, and which of them it is (2): polymarket.md 1.0. An event of the devnet has one condition.
    """
    module, arity = (NEG_RISK_MODULE, 1) if terms.neg_risk else (BINARY_MODULE, 0)
    question_id = keccak(text=terms.question)
    condition = module.to_bytes(1) + question_id[:16] + arity.to_bytes(2) + bytes(12)
    yes, no = (TokenId(int.from_bytes(condition + outcome.to_bytes(1))) for outcome in range(_OUTCOMES))
    return _Identity(
        condition_id=_hex(condition + bytes(1)), yes_token_id=yes, no_token_id=no, question_id=_hex(question_id)
    )


async def _prepared(node: Node, contracts: Contracts, terms: MarketTerms) -> _Identity:
    """Prepare a condition in ConditionalTokens, or a question of the NegRiskAdapter; return what it is known by."""
    if terms.neg_risk:
        market_id = await _neg_risk_market(node, contracts, terms.event)
        question_id = await _neg_risk_question(node, contracts, market_id, terms.question)
        condition_oracle = Address(contracts.neg_risk_adapter)
    else:
        market_id, question_id, condition_oracle = b"", keccak(text=terms.question), ORACLE
        prepare = calldata("prepareCondition(address,bytes32,uint256)", ORACLE, question_id, _OUTCOMES)
        await _as_oracle(node, contracts.conditional_tokens, prepare)
    ledger = Address(contracts.conditional_tokens)
    condition_id = await node.view(
        ledger, calldata("getConditionId(address,bytes32,uint256)", condition_oracle, question_id, _OUTCOMES)
    )
    asset = Address(contracts.share_collateral_of(neg_risk=terms.neg_risk))
    return _Identity(
        condition_id=_hex(condition_id),
        yes_token_id=await _token_id(node, ledger, asset, condition_id, _YES_SET),
        no_token_id=await _token_id(node, ledger, asset, condition_id, _NO_SET),
        question_id=_hex(question_id),
        neg_risk_market_id=_hex(market_id) if market_id else "",
    )


async def is_open(node: Node, contracts: Contracts, question: str) -> bool:
    """Tell whether a standard market of this question was opened before in ConditionalTokens."""
    ledger = Address(contracts.conditional_tokens)
    condition_id = await node.view(
        ledger, calldata("getConditionId(address,bytes32,uint256)", ORACLE, keccak(text=question), _OUTCOMES)
    )
    return any(await node.view(ledger, calldata("getOutcomeSlotCount(bytes32)", condition_id)))


async def resolve_market(node: Node, contracts: Contracts, market: Market, payouts: tuple[int, int]) -> None:
    """Resolve one market, as `resolve_markets` does."""
    await resolve_markets(node, contracts, [(market, payouts)])


async def resolve_markets(node: Node, contracts: Contracts, results: Iterable[tuple[Market, tuple[int, int]]]) -> None:
    """Resolve markets as their oracle, all in one block, each with the parts of YES and of NO.

    They are `YES_WINS`, `NO_WINS`, or what else a standard market may pay, such as `DRAW`. Raise `Refused` for a market
    that is resolved already, when another question of a neg-risk event has won, or for a neg-risk market that is to pay
    anything but one outcome.
    """
    await transact(node, [_report(contracts, market, payouts) for market, payouts in results])


def _report(contracts: Contracts, market: Market, payouts: tuple[int, int]) -> Act:
    if market.neg_risk and all(payouts):
        raise Refused(f"expected one outcome of the neg-risk market {market.slug} to win, found payouts {payouts}")
    question_id = bytes.fromhex(market.question_id.removeprefix("0x"))
    if market.version == "v2":
        to = contracts.neg_risk_module if market.neg_risk else contracts.binary_module
        yes = payouts[0] * ONE // sum(payouts)
        data = calldata("reportResult(bytes31,uint256[])", condition_bytes(market), [yes, ONE - yes])
    elif market.neg_risk:
        to, data = contracts.neg_risk_adapter, calldata("reportOutcome(bytes32,bool)", question_id, payouts[0] > 0)
    else:
        to = contracts.conditional_tokens
        data = calldata("reportPayouts(bytes32,uint256[])", question_id, list(payouts))
    return Act(sender=ORACLE, to=Address(to), data=data)


async def _neg_risk_market(node: Node, contracts: Contracts, event: str) -> bytes:
    """Return the id of an event's neg-risk market, which is prepared if it was not."""
    adapter, title = Address(contracts.neg_risk_adapter), event.encode()
    digest = keccak(encode(("address", "uint256", "bytes"), (ORACLE, _NO_FEE, title)))
    market_id = digest[:-1] + bytes(1)
    if not any(await node.view(adapter, calldata("getOracle(bytes32)", market_id))):
        await _as_oracle(node, adapter, calldata("prepareMarket(uint256,bytes)", _NO_FEE, title))
    return market_id


async def _neg_risk_question(node: Node, contracts: Contracts, market_id: bytes, question: str) -> bytes:
    adapter = Address(contracts.neg_risk_adapter)
    count = int.from_bytes(await node.view(adapter, calldata("getQuestionCount(bytes32)", market_id)))
    await _as_oracle(node, adapter, calldata("prepareQuestion(bytes32,bytes)", market_id, question.encode()))
    return market_id[:-1] + count.to_bytes(1)


async def _as_oracle(node: Node, contract: str, data: bytes) -> None:
    await transact(node, [Act(sender=ORACLE, to=Address(contract), data=data)])


async def _token_id(node: Node, ledger: Address, asset: Address, condition_id: bytes, index_set: int) -> TokenId:
    collection_id = await node.view(
        ledger, calldata("getCollectionId(bytes32,bytes32,uint256)", bytes(32), condition_id, index_set)
    )
    position_id = await node.view(ledger, calldata("getPositionId(address,bytes32)", asset, collection_id))
    return TokenId(int.from_bytes(position_id))


def _hex(word: bytes) -> str:
    return "0x" + word.hex()
