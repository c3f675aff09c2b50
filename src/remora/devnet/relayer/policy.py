"""What the relayer carries: calls to the venue's contracts, approvals of the venue's contracts, the owner's transfers.

A wallet's contract lets a session key call anything but the wallet; that a session key cannot withdraw is the
relayer's policy (polymarket.md 5).
"""

from __future__ import annotations

from eth_utils.abi import function_signature_to_4byte_selector

from remora.devnet.endpoints import Contracts
from remora.devnet.relayer.requests import Batch, Call
from remora.domain.ids import ZERO_ADDRESS

_APPROVALS = frozenset(
    map(function_signature_to_4byte_selector, ("approve(address,uint256)", "setApprovalForAll(address,bool)"))
)
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
_SESSION_MARK = bytes.fromhex("6492" * 16)


class Policy:
    """Tells which batches are carried."""

    def __init__(self, contracts: Contracts) -> None:
        self._tokens = frozenset((contracts.collateral, contracts.conditional_tokens))
        self._adapters = frozenset((contracts.collateral_adapter, contracts.neg_risk_adapter))
        exchanges = frozenset((contracts.exchange, contracts.neg_risk_exchange))
        # The SDK also approves what a devnet lacks, and has it at the zero address.
        self._spenders = self._adapters | exchanges | {ZERO_ADDRESS}

    def allows(self, batch: Batch) -> bool:
        """Tell whether every call of a batch is one that the relayer makes for who signed it."""
        by_session = batch.signature.endswith(_SESSION_MARK)
        return all(self._allows(call, by_session=by_session) for call in batch.calls)

    def _allows(self, call: Call, *, by_session: bool) -> bool:
        selector = call.data[:4]
        if call.value or call.target not in self._tokens | self._adapters:
            return False
        if selector in _APPROVALS:
            return "0x" + call.data[16:36].hex() in self._spenders
        return not (by_session and selector in _WITHDRAWALS)
