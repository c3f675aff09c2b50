# pragma version 0.4.3
# pragma optimize gas
"""
@title Clearinghouse
@license MIT
@notice Delivery versus payment between the fleet's operator wallets and the followers: shares and collateral change
        hands in one transaction or not at all. It is the only address that a follower approves, and it holds nothing
        between transactions.
@dev    Work comes in legs. A leg is one follower's part of a batch, identified by its settlement id, and is all or
        nothing: it runs in a call of its own, and one that fails leaves a `LegFailed` event and nothing else. Every
        movement has an id of its own: a sale has one for its collection and one for each of its remittances.
        What an operator can do to a follower is bounded: a day's pulls of collateral by the follower's own limit, the
        price of a delivery by one unit of collateral per share, a collection by the follower's lot of the token, which
        is what was delivered and not collected yet, and a day's collections by a second limit, if the follower set
        one. So whoever holds an operator's key reaches nothing that did not come through here. What was collected
        stays on record as `outstanding` until it is remitted.
        Shares are kept by one of two ledgers, as the exchanges' generations have it. The id tells which: ids of the
        position manager have 64 bits that are always zero, ids of the conditional tokens are hashes.
        Amounts are base units (10^-6); days are UTC days since the epoch.
"""

interface Collateral:
    def balanceOf(owner: address) -> uint256: view


struct DeliverLeg:
    settlement_id: bytes32
    follower: address
    shares: uint256
    collateral: uint256

struct CollectLeg:
    settlement_id: bytes32
    follower: address
    shares: uint256

struct RemitLeg:
    settlement_id: bytes32
    follower: address
    token_id: uint256
    sold: uint256
    proceeds: uint256
    returned: uint256

struct Membership:
    daily_limit: uint256
    daily_shares: uint256
    expires_at: uint256  # zero for who never joined, or left
    paused: bool

struct Day:
    number: uint256  # since the epoch
    amount: uint256

struct FollowerInfo:
    daily_limit: uint256
    daily_shares: uint256
    expires_at: uint256
    paused: bool
    spent_today: uint256
    collected_today: uint256


event Joined:
    follower: indexed(address)
    daily_limit: uint256
    daily_shares: uint256
    expires_at: uint256

event Left:
    follower: indexed(address)

event FollowerPaused:
    follower: indexed(address)

event FollowerResumed:
    follower: indexed(address)

event OperatorAdded:
    operator: indexed(address)

event OperatorRemoved:
    operator: indexed(address)

event PausedSet:
    paused: bool

event OwnershipOffered:
    owner: indexed(address)
    candidate: indexed(address)

event OwnershipTransferred:
    previous: indexed(address)
    owner: indexed(address)

event Delivered:
    settlement_id: indexed(bytes32)
    follower: indexed(address)
    operator: indexed(address)
    token_id: uint256
    shares: uint256
    collateral: uint256

event Collected:
    settlement_id: indexed(bytes32)
    follower: indexed(address)
    operator: indexed(address)
    token_id: uint256
    shares: uint256

event Remitted:
    settlement_id: indexed(bytes32)
    follower: indexed(address)
    operator: indexed(address)
    token_id: uint256
    sold: uint256
    proceeds: uint256
    returned: uint256

event LegFailed:
    settlement_id: indexed(bytes32)
    follower: indexed(address)
    reason: uint8

event Refueled:
    wallet: indexed(address)
    amount: uint256


MAX_LEGS: constant(uint256) = 256
MAX_WALLETS: constant(uint256) = 64

# What one leg may burn. A hostile receiver can waste this much of its operator's gas, and no more.
LEG_GAS: constant(uint256) = 400_000
# What must be left before a leg starts, so that a leg never fails for want of gas: the transaction does instead, and
# no gas estimate that made legs fail can look like a success. One 64th stays with the caller (EIP-150).
LEG_RESERVE: constant(uint256) = LEG_GAS + LEG_GAS // 63 + 20_000

DAY_SECONDS: constant(uint256) = 86_400

ALREADY_SETTLED: constant(uint8) = 1
NOT_JOINED: constant(uint8) = 2
EXPIRED: constant(uint8) = 3
PAUSED: constant(uint8) = 4
DAILY_LIMIT: constant(uint8) = 5
PRICE_ABOVE_ONE: constant(uint8) = 6
COLLATERAL_REFUSED: constant(uint8) = 7
SHARES_REFUSED: constant(uint8) = 8
NOT_OUTSTANDING: constant(uint8) = 9
EMPTY_LEG: constant(uint8) = 10
NO_LOT: constant(uint8) = 11
LAST_REASON: constant(uint256) = 11

RESERVED_BITS: constant(uint256) = (2 ** 64 - 1) * 2 ** 40

