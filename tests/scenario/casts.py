"""Small casts. The seed gives accounts that no other scenario uses."""

from __future__ import annotations

from remora.devnet.accounts import DevnetAccount, Role, scripted, scripted_range
from remora.devnet.demo.cast import Cast, Follower, cast, fixed, part_of_leaders
from remora.domain.money import ONE, Collateral
from remora.domain.policy import Orders
from remora.recover.policy import SMALLEST_PART

POOR = 50
"""How many of the strapped cannot pay."""
_TOO_LITTLE = SMALLEST_PART - Collateral(1)
_MEANS = Collateral(1_000 * ONE)
_ENDLESS = Collateral(9_000 * ONE)


def trio(seed: int) -> Cast:
    """Return one leader and three followers who can pay: 10, 10 % of the leader, 7.77."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 3, seed=seed)
    followers = (
        _fixed("ten", accounts[0], leader, "10"),
        Follower(
            account=accounts[1],
            name="a tenth",
            collateral=_MEANS,
            leader=leader,
            sizing=part_of_leaders("0.1"),
        ),
        _fixed("odd", accounts[2], leader, "7.77"),
    )
    return Cast(leaders=(leader,), followers=followers)


def restless(seed: int) -> Cast:
    """Return two leaders and three followers, two of the first and one of the second, who can pay for hundreds."""
    (first, second), accounts = (
        scripted_range(Role.LEADER, 2, seed=seed),
        scripted_range(Role.FOLLOWER, 3, seed=seed),
    )
    followers = (
        _fixed("robbed", accounts[0], first, "10", means=_ENDLESS),
        _fixed("odd", accounts[1], first, "7.77", means=_ENDLESS),
        _fixed("other", accounts[2], second, "5", means=_ENDLESS),
    )
    return Cast(leaders=(first, second), followers=followers)


def debtor(seed: int) -> Cast:
    """Return one leader, a follower who can pay, and one who has 25, spends 20 elsewhere and must pay 20."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 2, seed=seed)
    followers = (
        _fixed("ten", accounts[0], leader, "10"),
        _fixed("underfunded", accounts[1], leader, "20", means=Collateral(25 * ONE), leaves=Collateral(5 * ONE)),
    )
    return Cast(leaders=(leader,), followers=followers)


def patient_and_hasty(seed: int) -> Cast:
    """Return one leader, a follower who copies what is two minutes old, and one who stops at two seconds."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 2, seed=seed)
    followers = (
        _fixed("patient", accounts[0], leader, "10"),
        _fixed("hasty", accounts[1], leader, "10", max_signal_age_s=2),
    )
    return Cast(leaders=(leader,), followers=followers)


def impatient(seed: int) -> Cast:
    """Return one leader and three followers who copy nothing that is older than twenty seconds."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 3, seed=seed)
    followers = tuple(
        _fixed(f"follower {n}", each, leader, "10", max_signal_age_s=20) for n, each in enumerate(accounts)
    )
    return Cast(leaders=(leader,), followers=followers)


def bidder(seed: int, orders: Orders) -> Cast:
    """Return one leader, and a follower who wants more at the leader's price, and no worse, than a thin book has."""
    leader, (account,) = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 1, seed=seed)
    follower = Follower(
        account=account,
        name="bidder",
        collateral=_MEANS,
        leader=leader,
        sizing=fixed("150"),
        max_slippage_bps=0,
        orders=orders,
    )
    return Cast(leaders=(leader,), followers=(follower,))


def crowd(seed: int) -> Cast:
    """Return three leaders and two hundred followers, one of them underfunded."""
    return cast(followers=200, seed=seed)


def strapped(seed: int, *, followers: int) -> Cast:
    """Return one leader and so many followers who copy for 5 each; the first fifty keep less than pays a part of it."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, followers, seed=seed)
    crowd = tuple(
        _fixed(f"poor {n}", each, leader, "5", means=Collateral(6 * ONE), leaves=_TOO_LITTLE)
        if n < POOR
        else _fixed(f"follower {n}", each, leader, "5")
        for n, each in enumerate(accounts)
    )
    return Cast(leaders=(leader,), followers=crowd)


def _fixed(
    name: str,
    account: DevnetAccount,
    leader: DevnetAccount,
    amount: str,
    *,
    means: Collateral = _MEANS,
    max_signal_age_s: int = 120,
    leaves: Collateral | None = None,
) -> Follower:
    return Follower(
        account=account,
        name=name,
        collateral=means,
        leader=leader,
        sizing=fixed(amount),
        max_signal_age_s=max_signal_age_s,
        leaves=leaves,
    )
