# pragma version 0.4.3
"""
@title PositionManager
@license MIT
@notice A devnet's position ledger of the third exchange generation: ERC-1155 shares that modules mint and burn.
@dev    The module of an id is its first byte. Only that module mints an id, and it burns only what it holds. The
        unsafe transfers are those of ERC-1155 without the receiver's callback; the exchange, the router and mints use
        no others. Names, errors and logs are the venue's.
"""

import positions

interface Module:
    def moduleId() -> uint256: view
    def getPayout(position_id: uint256, amount: uint256) -> uint256: view

interface Receiver:
    def onERC1155Received(
        operator: address, sender: address, token_id: uint256, amount: uint256, data: Bytes[1024]
    ) -> bytes4: nonpayable
    def onERC1155BatchReceived(
        operator: address,
        sender: address,
        ids: DynArray[uint256, MAX_IDS],
        amounts: DynArray[uint256, MAX_IDS],
        data: Bytes[1024],
    ) -> bytes4: nonpayable


event TransferSingle:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    id: uint256
    value: uint256

event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, MAX_IDS]
    values: DynArray[uint256, MAX_IDS]

event ApprovalForAll:
    account: indexed(address)
    operator: indexed(address)
    approved: bool

event ModuleAdded:
    moduleId: uint256
    module: address


MAX_IDS: constant(uint256) = 128
ERC165: constant(bytes4) = 0x01ffc9a7
ERC1155: constant(bytes4) = 0xd9b67a26

COLLATERAL_TOKEN: public(immutable(address))

admin: public(address)
moduleById: public(HashMap[uint256, address])
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])
balances: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(admin: address, collateral: address):
    """
    @notice Keep shares that are backed by one collateral; the admin adds the modules.
    """
    COLLATERAL_TOKEN = collateral
    self.admin = admin


@external
def addModule(module: address):
    """
    @notice Let a module mint and burn the ids that carry its number. Admin only, once per number.
    """
    if msg.sender != self.admin:
        raw_revert(method_id("NotAdmin()", output_type=Bytes[4]))
    module_id: uint256 = staticcall Module(module).moduleId()
    if self.moduleById[module_id] != empty(address):
        raw_revert(method_id("ModuleAlreadyRegistered()", output_type=Bytes[4]))
    self.moduleById[module_id] = module
    log ModuleAdded(moduleId=module_id, module=module)


# --- reading ---------------------------------------------------------------------------------------------------------

@external
@view
def balanceOf(owner: address, token_id: uint256) -> uint256:
    """
    @notice What a wallet holds of an id.
    """
    return self.balances[token_id][owner]


@external
@view
def balanceOfBatch(
    owners: DynArray[address, 1024], ids: DynArray[uint256, 1024]
) -> DynArray[uint256, 1024]:
    """
    @notice What each wallet holds of the id in its place.
    """
    self._check_lengths(len(owners), len(ids))
    held: DynArray[uint256, 1024] = []
    for i: uint256 in range(len(ids), bound=1024):
        held.append(self.balances[ids[i]][owners[i]])
    return held