COLLATERAL: public(immutable(address))
CONDITIONAL_TOKENS: public(immutable(address))
POSITION_MANAGER: public(immutable(address))

owner: public(address)
candidate: public(address)
is_operator: public(HashMap[address, bool])
paused: public(bool)
settled: public(HashMap[bytes32, bool])
lots: public(HashMap[address, HashMap[uint256, uint256]])  # delivered to a follower and not collected
outstanding: public(HashMap[address, HashMap[uint256, uint256]])  # collected from a follower and not remitted
memberships: HashMap[address, Membership]
spending: HashMap[address, Day]
collecting: HashMap[address, Day]


@deploy
def __init__(collateral: address, conditional_tokens: address, position_manager: address):
    """
    @notice Serve one collateral (an ERC-20 of 6 decimals) and two ERC-1155 ledgers of shares.
    """
    # A call to an address without code succeeds and moves nothing.
    assert collateral.is_contract and conditional_tokens.is_contract, "not a contract"
    assert position_manager.is_contract, "not a contract"
    COLLATERAL = collateral
    CONDITIONAL_TOKENS = conditional_tokens
    POSITION_MANAGER = position_manager
    self.owner = msg.sender
    log OwnershipTransferred(previous=empty(address), owner=msg.sender)


# --- followers -------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def join(daily_limit: uint256, expires_at: uint256, daily_shares: uint256 = max_value(uint256)):
    """
    @notice Let operators settle for the caller, or change the terms of it.
    @param daily_limit Collateral that may be pulled per UTC day; what was pulled today already counts.
    @param expires_at Unix time in seconds from which nothing may be pulled.
    @param daily_shares Shares that may be collected per UTC day, of what was delivered; no limit unless given, since
           exits that meet it have to wait for the next day.
    """
    assert expires_at > block.timestamp, "expired"
    self.memberships[msg.sender].daily_limit = daily_limit
    self.memberships[msg.sender].daily_shares = daily_shares
    self.memberships[msg.sender].expires_at = expires_at
    log Joined(follower=msg.sender, daily_limit=daily_limit, daily_shares=daily_shares, expires_at=expires_at)


@external
@nonreentrant
def pause():
    """
    @notice Refuse every pull from the caller until `resume`. Remittances still arrive.
    """
    assert self.memberships[msg.sender].expires_at != 0, "not joined"
    self.memberships[msg.sender].paused = True
    log FollowerPaused(follower=msg.sender)


@external
@nonreentrant
def resume():
    """
    @notice Take back `pause`.
    """
    assert self.memberships[msg.sender].expires_at != 0, "not joined"
    self.memberships[msg.sender].paused = False
    log FollowerResumed(follower=msg.sender)


@external
@nonreentrant
def leave():
    """
    @notice End the caller's membership at once. Remittances of what was collected before still arrive.
    """
    assert self.memberships[msg.sender].expires_at != 0, "not joined"
    self.memberships[msg.sender] = empty(Membership)
    log Left(follower=msg.sender)


@external
@view
def follower(wallet: address) -> FollowerInfo:
    """
    @notice Tell a follower's terms and what was pulled and collected today. All zero for who has not joined.
    """
    membership: Membership = self.memberships[wallet]
    return FollowerInfo(
        daily_limit=membership.daily_limit,
        daily_shares=membership.daily_shares,
        expires_at=membership.expires_at,
        paused=membership.paused,
        spent_today=self._spent_today(wallet),
        collected_today=self._collected_today(wallet),
    )


# --- settlement ------------------------------------------------------------------------------------------------------

@external
@nonreentrant
def deliver(token_id: uint256, legs: DynArray[DeliverLeg, MAX_LEGS]):
    """
    @notice Deliver the caller's shares to followers, each against the follower's collateral.
    """
    self._check_operator()
    assert not self.paused, "paused"
    for leg: DeliverLeg in legs:
        call: Bytes[196] = abi_encode(
            msg.sender, token_id, leg,
            method_id=method_id("deliver_leg(address,uint256,(bytes32,address,uint256,uint256))"),
        )
        self._run(leg.settlement_id, leg.follower, call)


@external
@nonreentrant
def collect(token_id: uint256, legs: DynArray[CollectLeg, MAX_LEGS]):
    """
    @notice Collect followers' shares for a sale by the caller.
    """
    self._check_operator()
    assert not self.paused, "paused"
    for leg: CollectLeg in legs:
        call: Bytes[196] = abi_encode(
            msg.sender, token_id, leg,
            method_id=method_id("collect_leg(address,uint256,(bytes32,address,uint256))"),
        )
        self._run(leg.settlement_id, leg.follower, call)


