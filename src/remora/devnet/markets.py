"""Opens binary markets: a condition in ConditionalTokens, whose two token ids the contract itself computes."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from eth_utils.crypto import keccak

from remora.devnet.abi import calldata
from remora.devnet.accounts import Role, scripted
from remora.devnet.endpoints import Contracts, Market
from remora.devnet.rpc import Node
from remora.devnet.transactions import Act, transact
from remora.domain.ids import Address, TokenId

#: Prepares the conditions, and may resolve them.
ORACLE = scripted(Role.ORACLE).address

_NATIVE_WEI = 10**22
_OUTCOMES = 2
_YES_SET, _NO_SET = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """What a market shall be like; the fields are those of `endpoints.Market`."""

    question: str
    neg_risk: bool = False
    tick_size: str = "0.01"
    min_order_size: str = "5"
    fee_rate: str = "0"
    seconds_delay: int = 0
    refuses_in_body: bool = False


def varied_terms(count: int) -> tuple[MarketTerms, ...]:
    """Return terms for `count` markets, in turn free of fees, with the fee of sports markets, and neg-risk."""
    kinds = itertools.cycle((("0", False), ("0.05", False), ("0", True)))
    return tuple(
        MarketTerms(question=f"Will remora {number} find its shark?", fee_rate=fee_rate, neg_risk=neg_risk)
        for number, (fee_rate, neg_risk) in zip(range(1, count + 1), kinds, strict=False)
    )


async def open_market(node: Node, contracts: Contracts, terms: MarketTerms) -> Market:
    """Prepare a condition for the terms; raise `Refused` when the same question was opened before."""
    ledger, question_id = Address(contracts.conditional_tokens), keccak(text=terms.question)
    prepare = calldata("prepareCondition(address,bytes32,uint256)", ORACLE, question_id, _OUTCOMES)
    await node.call("anvil_setBalance", ORACLE, hex(_NATIVE_WEI))
    await transact(node, [Act(sender=ORACLE, to=ledger, data=prepare)])
    condition_id = await node.view(
        ledger, calldata("getConditionId(address,bytes32,uint256)", ORACLE, question_id, _OUTCOMES)
    )
    adapter = contracts.neg_risk_adapter if terms.neg_risk else contracts.collateral_adapter
    return Market(
        condition_id="0x" + condition_id.hex(),
        question=terms.question,
        slug="-".join(re.findall(r"[a-z0-9]+", terms.question.lower())),
        yes_token_id=await _token_id(node, ledger, Address(adapter), condition_id, _YES_SET),
        no_token_id=await _token_id(node, ledger, Address(adapter), condition_id, _NO_SET),
        neg_risk=terms.neg_risk,
        tick_size=terms.tick_size,
        min_order_size=terms.min_order_size,
        fee_rate=terms.fee_rate,
        seconds_delay=terms.seconds_delay,
        refuses_in_body=terms.refuses_in_body,
    )


async def _token_id(node: Node, ledger: Address, adapter: Address, condition_id: bytes, index_set: int) -> TokenId:
    asset = await node.view(adapter, calldata("ASSET()"))
    collection_id = await node.view(
        ledger, calldata("getCollectionId(bytes32,bytes32,uint256)", bytes(32), condition_id, index_set)
    )
    position_id = await node.view(ledger, calldata("getPositionId(address,bytes32)", asset[12:], collection_id))
    return TokenId(int.from_bytes(position_id))
