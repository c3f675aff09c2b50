# pragma version 0.4.3
"""
@title batches
@license MIT
@notice What a deposit wallet is asked to do: calls that one signature covers, good for one nonce and until a deadline
        (a Unix time in seconds), and the EIP-712 digest that is signed.
"""

struct Call:
    target: address
    value: uint256
    data: Bytes[1024]

struct Batch:
    wallet: address
    nonce: uint256
    deadline: uint256
    calls: DynArray[Call, 32]


MAX_CALLS: constant(uint256) = 32

CALL_TYPEHASH: constant(bytes32) = keccak256("Call(address target,uint256 value,bytes data)")
BATCH_TYPEHASH: constant(bytes32) = keccak256(
    "Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)Call(address target,uint256 value,bytes data)"
)
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@internal
@view
def hash_of(batch: Batch) -> bytes32:
    """
    @notice The digest that is signed for this wallet. There must be a call.
    """
    hashes: DynArray[bytes32, MAX_CALLS] = []
    for call: Call in batch.calls:
        hashes.append(keccak256(abi_encode(CALL_TYPEHASH, call.target, call.value, keccak256(call.data))))
    encoded: Bytes[32 * MAX_CALLS + 64] = abi_encode(hashes)
    calls: bytes32 = keccak256(slice(encoded, 64, 32 * len(hashes)))  # an array is hashed without offset and length
    contents: bytes32 = keccak256(abi_encode(BATCH_TYPEHASH, batch.wallet, batch.nonce, batch.deadline, calls))
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("DepositWallet"), keccak256("1"), chain.id, self)
    )
    return keccak256(concat(x"1901", domain, contents))