@external
@nonreentrant
def remit(legs: DynArray[RemitLeg, MAX_LEGS]):
    """
    @notice Pay followers the proceeds of collected shares, and return what was not sold.
    @dev    Open while paused, and to followers that paused, expired or left: it only ever gives. Proceeds without
            shares are what a sale of shares that were never delivered brought beyond their price.
    """
    self._check_operator()
    for leg: RemitLeg in legs:
        call: Bytes[228] = abi_encode(
            msg.sender, leg,
            method_id=method_id("remit_leg(address,(bytes32,address,uint256,uint256,uint256,uint256))"),
        )
        self._run(leg.settlement_id, leg.follower, call)


@external
def deliver_leg(operator: address, token_id: uint256, leg: DeliverLeg):
    """
    @notice Settle one leg of `deliver`. Only this contract calls it, to undo a leg that fails.
    """
    assert msg.sender == self, "internal"
    self._settle_once(leg.settlement_id, leg.shares != 0)
    self._check_member(leg.follower)
    self._require(leg.collateral <= leg.shares, PRICE_ABOVE_ONE)
    self._spend(leg.follower, leg.collateral)
    self._move_collateral(leg.follower, operator, leg.collateral)
    self._move_shares(operator, leg.follower, token_id, leg.shares)
    self.lots[leg.follower][token_id] += leg.shares
    log Delivered(
        settlement_id=leg.settlement_id,
        follower=leg.follower,
        operator=operator,
        token_id=token_id,
        shares=leg.shares,
        collateral=leg.collateral,
    )


@external
def collect_leg(operator: address, token_id: uint256, leg: CollectLeg):
    """
    @notice Settle one leg of `collect`. Only this contract calls it, to undo a leg that fails.
    """
    assert msg.sender == self, "internal"
    self._settle_once(leg.settlement_id, leg.shares != 0)
    self._check_member(leg.follower)
    self._take_from_lot(leg.follower, token_id, leg.shares)
    self.outstanding[leg.follower][token_id] += leg.shares
    self._move_shares(leg.follower, operator, token_id, leg.shares)
    log Collected(
        settlement_id=leg.settlement_id,
        follower=leg.follower,
        operator=operator,
        token_id=token_id,
        shares=leg.shares,
    )


@external
def remit_leg(operator: address, leg: RemitLeg):
    """
    @notice Settle one leg of `remit`. Only this contract calls it, to undo a leg that fails.
    """
    assert msg.sender == self, "internal"
    self._settle_once(leg.settlement_id, leg.sold != 0 or leg.returned != 0 or leg.proceeds != 0)
    outstanding: uint256 = self.outstanding[leg.follower][leg.token_id]
    # Compared one by one: their sum could overflow.
    self._require(leg.sold <= outstanding and leg.returned <= outstanding - leg.sold, NOT_OUTSTANDING)
    self.outstanding[leg.follower][leg.token_id] = outstanding - leg.sold - leg.returned
    self._move_collateral(operator, leg.follower, leg.proceeds)
    self._move_shares(operator, leg.follower, leg.token_id, leg.returned)
    self.lots[leg.follower][leg.token_id] += leg.returned
    log Remitted(
        settlement_id=leg.settlement_id,
        follower=leg.follower,
        operator=operator,
        token_id=leg.token_id,
        sold=leg.sold,
        proceeds=leg.proceeds,
        returned=leg.returned,
    )


@external
@payable
@nonreentrant
def refuel(wallets: DynArray[address, MAX_WALLETS], amounts: DynArray[uint256, MAX_WALLETS]):
    """
    @notice Share out the value sent among many wallets. Anyone may; all or nothing.
    """
    assert len(wallets) == len(amounts), "lengths differ"
    total: uint256 = 0
    for i: uint256 in range(len(wallets), bound=MAX_WALLETS):
        total += amounts[i]
        raw_call(wallets[i], b"", value=amounts[i])
        log Refueled(wallet=wallets[i], amount=amounts[i])
    assert total == msg.value, "sum differs from value"


# --- owner -----------------------------------------------------------------------------------------------------------

@external
def add_operator(operator: address):
    """
    @notice Let a wallet settle.
    """
    self._check_owner()
    self.is_operator[operator] = True
    log OperatorAdded(operator=operator)


@external
def remove_operator(operator: address):
    """
    @notice Take the right to settle from a wallet.
    """
    self._check_owner()
    self.is_operator[operator] = False
    log OperatorRemoved(operator=operator)


@external
def set_paused(paused: bool):
    """
    @notice Stop or allow all deliveries and collections.
    """
    self._check_owner()
    self.paused = paused
    log PausedSet(paused=paused)


@external
def transfer_ownership(candidate: address):
    """
    @notice Offer the ownership; it passes when the candidate accepts.
    """
    self._check_owner()
    self.candidate = candidate
    log OwnershipOffered(owner=msg.sender, candidate=candidate)


