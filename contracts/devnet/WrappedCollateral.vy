# pragma version 0.4.3
"""
@title WrappedCollateral
@license MIT
@notice The token that neg-risk shares are made for: anybody wraps the asset in it, one to one, and unwraps it again.
@dev    Its owner, the NegRiskAdapter, also mints it without an asset, for sets whose NO shares nobody will ever redeem,
        and releases the assets that become free by that (polymarket.md 1.1: WCOL).
"""

from ethereum.ercs import IERC20

import erc20

implements: IERC20
initializes: erc20
exports: erc20.__interface__

ASSET: immutable(IERC20)

owner: public(address)


@deploy
def __init__(asset: address):
    """
    @notice Wrap one asset. The deployer owns the token until it gives it away.
    """
    erc20.__init__("Wrapped Collateral", "WCOL")
    ASSET = IERC20(asset)
    self.owner = msg.sender


@external
def give(owner: address):
    """
    @notice Give the token to another owner. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self.owner = owner


@external
def wrap(to: address, amount: uint256):
    """
    @notice Take the asset from the caller and mint as much to `to`.
    """
    assert extcall ASSET.transferFrom(msg.sender, self, amount), "asset refused"
    erc20.mint_to(to, amount)


@external
def unwrap(to: address, amount: uint256):
    """
    @notice Burn the caller's tokens and pay as much of the asset to `to`.
    """
    erc20.burn_of(msg.sender, amount)
    assert extcall ASSET.transfer(to, amount), "asset refused"


@external
def mint(amount: uint256):
    """
    @notice Make new tokens for the owner, without an asset. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    erc20.mint_to(msg.sender, amount)


@external
def release(to: address, amount: uint256):
    """
    @notice Pay out assets without burning anything. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    assert extcall ASSET.transfer(to, amount), "asset refused"
