"""The event constants are the hashes of the signatures that stand beside them."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise

from eth_utils.crypto import keccak

from remora.domain import contracts
from remora.domain.ids import address


def documented_constants() -> dict[str, tuple[str, str]]:
    """Name, value and docstring of every string constant that has a docstring."""
    found = {}
    for first, second in pairwise(ast.parse(inspect.getsource(contracts)).body):
        match first, second:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                found[name] = (value, doc)
    return found


def test_topics_are_the_hashes_of_their_signatures() -> None:
    constants = documented_constants()
    assert constants.keys() == {
        name for name, value in vars(contracts).items() if name.isupper() and len(str(value)) == 66
    }
    for name, (value, signature) in constants.items():
        assert value == "0x" + keccak(text=signature).hex(), name


def test_the_burn_address_of_conversions_is_derived_from_its_name() -> None:
    assert keccak(text="NO_TOKEN_BURN_ADDRESS").hex().startswith(contracts.CONVERSION_BURN[2:])


def test_addresses_are_canonical_and_have_one_role() -> None:
    polygon = contracts.POLYGON
    groups = (polygon.exchanges, polygon.ledgers, polygon.collaterals, polygon.adapters)
    everything = [member for group in groups for member in group]
    assert len(everything) == len(set(everything))
    assert all(address(member) == member for member in everything)


def test_adding_keeps_what_was_known() -> None:
    ours = address("0x" + 40 * "a")
    added = contracts.POLYGON.adding(exchanges=[ours], ledgers=[ours])
    assert added.exchanges == contracts.POLYGON.exchanges | {ours}
    assert added.ledgers == contracts.POLYGON.ledgers | {ours}
    assert added.adapters == contracts.POLYGON.adapters
