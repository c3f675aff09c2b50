"""The contracts as the devnet deploys them: compiled here, or taken from their npm package.

`python -m remora.devnet.artifacts` compiles every Vyper contract under `contracts/` to `build/contracts/<Name>.json`.
A source named in lower case is a module: a part of the contracts that import it. A contract is compiled again only when
its text, a module or the compiler has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
CONDITIONAL_TOKENS = "ConditionalTokens"

_CONDITIONAL_TOKENS_PATH = "node_modules/@gnosis.pm/conditional-tokens-contracts/build/contracts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A contract ready to be deployed: its ABI, and its creation bytecode without constructor arguments."""

    abi: list[dict[str, Any]]
    bytecode: bytes


def compile_contracts(out: Path | None = None, *, root: Path = ROOT) -> list[str]:
    """Compile all contracts of the tree at `root` into `out`, and return the names of those that had changed.

    `out` is `build/contracts` of the tree if not given. The compiler writes about a faulty source to standard error;
    `subprocess.CalledProcessError` is raised for it.
    """
    out = _build_directory(root) if out is None else out
    out.mkdir(parents=True, exist_ok=True)
    sources = sorted((root / "contracts").rglob("*.vy"))
    modules = [source for source in sources if source.stem.islower()]
    contracts = [source for source in sources if source not in modules]
    return [contract.stem for contract in contracts if _compile(contract, modules, out / f"{contract.stem}.json")]


def load_artifact(name: str, *, root: Path = ROOT) -> Artifact:
    """Load a compiled contract by its name, or `ConditionalTokens` from its npm package.

    Raises FileNotFoundError, with what to do about it, if it was not compiled or installed yet.
    """
    directory = root / _CONDITIONAL_TOKENS_PATH if name == CONDITIONAL_TOKENS else _build_directory(root)
    path = directory / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"expected the contract {name} at {path}, found nothing, run `make setup`")
    document = json.loads(path.read_text())
    return Artifact(abi=document["abi"], bytecode=bytes.fromhex(document["bytecode"].removeprefix("0x")))


def _build_directory(root: Path) -> Path:
    return root / "build" / "contracts"


def _compile(source: Path, modules: list[Path], target: Path) -> bool:
    texts = (importlib.metadata.version("vyper"), *(path.read_text() for path in (source, *modules)))
    source_hash = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    if target.is_file() and json.loads(target.read_text()).get("source_hash") == source_hash:
        return False
    abi, bytecode = _run_compiler(source).splitlines()
    _write(target, {"abi": json.loads(abi), "bytecode": bytecode, "source_hash": source_hash})
    return True


def _run_compiler(source: Path) -> str:
    # A process of its own: to import the compiler costs half a second, and most who load artifacts never need it.
    command = [sys.executable, "-m", "vyper", "-f", "abi,bytecode", str(source)]
    return subprocess.run(  # noqa: S603 - our own interpreter, and a path of our own tree
        command, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _write(target: Path, document: dict[str, Any]) -> None:
    # Renamed into place: whoever loads it at the same time sees the old file or the new one.
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(document))
    partial.replace(target)


def main() -> None:
    """Compile the contracts and say which were new."""
    parser = argparse.ArgumentParser(description="Compile the contracts to build/contracts/.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree that holds contracts/")
    changed = compile_contracts(root=parser.parse_args().root)
    sys.stdout.write(f"compiled: {', '.join(changed) or 'nothing new'}\n")


if __name__ == "__main__":
    main()
