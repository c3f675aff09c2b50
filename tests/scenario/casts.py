"""Small casts. The seed gives accounts that no other scenario uses."""

from __future__ import annotations

from remora.devnet.accounts import DevnetAccount, Role, scripted, scripted_range
from remora.devnet.demo.cast import Cast, Follower, cast
from remora.domain.money import ONE, Collateral
from remora.domain.parties import Sizing

_MEANS = Collateral(1_000 * ONE)


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
            sizing=Sizing.PERCENTAGE,
            percentage_bps=1_000,
        ),
        _fixed("odd", accounts[2], leader, "7.77"),
    )
    return Cast(leaders=(leader,), followers=followers)


def debtor(seed: int) -> Cast:
    """Return one leader, a follower who can pay, and one who has 5 and must pay 20."""
    leader, accounts = scripted(Role.LEADER, seed=seed), scripted_range(Role.FOLLOWER, 2, seed=seed)
    followers = (
        _fixed("ten", accounts[0], leader, "10"),
        _fixed("underfunded", accounts[1], leader, "20", means=Collateral(5 * ONE)),
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


def crowd(seed: int) -> Cast:
    """Return three leaders and two hundred followers, one of them underfunded."""
    return cast(followers=200, seed=seed)


def _fixed(
    name: str,
    account: DevnetAccount,
    leader: DevnetAccount,
    amount: str,
    *,
    means: Collateral = _MEANS,
    max_signal_age_s: int = 120,
) -> Follower:
    return Follower(
        account=account,
        name=name,
        collateral=means,
        leader=leader,
        sizing=Sizing.FIXED,
        fixed_amount=Collateral.parse(amount),
        max_signal_age_s=max_signal_age_s,
    )