@external
@view
def getPayout(position_id: uint256, amount: uint256) -> uint256:
    """
    @notice The collateral that so many shares of a resolved condition are worth.
    """
    module: address = self.moduleById[positions.module_of(position_id)]
    if module == empty(address):
        raw_revert(method_id("ModuleNotRegistered()", output_type=Bytes[4]))
    return staticcall Module(module).getPayout(position_id, amount)


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice Whether an ERC-165 interface is implemented.
    """
    return interface_id in [ERC165, ERC1155]


# --- modules ---------------------------------------------------------------------------------------------------------

@external
def mint(to: address, position_id: uint256, amount: uint256):
    """
    @notice Make shares, without a callback. Only the id's module.
    """
    self._check_module(position_id)
    self._add(to, position_id, amount)
    log TransferSingle(operator=msg.sender, sender=empty(address), receiver=to, id=position_id, value=amount)


@external
def burn(position_id: uint256, amount: uint256):
    """
    @notice Destroy shares that the caller holds. Only the id's module.
    """
    self._check_module(position_id)
    self._take(msg.sender, position_id, amount)
    log TransferSingle(operator=msg.sender, sender=msg.sender, receiver=empty(address), id=position_id, value=amount)


# --- wallets ---------------------------------------------------------------------------------------------------------

@external
def setApprovalForAll(operator: address, approved: bool):
    """
    @notice Let an operator move all shares of the caller, or no longer.
    """
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(account=msg.sender, operator=operator, approved=approved)


@external
def unsafeTransferFrom(owner: address, to: address, token_id: uint256, amount: uint256):
    """
    @notice Move shares without asking the receiver.
    """
    self._move(owner, to, token_id, amount)
    log TransferSingle(operator=msg.sender, sender=owner, receiver=to, id=token_id, value=amount)


@external
def unsafeBatchTransferFrom(
    owner: address, to: address, ids: DynArray[uint256, MAX_IDS], amounts: DynArray[uint256, MAX_IDS]
):
    """
    @notice Move shares of several ids without asking the receiver.
    """
    self._move_batch(owner, to, ids, amounts)


@external
def safeTransferFrom(owner: address, to: address, token_id: uint256, amount: uint256, data: Bytes[1024]):
    """
    @notice Move shares; a contract that receives them must say that it does.
    """
    self._move(owner, to, token_id, amount)
    log TransferSingle(operator=msg.sender, sender=owner, receiver=to, id=token_id, value=amount)
    if to.is_contract:
        answer: bytes4 = extcall Receiver(to).onERC1155Received(msg.sender, owner, token_id, amount, data)
        self._check_answer(
            answer, method_id("onERC1155Received(address,address,uint256,uint256,bytes)", output_type=bytes4)
        )


@external
def safeBatchTransferFrom(
    owner: address,
    to: address,
    ids: DynArray[uint256, MAX_IDS],
    amounts: DynArray[uint256, MAX_IDS],
    data: Bytes[1024],
):
    """
    @notice Move shares of several ids; a contract that receives them must say that it does.
    """
    self._move_batch(owner, to, ids, amounts)
    if to.is_contract:
        answer: bytes4 = extcall Receiver(to).onERC1155BatchReceived(msg.sender, owner, ids, amounts, data)
        self._check_answer(
            answer, method_id("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)", output_type=bytes4)
        )


# --- rules and movements ---------------------------------------------------------------------------------------------

@internal
@view
def _check_module(token_id: uint256):
    if msg.sender != self.moduleById[positions.module_of(token_id)]:
        raw_revert(method_id("OnlyModule()", output_type=Bytes[4]))


@internal
@pure
def _check_lengths(one: uint256, other: uint256):
    if one != other:
        raw_revert(method_id("ArrayLengthsMismatch()", output_type=Bytes[4]))


@internal
@pure
def _check_answer(answer: bytes4, expected: bytes4):
    if answer != expected:
        raw_revert(method_id("TransferToNonERC1155ReceiverImplementer()", output_type=Bytes[4]))


@internal
def _move_batch(
    owner: address, to: address, ids: DynArray[uint256, MAX_IDS], amounts: DynArray[uint256, MAX_IDS]
):
    self._check_lengths(len(ids), len(amounts))
    for i: uint256 in range(len(ids), bound=MAX_IDS):
        self._move(owner, to, ids[i], amounts[i])
    log TransferBatch(operator=msg.sender, sender=owner, receiver=to, ids=ids, values=amounts)


@internal
def _move(owner: address, to: address, token_id: uint256, amount: uint256):
    if msg.sender != owner and not self.isApprovedForAll[owner][msg.sender]:
        raw_revert(method_id("NotOwnerNorApproved()", output_type=Bytes[4]))
    self._take(owner, token_id, amount)
    self._add(to, token_id, amount)


@internal
def _add(to: address, token_id: uint256, amount: uint256):
    if to == empty(address):
        raw_revert(method_id("TransferToZeroAddress()", output_type=Bytes[4]))
    self.balances[token_id][to] += amount


@internal
def _take(owner: address, token_id: uint256, amount: uint256):
    held: uint256 = self.balances[token_id][owner]
    if amount > held:
        raw_revert(method_id("InsufficientBalance()", output_type=Bytes[4]))
    self.balances[token_id][owner] = held - amount
