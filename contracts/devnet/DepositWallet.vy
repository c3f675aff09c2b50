# pragma version 0.4.3
"""
@title DepositWallet
@license MIT
@notice A devnet's deposit wallet: it holds collateral and shares, and accepts orders that its owner signed, or a
        session signer of the owner (ERC-1271).
@dev    Signatures are nested typed data (ERC-7739): the owner signs the order wrapped in a `TypedDataSign` that names
        this wallet, so a signature for one wallet is worth nothing to another of the same owner. What is passed is
        signature (65) ‖ domain separator of the app (32) ‖ hash of the contents (32) ‖ type of the contents ‖ its
        length (2); by a session signer abi.encode(signer, 0, that) ‖ 16 times 0x6492.
"""

import erc1155_receiver

exports: erc1155_receiver.__interface__


event SessionSignerAuthorized:
    signer: address
    authorizedUntil: uint256

event SessionSignerRevoked:
    signer: address


MAX_SIGNATURE: constant(uint256) = 1024
MAX_NESTED: constant(uint256) = 896  # what is left within a session signer's
MAX_NAME: constant(uint256) = 64

MAGIC: constant(bytes4) = 0x1626ba7e
SESSION_SUFFIX: constant(bytes32) = 0x6492649264926492649264926492649264926492649264926492649264926492

owner: public(address)
sessionSignerAuthorizedUntil: public(HashMap[address, uint256])


@deploy
def __init__(owner: address):
    """
    @notice Obey one owner.
    """
    self.owner = owner


@external
@payable
def __default__():
    """
    @notice Accept the native token.
    """
    pass


@external
def execute(target: address, amount: uint256, data: Bytes[4096]):
    """
    @notice Call any contract as the wallet. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    raw_call(target, data, value=amount)


@external
def authorizeSessionSigner(signer: address, authorizedUntil: uint256):
    """
    @notice Let another key sign until a Unix time in seconds. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.sessionSignerAuthorizedUntil[signer] = authorizedUntil
    log SessionSignerAuthorized(signer=signer, authorizedUntil=authorizedUntil)


@external
def revokeSessionSigner(signer: address):
    """
    @notice Take back `authorizeSessionSigner`. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.sessionSignerAuthorizedUntil[signer] = 0
    log SessionSignerRevoked(signer=signer)


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bytes4:
    """
    @notice Answer 0x1626ba7e if the owner or a session signer signed, 0xffffffff if not.
    """
    accepted: bool = False
    if self._is_session(signature):
        signer: address = empty(address)
        nested: Bytes[MAX_NESTED] = b""
        signer, nested = self._session(signature)
        authorized: bool = block.timestamp < self.sessionSignerAuthorizedUntil[signer]
        accepted = authorized and self._is_nested_signed(signer, digest, nested)
    else:
        accepted = self._is_nested_signed(self.owner, digest, signature)
    return MAGIC if accepted else 0xffffffff


@internal
@pure
def _is_session(signature: Bytes[MAX_SIGNATURE]) -> bool:
    length: uint256 = len(signature)
    return length > 32 and convert(slice(signature, length - 32, 32), bytes32) == SESSION_SUFFIX


@internal
@pure
def _session(signature: Bytes[MAX_SIGNATURE]) -> (address, Bytes[MAX_NESTED]):
    signer: address = empty(address)
    key_id: bytes32 = empty(bytes32)
    nested: Bytes[MAX_NESTED] = b""
    signer, key_id, nested = abi_decode(
        slice(signature, 0, len(signature) - 32), (address, bytes32, Bytes[MAX_NESTED])
    )
    return signer, nested


@internal
@view
def _is_nested_signed(signer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    length: uint256 = len(signature)
    if length < 131:
        return False
    type_length: uint256 = convert(slice(signature, length - 2, 2), uint256)
    if length != 131 + type_length:
        return False
    app_domain: bytes32 = convert(slice(signature, 65, 32), bytes32)
    contents: bytes32 = convert(slice(signature, 97, 32), bytes32)
    if keccak256(concat(x"1901", app_domain, contents)) != digest:
        return False
    contents_type: Bytes[MAX_SIGNATURE] = slice(signature, 129, type_length)
    nested: bytes32 = self._typed_data_sign(contents, contents_type)
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    recovered: address = ecrecover(keccak256(concat(x"1901", app_domain, nested)), v, r, s)
    return recovered != empty(address) and recovered == signer


@internal
@view
def _typed_data_sign(contents: bytes32, contents_type: Bytes[MAX_SIGNATURE]) -> bytes32:
    """
    @dev The hash of the struct that wraps the contents: their type's name goes first, their type last.
    """
    type_hash: bytes32 = keccak256(
        concat(
            b"TypedDataSign(",
            self._type_name(contents_type),
            b" contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)",
            contents_type,
        )
    )
    name: bytes32 = keccak256("DepositWallet")
    version: bytes32 = keccak256("1")
    return keccak256(abi_encode(type_hash, contents, name, version, chain.id, self, empty(bytes32)))


@internal
@pure
def _type_name(contents_type: Bytes[MAX_SIGNATURE]) -> Bytes[MAX_SIGNATURE]:
    for i: uint256 in range(MAX_NAME + 1):
        if slice(contents_type, i, 1) == b"(":
            return slice(contents_type, 0, i)
    return b""
