# pragma version 0.4.3
"""
@title Collateral
@license MIT
@notice A dollar token of 6 decimals for a devnet: the collateral of the exchange, and the older tokens under it.
@dev    The owner mints freely. A token can accept others one to one (`add_asset`), as the venue's collateral accepts
        the token that the conditional tokens were made for. `wrap` takes an asset from its caller. `unwrap` burns what
        lies in this contract, as the venue's does: send and unwrap in one transaction. The reserve of an asset is
        what this contract holds of it; a devnet mints it beforehand for the collateral that it mints.
"""

from ethereum.ercs import IERC20

implements: IERC20

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

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


decimals: public(constant(uint8)) = 6

name: public(String[32])
symbol: public(String[16])
owner: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
is_asset: public(HashMap[address, bool])


@deploy
def __init__(name: String[32], symbol: String[16]):
    """
    @notice The deployer owns the token.
    """
    self.name = name
    self.symbol = symbol
    self.owner = msg.sender


@external
def mint(to: address, amount: uint256):
    """
    @notice Make new tokens. Owner only.
    """
    assert msg.sender == self.owner, "not the owner"
    self._mint(to, amount)


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
    self._mint(to, amount)
    log Wrapped(caller=msg.sender, asset=asset, to=to, amount=amount)


@external
def unwrap(asset: address, to: address, amount: uint256):
    """
    @notice Burn tokens that were sent to this contract and pay as much of an asset to `to`.
    """
    assert self.is_asset[asset], "not an asset"
    assert extcall IERC20(asset).transfer(to, amount), "asset refused"
    self.balanceOf[self] -= amount
    self.totalSupply -= amount
    log Transfer(sender=self, receiver=empty(address), value=amount)
    log Unwrapped(caller=msg.sender, asset=asset, to=to, amount=amount)


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Move the caller's tokens.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Move tokens within the caller's allowance. The largest allowance is never used up.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        self.allowance[owner][msg.sender] = allowed - amount
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Set what a spender may move of the caller's tokens.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@internal
def _mint(to: address, amount: uint256):
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, value=amount)


@internal
def _transfer(owner: address, to: address, amount: uint256):
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=owner, receiver=to, value=amount)
