# pragma version 0.4.3
"""
@title Safe
@license MIT
@notice A devnet's safe: the wallet of one owner, who signs what it shall do. Anybody may hand that in.
@dev    The digest is EIP-712, over a domain without a name (polymarket.md 5). A signature by `eth_sign`, over the digest as
        a message, has 4 added to its v. Each safe is a proxy of this contract, made by its factory. Refunds of gas are
        not made. Reverts are numbered as in the venue's safes.
"""

import erc1155_receiver

exports: erc1155_receiver.__interface__


event ExecutionSuccess:
    txHash: bytes32
    payment: uint256

event ExecutionFailure:
    txHash: bytes32
    payment: uint256


MAX_DATA: constant(uint256) = 16384
CALL: constant(uint8) = 0
DELEGATE_CALL: constant(uint8) = 1
DOMAIN_TYPEHASH: constant(bytes32) = keccak256("EIP712Domain(uint256 chainId,address verifyingContract)")
SAFE_TX_TYPEHASH: constant(bytes32) = keccak256(
    "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)

owner: address
nonce: public(uint256)


@external
def initialize(owner: address):
    """
    @notice Obey one owner. Once.
    """
    assert self.owner == empty(address), "GS200"
    self.owner = owner


@external
@payable
def __default__():
    """
    @notice Accept the native token.
    """
    pass


@external
@view
def isOwner(account: address) -> bool:
    """
    @notice Whether this safe obeys an account.
    """
    return account == self.owner and account != empty(address)


@external
@view
def getOwners() -> DynArray[address, 1]:
    """
    @notice The owner.
    """
    return [self.owner]


@external
@view
def getThreshold() -> uint256:
    """
    @notice How many owners have to sign.
    """
    return 1


@external
@view
def getTransactionHash(
    to: address, amount: uint256, data: Bytes[MAX_DATA], operation: uint8, safeTxGas: uint256, baseGas: uint256,
    gasPrice: uint256, gasToken: address, refundReceiver: address, serial: uint256
) -> bytes32:
    """
    @notice The digest that the owner signs.
    """
    return self._digest(to, amount, keccak256(data), operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, serial)


@external
@payable
def execTransaction(
    to: address, amount: uint256, data: Bytes[MAX_DATA], operation: uint8, safeTxGas: uint256, baseGas: uint256,
    gasPrice: uint256, gasToken: address, refundReceiver: address, signatures: Bytes[65]
) -> bool:
    """
    @notice Make a call (operation 0) or run another contract's code (1) as the safe, once per nonce.
    @dev    A call that reverts reverts this one, unless `safeTxGas` is not zero.
    """
    assert baseGas == 0 and gasPrice == 0, "GS010"
    digest: bytes32 = self._digest(
        to, amount, keccak256(data), operation, safeTxGas, baseGas, gasPrice, gasToken, refundReceiver, self.nonce
    )
    self.nonce += 1
    assert self.owner != empty(address) and self._signer(digest, signatures) == self.owner, "GS026"
    success: bool = False
    if operation == CALL:
        success = raw_call(to, data, value=amount, revert_on_failure=False)
    else:
        assert operation == DELEGATE_CALL, "GS000"
        success = raw_call(to, data, is_delegate_call=True, revert_on_failure=False)
    assert success or safeTxGas != 0, "GS013"
    if success:
        log ExecutionSuccess(txHash=digest, payment=0)
    else:
        log ExecutionFailure(txHash=digest, payment=0)
    return success


@internal
@view
def _digest(
    to: address, amount: uint256, data_hash: bytes32, operation: uint8, safe_tx_gas: uint256, base_gas: uint256,
    gas_price: uint256, gas_token: address, refund_receiver: address, serial: uint256
) -> bytes32:
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPEHASH, chain.id, self))
    contents: bytes32 = keccak256(
        abi_encode(
            SAFE_TX_TYPEHASH, to, amount, data_hash, operation, safe_tx_gas, base_gas, gas_price, gas_token,
            refund_receiver, serial
        )
    )
    return keccak256(concat(x"1901", domain, contents))


@internal
@pure
def _signer(digest: bytes32, signature: Bytes[65]) -> address:
    assert len(signature) == 65, "GS020"
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if v > 30:
        return ecrecover(keccak256(concat(b"\x19Ethereum Signed Message:\n32", digest)), v - 4, r, s)
    return ecrecover(digest, v, r, s)
