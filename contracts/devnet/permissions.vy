# pragma version 0.4.3
"""
@title permissions
@license MIT
@notice Who may match orders on the exchange, and who has paused: the admin all trading, a user their own.
"""

event UserPaused:
    user: indexed(address)
    effectivePauseBlock: uint256

event UserUnpaused:
    user: indexed(address)

event TradingPaused:
    pauser: indexed(address)

event TradingUnpaused:
    pauser: indexed(address)

event NewOperator:
    operator: indexed(address)
    admin: indexed(address)

event RemovedOperator:
    operator: indexed(address)
    admin: indexed(address)


USER_PAUSE_BLOCKS: constant(uint256) = 100

admin: public(address)
isOperator: public(HashMap[address, bool])
paused: public(bool)
userPausedBlockAt: public(HashMap[address, uint256])


@deploy
def __init__(admin: address):
    """
    @notice Obey one admin, who is the first operator.
    """
    self.admin = admin
    self.isOperator[admin] = True


@external
def pauseUser():
    """
    @notice Make every order of the caller invalid, 100 blocks from now.
    """
    effective: uint256 = block.number + USER_PAUSE_BLOCKS
    self.userPausedBlockAt[msg.sender] = effective
    log UserPaused(user=msg.sender, effectivePauseBlock=effective)


@external
def unpauseUser():
    """
    @notice Take back `pauseUser` at once.
    """
    self.userPausedBlockAt[msg.sender] = 0
    log UserUnpaused(user=msg.sender)


@external
@view
def isUserPaused(user: address) -> bool:
    """
    @notice Whether the orders of a user are invalid now.
    """
    return self.is_user_paused(user)


@external
def addOperator(operator: address):
    """
    @notice Let a wallet match orders. Admin only.
    """
    self.only_admin()
    self.isOperator[operator] = True
    log NewOperator(operator=operator, admin=msg.sender)


@external
def removeOperator(operator: address):
    """
    @notice Take the right to match orders from a wallet. Admin only.
    """
    self.only_admin()
    self.isOperator[operator] = False
    log RemovedOperator(operator=operator, admin=msg.sender)


@external
def pauseTrading():
    """
    @notice Refuse all matches. Admin only.
    """
    self.only_admin()
    self.paused = True
    log TradingPaused(pauser=msg.sender)


@external
def unpauseTrading():
    """
    @notice Take back `pauseTrading`. Admin only.
    """
    self.only_admin()
    self.paused = False
    log TradingUnpaused(pauser=msg.sender)


@internal
@view
def is_user_paused(user: address) -> bool:
    """
    @notice Whether the orders of a user are invalid now.
    """
    return self.userPausedBlockAt[user] != 0 and block.number >= self.userPausedBlockAt[user]


@internal
@view
def only_operator():
    """
    @notice Revert for who is not an operator.
    """
    if not self.isOperator[msg.sender]:
        raw_revert(method_id("NotOperator()", output_type=Bytes[4]))


@internal
@view
def only_admin():
    """
    @notice Revert for who is not the admin.
    """
    if msg.sender != self.admin:
        raw_revert(method_id("NotAdmin()", output_type=Bytes[4]))


@internal
@view
def only_unpaused():
    """
    @notice Revert while trading is paused.
    """
    if self.paused:
        raw_revert(method_id("Paused()", output_type=Bytes[4]))
