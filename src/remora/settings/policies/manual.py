"""docs/policy.md: every field of a policy file with unit, default, example and meaning, made of the declarations."""

from __future__ import annotations

from collections.abc import Iterator

from remora.domain.money import Collateral, Price, Ratio
from remora.domain.policy import Bounds, Exits, Policy
from remora.domain.reasons import SENTENCES, Reason
from remora.settings.policies.forms import Amount, Choice, Choices
from remora.settings.policies.sections import Field, Sections, declared

UNITS = {Collateral: "collateral", Price: "odds", Ratio: "factor"}

HEADING = """# The policy file

YAML. A policy is a follower's rules for one leader; there is one for each pair. Bounds hold for all policies of a
follower, of a leader, or of the whole service together. `remora policy import FILE` puts a file's rules in force, whole
or not at all, with every problem, its place and its line; [rules.md](rules.md) tells what else can be done to them.
`remora policy check FILE` says what is wrong with a file, `remora policy schema` prints its JSON schema. Editors that
know YAML complete and check a file whose first line is `# yaml-language-server: $schema=policies.schema.json`, with
`remora policy schema > policies.schema.json` beside it.

```yaml
service:
  limits: {exposure: "50000"}
leaders:
  "0x7a8006aaaa1bf1bbafe3cc40befac0e78e90467f":
    limits: {per_day: "5000"}
followers:
  "0xc7dbf50139a319d2a97bab26e4d3b84e38c9ca6d":
    limits: {per_day: "200"}
    protections: {daily_loss: "50"}
policies:
  - follower: "0xc7dbf50139a319d2a97bab26e4d3b84e38c9ca6d"
    leader: "0x7a8006aaaa1bf1bbafe3cc40befac0e78e90467f"
    sizing: {mode: fixed, amount: "10"}
    filters: {max_odds: "0.85"}
  - follower: "0x3ec003c70cc2152f9ff0fcc4c9957c97b69d00c4"
    leader: "0x7a8006aaaa1bf1bbafe3cc40befac0e78e90467f"
    sizing: {multiplier: "0.1", maximum: "50"}
```

Amounts and odds are texts in quotes, or whole numbers: a bare `0.85` in YAML is a floating-point number, which remora
refuses for money. They have six decimals at most. A field that is left out has its default; most are off. Words are
compared in any case. What a filter or a protection asks of a market and the venue does not say, denies the entry.
"""


EXITS = """
A leader's exit sells the fraction of its position that the leader let go, of the lot held through this policy, and
never more than the follower holds on chain. What the leader held is read at the sale's own place in the chain: a leader
who sells half, and half of the rest, takes half of the lot along and then a quarter, in one block or in many. A leader
also leaves without selling:

| What the leader did | What its followers do, if `exits.kinds` has it |
|---|---|
| `merge`: merged a set of both outcomes into collateral | sell both outcomes, each by its own fraction |
| `conversion`: converted NO shares of a neg-risk event | sell the NO shares; the YES shares gained are no entry |
| `redemption`: redeemed shares of a resolved market | sell; by default nothing, for followers redeem themselves |
| `transfer`: moved shares to another account | sell; by default nothing, for it may be the leader's own |

Such an exit has no price: its limit is `exits.max_slippage_bps` below the best bid. Splits, and shares that come to a
leader, are never entries.
"""


REASONS = """
## Why a trade was not copied

Every trade that was not copied, or not in full, has a reason; the words in braces are its facts.

| Reason | What it says |
|---|---|"""


def manual() -> Iterator[str]:
    """Yield docs/policy.md, line by line."""
    yield from HEADING.splitlines()
    yield from _table("A policy", Policy)
    for name, kind in _sections(Policy):
        yield from _table(f"`{name}`", kind)
        if kind is Exits:
            yield from EXITS.splitlines()
    names = " and ".join(f"`{name}`" for name, _ in _sections(Bounds))
    yield from ("", "## Bounds", "", *_docstring(Bounds), "")
    yield f"Under `service`, and under each wallet of `leaders` and `followers`: {names}, each with the fields above."
    yield from REASONS.splitlines()
    yield from (f"| `{reason}` | {SENTENCES[reason]} |" for reason in Reason)


def _sections(kind: type[object]) -> Iterator[tuple[str, type[object]]]:
    return ((name, each.form) for name, each in declared(kind).items() if isinstance(each.form, type))


def _table(title: str, kind: type[object]) -> Iterator[str]:
    """Yield a section's heading, what it is, and its fields."""
    yield from ("", f"## {title}", "", *_docstring(kind), "")
    yield from ("| Field | Unit | Default | Example | Meaning |", "|---|---|---|---|---|")
    for name, each in declared(kind).items():
        if each.doc.says:
            yield f"| `{name}` | {_unit(each)} | {_default(each)} | `{each.doc.example}` | {each.doc.says} |"


def _docstring(kind: type[object]) -> list[str]:
    return [line.strip() for line in (kind.__doc__ or "").strip().splitlines()]


def _unit(which: Field) -> str:
    if which.doc.unit:
        return which.doc.unit
    match which.form:
        case Sections(kind) | (type() as kind):
            names = " and ".join(f"`{name}`" for name in declared(kind))
            return f"a list of {names}" if isinstance(which.form, Sections) else names
        case Amount(kind):
            return UNITS[kind]
        case Choice(options):
            return ", ".join(options)
        case Choices(choice):
            return f"some of {', '.join(choice.options)}"
        case form:
            return form.says


def _default(which: Field) -> str:
    if which.required:
        return "required"
    if which.default is None:
        return "off"
    match which.form:
        case Sections() | type():
            return "none"
        case form:
            return f"`{_flow(form.write(which.default))}`"


def _flow(plain: str | int | list[str]) -> str:
    """Return a default as it would be written."""
    match plain:
        case bool():
            return str(plain).lower()
        case list():
            return f"[{', '.join(plain)}]"
        case str() if plain[:1].isdigit():
            return f'"{plain}"'
        case _:
            return str(plain)