@external
def accept_ownership():
    """
    @notice Take the ownership that was offered to the caller.
    """
    assert msg.sender == self.candidate, "not the candidate"
    log OwnershipTransferred(previous=self.owner, owner=msg.sender)
    self.owner = msg.sender
    self.candidate = empty(address)


# --- rules -----------------------------------------------------------------------------------------------------------

@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "not the owner"


@internal
@view
def _check_operator():
    assert self.is_operator[msg.sender], "not an operator"


@internal
@pure
def _require(condition: bool, reason: uint8):
    """
    @dev Undo the leg that runs, and tell `_run` why.
    """
    if not condition:
        raw_revert(abi_encode(reason))


@internal
@view
def _check_member(follower: address):
    membership: Membership = self.memberships[follower]
    self._require(membership.expires_at != 0, NOT_JOINED)
    self._require(block.timestamp < membership.expires_at, EXPIRED)
    self._require(not membership.paused, PAUSED)


@internal
def _settle_once(settlement_id: bytes32, moves_something: bool):
    self._require(not self.settled[settlement_id], ALREADY_SETTLED)
    self._require(moves_something, EMPTY_LEG)
    self.settled[settlement_id] = True


@internal
@view
def _spent_today(follower: address) -> uint256:
    spent: Day = self.spending[follower]
    return spent.amount if spent.number == block.timestamp // DAY_SECONDS else 0


@internal
@view
def _collected_today(follower: address) -> uint256:
    collected: Day = self.collecting[follower]
    return collected.amount if collected.number == block.timestamp // DAY_SECONDS else 0


@internal
def _spend(follower: address, amount: uint256):
    spent: uint256 = self._spent_today(follower)
    limit: uint256 = self.memberships[follower].daily_limit
    # The limit can have been lowered below what was spent.
    self._require(spent <= limit and amount <= limit - spent, DAILY_LIMIT)
    self.spending[follower] = Day(number=block.timestamp // DAY_SECONDS, amount=spent + amount)


@internal
def _take_from_lot(follower: address, token_id: uint256, shares: uint256):
    lot: uint256 = self.lots[follower][token_id]
    self._require(shares <= lot, NO_LOT)
    self.lots[follower][token_id] = lot - shares
    collected: uint256 = self._collected_today(follower)
    limit: uint256 = self.memberships[follower].daily_shares
    self._require(collected <= limit and shares <= limit - collected, DAILY_LIMIT)
    self.collecting[follower] = Day(number=block.timestamp // DAY_SECONDS, amount=collected + shares)


# --- movements -------------------------------------------------------------------------------------------------------

@internal
def _run(settlement_id: bytes32, follower: address, call: Bytes[228]):
    """
    @dev Run one leg in a call of its own. Its revert data is the reason code. A receiver that burns all the gas of
         its leg leaves none and counts as refusing the shares: that is where code of the receiver runs.
    """
    assert msg.gas >= LEG_RESERVE, "gas"
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(self, call, max_outsize=32, gas=LEG_GAS, revert_on_failure=False)
    if not success:
        code: uint256 = convert(response, uint256)
        reason: uint8 = convert(code, uint8) if 0 < code and code <= LAST_REASON else SHARES_REFUSED
        log LegFailed(settlement_id=settlement_id, follower=follower, reason=reason)


@internal
def _move_collateral(sender: address, receiver: address, amount: uint256):
    """
    @dev A token that reverts, answers false, or delivers another amount than asked for refuses.
    """
    if amount == 0:
        return
    before: uint256 = staticcall Collateral(COLLATERAL).balanceOf(receiver)
    call: Bytes[100] = abi_encode(
        sender, receiver, amount, method_id=method_id("transferFrom(address,address,uint256)")
    )
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(COLLATERAL, call, max_outsize=32, revert_on_failure=False)
    self._require(success, COLLATERAL_REFUSED)
    if len(response) != 0:
        self._require(convert(response, uint256) == 1, COLLATERAL_REFUSED)
    self._require(staticcall Collateral(COLLATERAL).balanceOf(receiver) == before + amount, COLLATERAL_REFUSED)


@internal
def _move_shares(sender: address, receiver: address, token_id: uint256, amount: uint256):
    """
    @dev Runs code of the receiver, if it has any: the last step of a leg, after all its bookkeeping.
    """
    if amount == 0:
        return
    call: Bytes[260] = abi_encode(
        sender, receiver, token_id, amount, b"",
        method_id=method_id("safeTransferFrom(address,address,uint256,uint256,bytes)"),
    )
    ledger: address = POSITION_MANAGER if token_id & RESERVED_BITS == 0 else CONDITIONAL_TOKENS
    success: bool = raw_call(ledger, call, revert_on_failure=False)
    self._require(success, SHARES_REFUSED)
