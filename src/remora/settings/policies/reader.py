"""Reads a policy file: used whole or refused whole, with every problem, its place and its line.

service: {limits: {…}, protections: {…}}
leaders: {"0x…": {limits: …}}
followers: {"0x…": {limits: …, protections: …}}
policies:
  - follower: "0x…"
    leader: "0x…"
    sizing: {mode: fixed, amount: "10"}
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from remora.domain.errors import Malformed
from remora.domain.ids import Address, PolicyId
from remora.domain.policy import Bounds, Policy, Rulebook
from remora.settings.policies.coherence import strangers
from remora.settings.policies.forms import Wallet, name_of, word_of
from remora.settings.policies.problems import BadRules, Place, Problem
from remora.settings.policies.sections import Reading

PARTS = ("service", "leaders", "followers", "policies")
"""What a policy file is made of, in the order in which it is written."""

PARTIES = ("follower", "leader")

_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""Ten thousand policies take libyaml a second, and PyYAML's own parser half a minute."""


def read_policy_file(path: Path) -> Rulebook:
    """Read a policy file; BadRules lists every problem with its place, and then nothing of the file is used."""
    return read_rulebook(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Return a policy file's text; Malformed when it cannot be read."""
    try:
        return path.read_text()
    except OSError as error:
        raise Malformed(f"expected a policy file at {path}, found {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"expected YAML in {path}, found bytes that are no text: {error.reason}") from None


def read_rulebook(
    text: str,
    name: str,
    *,
    leaders: Collection[Address] | None = None,
    fleet: Collection[Address] = (),
    beside: Iterable[Policy] = (),
) -> Rulebook:
    """Read rules from a text of YAML, so of JSON too; `name` says in problems where it is from.

    With `leaders`, a policy for anybody else is a problem, and so is one that names an operator wallet of the `fleet`.
    Bounds may be of whom the text's policies name, or those that stay in force `beside` them.
    """
    return _Book(name, leaders, fleet).read(_composed(text, name), beside)


def read_policy(
    text: str,
    name: str,
    *,
    leaders: Collection[Address] | None = None,
    fleet: Collection[Address] = (),
    called: PolicyId | None = None,
) -> Policy:
    """Read one policy, as it stands in a file's list; BadRules as for a file, and for another id than `called`."""
    return _Book(name, leaders, fleet).read_policy(_composed(text, name), called)


def read_bounds(text: str, name: str) -> Bounds:
    """Read the bounds of one wallet or of the service, as they stand in a file; BadRules as for a file."""
    return _Book(name).read_bounds(_composed(text, name))


def _composed(text: str, name: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise Malformed(f"expected YAML in {name}, found {_mistake(error)}") from None
    if root is None:
        raise Malformed(f"expected policies in {name}, found nothing")
    return root


def _mistake(error: yaml.YAMLError) -> str:
    """Return what is no YAML, and its place as editors count it."""
    where = getattr(error, "problem_mark", None)
    if where is None:
        return " ".join(str(error).split())
    told = [each for each in (getattr(error, "context", None), getattr(error, "problem", None)) if each]
    return f"a mistake in line {where.line + 1}, column {where.column + 1}: {', '.join(told)}"


def policy_id(follower: Address, leader: Address) -> PolicyId:
    """Return the identity of a policy: the pair, of which there is one."""
    return PolicyId(f"{follower}:{leader}")


class _Book:
    """Reads one file's parts, and keeps on which nodes they were for what is found to be wrong later."""

    def __init__(self, name: str, leaders: Collection[Address] | None = None, fleet: Collection[Address] = ()) -> None:
        self._name = name
        self._leaders = leaders
        self._fleet = frozenset(fleet)
        self._reading = Reading()
        self._named: dict[str, set[Address]] = {party: set() for party in PARTIES}
        self._misread: set[str] = set()
        self._wallets: dict[tuple[str, Address], yaml.Node] = {}

    def read(self, root: yaml.Node, beside: Iterable[Policy]) -> Rulebook:
        """Return the rules; BadRules with every problem."""
        parts = dict(self._reading.named(root, (), PARTS))
        book = Rulebook(
            service=self._bounds(parts["service"], ("service",)) if "service" in parts else Bounds(),
            leaders=self._each("leaders", parts),
            followers=self._each("followers", parts),
            policies=tuple(self._policies(root, parts)),
        )
        for part, wallet, says in strangers(book, self._named, beside):
            if part.removesuffix("s") in self._misread:
                continue  # perhaps it is whom a policy means
            self._reading.complain((part, wallet), self._wallets[part, wallet], says)
        self._refuse()
        return book

    def read_policy(self, root: yaml.Node, called: PolicyId | None) -> Policy:
        """Return a policy that stands alone; BadRules with every problem."""
        policy = self._policy(root, ())
        if policy is not None and called not in {None, policy.policy_id}:
            says = f"expected the follower and leader of {called}, found those of {policy.policy_id}"
            self._reading.problems.append(Problem(place=(), line=None, says=says))
        self._refuse()
        assert policy is not None
        return policy

    def read_bounds(self, root: yaml.Node) -> Bounds:
        """Return bounds that stand alone; BadRules with every problem."""
        bounds = self._bounds(root, ())
        self._refuse()
        return bounds

    def _refuse(self) -> None:
        if self._reading.problems:
            raise BadRules(self._name, self._reading.problems)

    def _bounds(self, node: yaml.Node, place: Place) -> Bounds:
        return self._reading.section(Bounds, node, place) or Bounds()

    def _each(self, part: str, parts: Mapping[str, yaml.Node]) -> dict[Address, Bounds]:
        """Return the bounds of each wallet of a part of the file."""
        bounds: dict[Address, Bounds] = {}
        for key, node in self._reading.entries(parts[part], (part,)) if part in parts else ():
            place = (part, word_of(key).lower())
            wallet = self._wallet(key, place)
            if wallet in bounds:
                self._reading.complain(place, key, "expected each wallet once, found it again")
            elif wallet is not None:
                bounds[wallet] = self._bounds(node, place)
                self._wallets[part, wallet] = key
        return bounds

    def _wallet(self, node: yaml.Node, place: Place) -> Address | None:
        try:
            return Wallet().read(node)
        except Malformed as error:
            self._reading.complain(place, node, str(error))
            return None

    def _policies(self, root: yaml.Node, parts: Mapping[str, yaml.Node]) -> Iterator[Policy]:
        """Yield the policies; two for the same pair are a problem of the second."""
        first: dict[tuple[Address, ...], int] = {}
        for position, node in enumerate(self._listed(root, parts)):
            place = ("policies", position)
            policy = self._policy(node, place)
            pair = tuple(self._parties(node).values())
            twin = first.setdefault(pair, position) if len(pair) == len(PARTIES) else position
            if twin != position:
                says = f"expected one policy for each pair, found follower and leader of policies.{twin}"
                self._reading.complain(place, node, says)
            if policy is not None:
                yield policy

    def _policy(self, node: yaml.Node, place: Place) -> Policy | None:
        make: Callable[..., Policy] = _policy
        policy: Policy | None = self._reading.section(Policy, node, place, make=make)
        parties = self._parties(node)
        self._misread.update(set(PARTIES) - parties.keys())
        for party, wallet in parties.items():
            self._named[party].add(wallet)
            doubt = self._doubt(party, wallet)
            if doubt is not None:
                self._reading.complain((*place, party), _entry(node, party), doubt)
        return policy

    def _parties(self, node: yaml.Node) -> dict[str, Address]:
        """Return whom a policy names, as far as that can be read, whatever else is wrong with it."""
        found = {}
        for party in PARTIES:
            with suppress(Malformed):
                found[party] = Wallet().read(_entry(node, party))
        return found

    def _doubt(self, party: str, wallet: Address) -> str | None:
        """Return why somebody can be no party of a policy, None for who can."""
        if wallet in self._fleet:
            return f"expected no wallet of remora's own, found the operator wallet {wallet}"
        if party == "leader" and self._leaders is not None and wallet not in self._leaders:
            return f"expected a leader of the registry (remora leaders add), found {wallet}"
        return None

    def _listed(self, root: yaml.Node, parts: Mapping[str, yaml.Node]) -> list[yaml.Node]:
        node = parts.get("policies")
        if any(problem.place == ("policies",) for problem in self._reading.problems):
            self._misread.update(PARTIES)  # there is a second list, which is not read
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        says = f"expected a list of policies, found {name_of(node) if node else 'none'}"
        self._reading.complain(("policies",), node or root, says)
        self._misread.update(PARTIES)
        return []


def _policy(**values: Any) -> Policy:
    return Policy(policy_id=policy_id(values["follower"], values["leader"]), **values)


def _entry(node: yaml.Node, name: str) -> yaml.Node:
    """Return what a mapping holds under a name."""
    entries = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in entries if word_of(key) == name), node)
