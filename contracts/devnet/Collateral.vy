# pragma version 0.4.3
"""
@title Collateral
@license MIT
@notice A dollar token of 6 decimals for a devnet: the collateral of the exchange, and the older tokens under it.
@dev    The owner mints freely. A token can accept others one to one (`add_asset`), as the venue's collateral accepts
        the token that the conditional tokens were made for. `wrap` takes an asset from its caller. `unwrap` burns what
        lies in this contract, as the venue's does: send and unwrap in one transaction. The reserve of an asset is
        what this contract holds of it; a devnet mints it beforehand for the collateral that it mints. Minters are the
        modules of the third exchange generation, whose shares are backed by nothing but burned collateral.
"""

from ethereum.ercs import IERC20

import erc20

implements: IERC20
initializes: erc20
exports: erc20.__interface__

event Wrapped:
    caller: indexed(address)
    asset: indexed(address)
    to: indexed(address)
    amount: uint256

event Unwrapped:
    caller: indexed(address)
    asset: indexed(address)
    to: indexed(address)
    amount: uint256


owner: public(address)
is_asset: public(HashMap[address, bool])
is_minter: public(HashMap[address, bool])


@deploy
def __init__(name: String[32], symbol: String[16]):
    """
    @notice The deployer owns the token.
    """
    erc20.__init__(name, symbol)
    self.owner = msg.sender


@external
def mint(to: address, amount: uint256):
    """
    @notice Make new tokens. Owner and minters only.
    """
    assert msg.sender == self.owner or self.is_minter[msg.sender], "not a minter"
    erc20.mint_to(to, amount)


@external
def burn(amount: uint256):
    """
    @notice Destroy tokens of the caller.
    """
    erc20.burn_of(msg.sender, amount)


@external
def add_minter(minter: address):
    """
    @notice Let a contract make new tokens. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.is_minter[minter] = True


@external
def add_asset(asset: address):
    """
    @notice Accept a token one to one. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.is_asset[asset] = True


@external
def wrap(asset: address, to: address, amount: uint256):
    """
    @notice Take an asset from the caller and mint as much to `to`.
    """
    assert self.is_asset[asset], "not an asset"
    assert extcall IERC20(asset).transferFrom(msg.sender, self, amount), "asset refused"
    erc20.mint_to(to, amount)
    log Wrapped(caller=msg.sender, asset=asset, to=to, amount=amount)


@external
def unwrap(asset: address, to: address, amount: uint256):
    """
    @notice Burn tokens that were sent to this contract and pay as much of an asset to `to`.
    """
    assert self.is_asset[asset], "not an asset"
    assert extcall IERC20(asset).transfer(to, amount), "asset refused"
    erc20.burn_of(self, amount)
    log Unwrapped(caller=msg.sender, asset=asset, to=to, amount=amount)
