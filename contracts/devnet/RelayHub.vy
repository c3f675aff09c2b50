# pragma version 0.4.3
"""
@title RelayHub
@license MIT
@notice Calls contracts for accounts that signed what shall be called, and by which relay; the account's address is appended
        to the calldata. A call that reverts does not revert the transaction: its status tells.
@dev    Signed is, as a message: keccak-256 of "rlx:" ‖ account ‖ target ‖ calldata ‖ fee ‖ gas price ‖ gas limit ‖ nonce ‖
        hub ‖ relay, addresses in 20 bytes and numbers in 32. Nobody is charged.
"""

event TransactionRelayed:
    relay: indexed(address)
    sender: indexed(address)
    to: indexed(address)
    selector: bytes4
    status: uint8
    charge: uint256


MAX_DATA: constant(uint256) = 16384
OK: constant(uint8) = 0
CALL_FAILED: constant(uint8) = 1

nonces: HashMap[address, uint256]


@external
@view
def getNonce(account: address) -> uint256:
    """
    @notice The nonce that an account's next call needs.
    """
    return self.nonces[account]


@external
def relayCall(
    account: address, to: address, data: Bytes[MAX_DATA], fee: uint256, gasPrice: uint256, gasLimit: uint256,
    nonce: uint256, signature: Bytes[65], approval: Bytes[32]
):
    """
    @notice Make one call for an account, by the relay that it named.
    """
    digest: bytes32 = keccak256(
        concat(
            b"rlx:", self._short(account), self._short(to), data, convert(fee, bytes32), convert(gasPrice, bytes32),
            convert(gasLimit, bytes32), convert(nonce, bytes32), self._short(self), self._short(msg.sender)
        )
    )
    assert self._signer(digest, signature) == account and account != empty(address), "wrong signature"
    assert nonce == self.nonces[account], "wrong nonce"
    self.nonces[account] += 1
    success: bool = raw_call(to, concat(data, self._short(account)), gas=gasLimit, revert_on_failure=False)
    log TransactionRelayed(
        relay=msg.sender,
        sender=account,
        to=to,
        selector=convert(slice(data, 0, 4), bytes4),
        status=OK if success else CALL_FAILED,
        charge=0,
    )


@internal
@pure
def _short(account: address) -> Bytes[20]:
    return slice(convert(account, bytes32), 12, 20)


@internal
@pure
def _signer(digest: bytes32, signature: Bytes[65]) -> address:
    assert len(signature) == 65, "wrong signature"
    return ecrecover(
        keccak256(concat(b"\x19Ethereum Signed Message:\n32", digest)),
        convert(slice(signature, 64, 1), uint256),
        convert(slice(signature, 0, 32), uint256),
        convert(slice(signature, 32, 32), uint256),
    )
