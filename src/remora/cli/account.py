"""`remora devnet account`: wallets of every kind, funded and ready to trade, on a running devnet.

Their private keys are the answer, and go to stdout alone.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from remora.cli.asking import HERE, AsJson, Where, asked, pairs

app = typer.Typer(no_args_is_help=True, help="Make accounts on a running devnet.")


@app.callback()
def account() -> None:
    """Make accounts on a running devnet."""


@app.command()
def create(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    kind: Annotated[str, typer.Option(help="eoa, proxy, safe, deposit or session (a key of a deposit wallet).")],
    count: Annotated[int, typer.Option(help="How many.")] = 1,
    collateral: Annotated[str | None, typer.Option(help="Collateral of each, in decimals.")] = None,
    native: Annotated[str | None, typer.Option(help="Native coins of each, in decimals.")] = None,
    shares: Annotated[list[str] | None, typer.Option(help="TOKEN=AMOUNT: shares of each.")] = None,
    daily_limit: Annotated[
        str | None, typer.Option(help="Make followers: they join the Clearinghouse with this limit a day.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="What session keys may do: ALL, CLOB, COMBOSRFQ.")] = None,
    expires_in: Annotated[int | None, typer.Option(help="How many seconds session keys live.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, unrelated accounts.")] = None,
    devnet: Where = HERE,
    as_json: AsJson = False,
) -> None:
    """Make funded accounts that trade at once; print trading wallet, signer, signature type and private key of each."""
    terms = {
        "kind": kind,
        "count": count,
        "collateral": collateral,
        "native": native,
        "shares": pairs("--shares", shares or []) or None,
        "daily_limit": daily_limit,
        "scopes": scope or None,
        "expires_in_s": expires_in,
        "seed": seed,
    }
    given = {name: value for name, value in terms.items() if value is not None}
    made = asked(devnet, "POST", "/accounts", given)["accounts"]
    if as_json:
        typer.echo(json.dumps(made, indent=2))
        return
    for each in made:
        typer.echo(f"{each['address']} {each['signer']} {each['signature_type']} {each['private_key']}")
