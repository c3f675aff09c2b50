"""The policy file: YAML with a list of policies, read whole or refused whole, with every problem and its place.

policies:
  - follower: "0x…"
    leader: "0x…"
    sizing: fixed            # or percentage
    fixed_amount: "10"       # collateral per entry
    max_odds: "0.85"
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from remora.domain.errors import Malformed
from remora.domain.ids import Address, PolicyId, address
from remora.domain.money import ONE, ZERO_COLLATERAL, Collateral, Price
from remora.domain.parties import Policy, Sizing

T = TypeVar("T")


def _amount(raw: Any) -> Collateral:
    return _parsed(Collateral.parse, raw)


def _price(raw: Any) -> Price:
    price = _parsed(Price.parse, raw)
    if not 0 < price.units <= ONE:
        raise ValueError(f"expected odds above 0 and at most 1, found {price}")
    return price


def _parsed(parse: Callable[[str], T], raw: Any) -> T:
    if isinstance(raw, float):
        raise ValueError(  # noqa: TRY004  pydantic collects ValueErrors
            f'expected the amount in quotes, "{raw}", found a floating-point number'
        )
    try:
        return parse(str(raw))
    except Malformed as error:
        raise ValueError(str(error)) from None


def _address_of(raw: Any) -> Address:
    return _parsed(address, raw)


AddressField = Annotated[str, BeforeValidator(_address_of)]
Amount = Annotated[Collateral, BeforeValidator(_amount)]
Odds = Annotated[Price, BeforeValidator(_price)]


class PolicyEntry(BaseModel):
    """One policy as it is written."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    follower: AddressField
    leader: AddressField
    sizing: Sizing
    fixed_amount: Amount | None = None
    percentage_bps: int | None = Field(default=None, gt=0, le=1_000_000)
    max_odds: Odds = Price(ONE)
    min_size: Amount = Collateral(ONE)
    max_slippage_bps: int = Field(default=500, ge=0, lt=10_000)
    max_signal_age_s: int = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _sizing_has_its_figure(self) -> PolicyEntry:
        figures = {Sizing.FIXED: self.fixed_amount, Sizing.PERCENTAGE: self.percentage_bps}
        names = {Sizing.FIXED: "fixed_amount", Sizing.PERCENTAGE: "percentage_bps"}
        for sizing, figure in figures.items():
            if (figure is not None) != (sizing is self.sizing):
                expected = "expected" if sizing is self.sizing else "expected no"
                raise ValueError(f"{expected} {names[sizing]} with sizing {self.sizing}")
        if self.fixed_amount is not None and self.fixed_amount <= ZERO_COLLATERAL:
            raise ValueError("expected a fixed_amount above 0")
        if self.min_size < ZERO_COLLATERAL:
            raise ValueError("expected a min_size of at least 0")
        return self

    def policy(self) -> Policy:
        """Return the policy; its id is the pair of follower and leader."""
        return Policy(
            policy_id=PolicyId(f"{self.follower}:{self.leader}"),
            leader=Address(self.leader),
            follower=Address(self.follower),
            sizing=self.sizing,
            fixed_amount=self.fixed_amount or ZERO_COLLATERAL,
            percentage_bps=self.percentage_bps or 0,
            max_odds=self.max_odds,
            min_size=self.min_size,
            max_slippage_bps=self.max_slippage_bps,
            max_signal_age_s=self.max_signal_age_s,
        )


class PolicyFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    policies: list[PolicyEntry]


class _StrictLoader(yaml.SafeLoader):
    """Refuses a field that is given twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  PyYAML's
        seen: list[Any] = []
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} twice", problem_mark=key.start_mark)
            seen.append(key.value)
        return super().construct_mapping(node, deep)


def read_policies(path: Path) -> list[Policy]:
    """Read a policy file; Malformed lists every problem with its place, and then nothing of the file is used."""
    try:
        document = _StrictLoader(path.read_text()).get_single_data()
    except OSError as error:
        raise Malformed(f"expected a policy file at {path}, found {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Malformed(f"expected YAML in {path}, found {' '.join(str(error).split())}") from None
    try:
        policies = [entry.policy() for entry in PolicyFile.model_validate(document).policies]
    except ValidationError as error:
        raise Malformed("\n".join([f"{path} has problems:", *map(_line, error.errors())])) from None
    _refuse_twins(path, policies)
    return policies


def _line(problem: Any) -> str:
    place = ".".join(map(str, problem["loc"])) or "file"
    return f"  {place}: {str(problem['msg']).removeprefix('Value error, ')}"


def _refuse_twins(path: Path, policies: list[Policy]) -> None:
    seen: dict[PolicyId, int] = {}
    for position, policy in enumerate(policies):
        if policy.policy_id in seen:
            raise Malformed(
                f"{path} has problems:\n  policies.{position}: the same follower and leader as policies."
                f"{seen[policy.policy_id]}; expected one policy for each pair"
            )
        seen[policy.policy_id] = position
