"""The signer of one mnemonic: the fleet at m/44'/60'/0'/0/i and the treasury at m/44'/60'/1'/0/0 (BIP-44).

Keys stay in private attributes. No error quotes a word or a key, not even through the error that caused it.
"""

from __future__ import annotations

from coincurve import PrivateKey
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language
from eth_utils.address import to_checksum_address
from eth_utils.exceptions import ValidationError

from remora.domain.contracts import Exchanges, Generation
from remora.domain.errors import OperatorError
from remora.domain.ids import Address, OrderHash, TxHash, address
from remora.domain.order import OrderKind, OrderTerms, SignedOrder
from remora.domain.order_hash import exchange_domain, order_digest
from remora.domain.transaction import SignedTransaction, Transaction

_RECOVERY_OFFSET = 27
"""Contracts and venue take v as 27 or 28, libsecp256k1 gives 0 or 1."""

_PLAIN_ACCOUNT = 0
"""The signature type of a wallet that signs for itself."""

_EIP_1559 = 2
_FLEET_PATH = "m/44'/60'/0'/0"
_TREASURY_PATH = "m/44'/60'/1'/0/0"


WORDS = (12, 24)
"""How many words a mnemonic that we make can have."""


def new_mnemonic(words: int) -> str:
    """Make a mnemonic from the system's randomness. OperatorError unless it is to have 12 or 24 words."""
    if words not in WORDS:
        raise OperatorError(f"expected 12 or 24 words, found {words}")
    return Mnemonic(Language.ENGLISH).generate(words)


def normalized(mnemonic: str) -> str:
    """Return the words with one space between them. OperatorError when the mnemonic is not valid."""
    words = " ".join(mnemonic.split())
    _seed(words)
    return words


class MnemonicSigner:
    """A Signer. Deriving a wallet takes about a millisecond, signing an order some tens of microseconds."""

    def __init__(
        self,
        mnemonic: str,
        *,
        chain_id: int,
        exchanges: Exchanges,
        fleet_size: int,
        start_index: int = 0,
    ) -> None:
        """Derive all keys. Raises OperatorError when the mnemonic is not valid."""
        seed = _seed(mnemonic)
        treasury = _derive(seed, _TREASURY_PATH)
        self._chain_id = chain_id
        self._exchanges = exchanges
        self._domains = {
            exchanges.standard: exchange_domain(chain_id, exchanges.standard),
            exchanges.neg_risk: exchange_domain(chain_id, exchanges.neg_risk),
            exchanges.v3: exchange_domain(chain_id, exchanges.v3, Generation.V3),
        }
        self._seed = seed
        self._start_index = start_index
        self._treasury, key = treasury
        self._keys = {self._treasury: key}
        self._fleet: tuple[Address, ...] = ()
        self.grow(fleet_size)

    def __repr__(self) -> str:
        return f"MnemonicSigner(fleet={len(self._fleet)} wallets, treasury={self._treasury})"

    @property
    def fleet(self) -> tuple[Address, ...]:
        return self._fleet

    @property
    def treasury(self) -> Address:
        return self._treasury

    def grow(self, size: int) -> None:
        """Derive wallets until the fleet has so many; none is forgotten."""
        for index in range(len(self._fleet), size):
            wallet, key = _derive(self._seed, f"{_FLEET_PATH}/{self._start_index + index}")
            self._keys[wallet] = key
            self._fleet = (*self._fleet, wallet)

    def sign_order(self, terms: OrderTerms, kind: OrderKind, *, neg_risk: bool) -> SignedOrder:
        """Sign an order of an operator wallet, which is its own maker and a plain account; OperatorError otherwise."""
        if terms.signature_type != _PLAIN_ACCOUNT or terms.maker != terms.signer:
            raise OperatorError("operator wallets sign only for themselves, as plain accounts (signature type 0)")
        digest = order_digest(self._domains[self._exchanges.of(terms.token_id, neg_risk=neg_risk)], terms)
        return SignedOrder(
            order_hash=OrderHash(f"0x{digest.hex()}"),
            terms=terms,
            kind=kind,
            signature=self.sign_digest(terms.signer, digest),
        )

    def sign_digest(self, wallet: Address, digest: bytes) -> bytes:
        """Sign 32 bytes: r, s in the lower half, v of 27 or 28. The same digest gives the same 65 bytes (RFC 6979)."""
        signature = self._key(wallet).sign_recoverable(digest, hasher=None)
        return signature[:-1] + bytes((signature[-1] + _RECOVERY_OFFSET,))

    def sign_transaction(self, transaction: Transaction) -> SignedTransaction:
        """Sign an EIP-1559 transaction. Raises OperatorError for another chain than the signer's, or another wallet."""
        if transaction.chain_id != self._chain_id:
            raise OperatorError(f"the keys sign for chain {self._chain_id}, asked for chain {transaction.chain_id}")
        account = Account.from_key(self._key(transaction.wallet).secret)
        signed = account.sign_transaction(
            {
                "type": _EIP_1559,
                "chainId": transaction.chain_id,
                "nonce": transaction.nonce,
                "maxFeePerGas": transaction.gas_price.max_fee.units,
                "maxPriorityFeePerGas": transaction.gas_price.priority_fee.units,
                "gas": transaction.call.gas,
                "to": to_checksum_address(transaction.call.to),
                "value": transaction.call.value.units,
                "data": transaction.call.data,
            }
        )
        return SignedTransaction(tx_hash=TxHash(f"0x{signed.hash.hex()}"), raw=bytes(signed.raw_transaction))

    def _key(self, wallet: Address) -> PrivateKey:
        if wallet not in self._keys:
            raise OperatorError(f"there is no key for wallet {wallet}: neither in the fleet nor the treasury")
        return self._keys[wallet]


def addresses(mnemonic: str, *, fleet_size: int, start_index: int) -> tuple[Address, list[Address]]:
    """Return the treasury and the operator wallets of a mnemonic. OperatorError when it is not valid."""
    seed = _seed(mnemonic)
    fleet = [_derive(seed, f"{_FLEET_PATH}/{start_index + index}")[0] for index in range(fleet_size)]
    return _derive(seed, _TREASURY_PATH)[0], fleet


def _seed(mnemonic: str) -> bytes:
    try:
        return seed_from_mnemonic(mnemonic, passphrase="")
    except ValidationError:
        # Its message quotes the words. Raised below and not here, so that it is not kept as the context.
        pass
    raise OperatorError("the mnemonic is not valid: expected 12 to 24 words of one BIP-39 list with their checksum")


def _derive(seed: bytes, path: str) -> tuple[Address, PrivateKey]:
    secret = key_from_seed(seed, path)
    return address(Account.from_key(secret).address), PrivateKey(secret)
