# pragma version 0.4.3
"""
@title DepositWallet
@license MIT
@notice A devnet's deposit wallet: it holds collateral and shares, accepts orders that its owner signed, or a session
        signer of the owner (ERC-1271), and executes batches of calls that they signed and its factory hands in.
@dev    Orders' signatures are nested typed data (ERC-7739): the owner signs the order wrapped in a `TypedDataSign` that names
        this wallet, so a signature for one wallet is worth nothing to another of the same owner. What is passed is
        signature (65) ‖ domain separator of the app (32) ‖ hash of the contents (32) ‖ type of the contents ‖ its
        length (2). A batch is signed as it is. By a session signer: abi.encode(signer, 0, that) ‖ 16 times 0x6492.
"""

import batches
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
factory: public(address)
nonce: public(uint256)
sessionSignerAuthorizedUntil: public(HashMap[address, uint256])


@deploy
def __init__(owner: address):
    """
    @notice Obey one owner. Proxies of this contract have an owner each.
    """
    self.owner = owner


@external
def initialize(owner: address):
    """
    @notice Obey one owner and serve the factory that calls. Once.
    """
    assert self.owner == empty(address), "initialized"
    self.owner = owner
    self.factory = msg.sender


@external
@payable
def __default__():
    """
    @notice Accept the native token.
    """
    pass


@external
def execute(batch: batches.Batch, signature: Bytes[MAX_SIGNATURE]):
    """
    @notice Make calls as the wallet, all or none. Factory only. A session signer may not call the wallet itself.
    """
    assert msg.sender == self.factory, "not the factory"
    assert batch.wallet == self and len(batch.calls) > 0, "not for this wallet"
    assert batch.nonce == self.nonce, "wrong nonce"
    assert block.timestamp <= batch.deadline, "too late"
    digest: bytes32 = batches.hash_of(batch)
    by_session: bool = self._is_session(signature)
    if by_session:
        assert self._is_by_session(digest, signature, False), "not signed"
    else:
        assert self._is_signed(self.owner, digest, signature), "not signed"
    self.nonce += 1
    for call: batches.Call in batch.calls:
        assert not by_session or (call.target != self and call.target != self.factory), "not the owner"
        raw_call(call.target, call.data, value=call.value)


@external
def authorizeSessionSigner(signer: address, authorizedUntil: uint256):
    """
    @notice Let another key sign until a Unix time in seconds. Owner only, itself or by a batch.
    """
    assert msg.sender == self.owner or msg.sender == self, "not the owner"
    self.sessionSignerAuthorizedUntil[signer] = authorizedUntil
    log SessionSignerAuthorized(signer=signer, authorizedUntil=authorizedUntil)


@external
def revokeSessionSigner(signer: address):
    """
    @notice Take back `authorizeSessionSigner`. Owner only, itself or by a batch.
    """
    assert msg.sender == self.owner or msg.sender == self, "not the owner"
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
        accepted = self._is_by_session(digest, signature, True)
    else:
        accepted = self._is_nested_signed(self.owner, digest, signature)
    return MAGIC if accepted else 0xffffffff


@internal
@view
def _is_by_session(digest: bytes32, signature: Bytes[MAX_SIGNATURE], is_nested: bool) -> bool:
    signer: address = empty(address)
    inner: Bytes[MAX_NESTED] = b""
    signer, inner = self._session(signature)
    if block.timestamp >= self.sessionSignerAuthorizedUntil[signer]:
        return False
    if is_nested:
        return self._is_nested_signed(signer, digest, inner)
    return self._is_signed(signer, digest, inner)


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
    return self._is_signed(signer, keccak256(concat(x"1901", app_domain, nested)), slice(signature, 0, 65))


@internal
@pure
def _is_signed(signer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    if len(signature) != 65 or signer == empty(address):
        return False
    r: uint256 = convert(slice(signature, 0, 32), uint256)
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    return ecrecover(digest, v, r, s) == signer


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
