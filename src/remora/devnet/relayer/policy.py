"""What the relayer carries: calls to the venue's contracts, unlimited approvals of them, the owner's transfers.

A wallet's contract lets a session key call anything but the wallet; that a session key cannot withdraw is the
relayer's policy (polymarket.md 5).
"""

from __future__ import annotations

from eth_utils.abi import function_signature_to_4byte_selector

from remora.devnet.abi import MAX_UINT256
from remora.devnet.endpoints import Contracts
from remora.devnet.generations import exchange_versions
from remora.devnet.relayer.batches import Batch, Call
from remora.domain.ids import ZERO_ADDRESS

_APPROVE = function_signature_to_4byte_selector("approve(address,uint256)")
_APPROVE_ALL = function_signature_to_4byte_selector("setApprovalForAll(address,bool)")
_WITHDRAWALS = frozenset(
    map(
        function_signature_to_4byte_selector,
        (
            "transfer(address,uint256)",
            "transferFrom(address,address,uint256)",
            "safeTransferFrom(address,address,uint256,uint256,bytes)",
            "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        ),
    )
)


class Policy:
    """Tells which batches are carried."""

    def __init__(self, contracts: Contracts) -> None:
        tokens = frozenset((contracts.collateral, contracts.conditional_tokens, contracts.position_manager))
        adapters = frozenset((contracts.collateral_adapter, contracts.neg_risk_collateral_adapter, contracts.router))
        others = frozenset((contracts.binary_module, contracts.neg_risk_module, contracts.auto_redeemer, ZERO_ADDRESS))
        self._targets = tokens | adapters
        # The SDK also approves what a devnet lacks, and has it at the zero address.
        self._spenders = adapters | exchange_versions(contracts).keys() | others

    def objection(self, batch: Batch) -> str | None:
        """Return why a batch is not carried for who signed it, if so."""
        objections = (self._objection(call, by_session=batch.by_session) for call in batch.calls)
        return next((objection for objection in objections if objection), None)

    def _objection(self, call: Call, *, by_session: bool) -> str | None:
        selector = call.data[:4]
        if call.value:
            return "value is not relayed"
        if call.target not in self._targets:
            return f"unlisted target {call.target}"
        if selector in (_APPROVE, _APPROVE_ALL) and "0x" + call.data[16:36].hex() not in self._spenders:
            return "unlisted spender"
        if selector == _APPROVE and int.from_bytes(call.data[36:68]) != MAX_UINT256:
            return "approvals must be MaxUint256"
        return "a session signer does not withdraw" if by_session and selector in _WITHDRAWALS else None
