"""`remora devnet market`: open, resolve and list markets of a running devnet.

Several are opened from a file (YAML or JSON) with a list under `markets`, all of them or none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remora.cli.asking import HERE, AsJson, Where, asked, pairs, read_file
from remora.domain.errors import OperatorError

app = typer.Typer(no_args_is_help=True, help="Open, resolve and list markets of a running devnet.")


@app.command()
def create(  # noqa: PLR0917 - Typer reads options from parameters; nobody calls it
    question: Annotated[str | None, typer.Argument(help="What it is about.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with several markets instead of a question.")] = None,
    slug: Annotated[str | None, typer.Option(help="Its name in URLs; the question's words without.")] = None,
    neg_risk: Annotated[bool, typer.Option("--neg-risk", help="On the neg-risk exchange.")] = False,
    tick_size: Annotated[str | None, typer.Option(help="Smallest difference of prices.")] = None,
    min_order_size: Annotated[str | None, typer.Option(help="Smallest order that rests, in shares.")] = None,
    fee_rate: Annotated[str | None, typer.Option(help="The taker's, of shares x p(1-p).")] = None,
    seconds_delay: Annotated[int | None, typer.Option(help="How long marketable orders wait.")] = None,
    refuses_in_body: Annotated[bool, typer.Option("--refuses-in-body", help="Refuse orders by HTTP 200.")] = False,
    event: Annotated[str | None, typer.Option(help="Title of its event; its question without.")] = None,
    version: Annotated[str | None, typer.Option(help="v1, or v2 to trade on exchange V3.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A label in Gamma.")] = None,
    category: Annotated[str | None, typer.Option(help="Category in Gamma.")] = None,
    end_date: Annotated[str | None, typer.Option(help="Announced end, ISO 8601.")] = None,
    past_volume: Annotated[str | None, typer.Option(help="Collateral that Gamma says was traded before.")] = None,
    liquidity: Annotated[list[str] | None, typer.Option(help="mid=, levels= or shares= of first orders.")] = None,
    devnet: Where = HERE,
    as_json: AsJson = False,
) -> None:
    """Open a market, or all of a file; it can be traded at once."""
    if (question is None) == (file is None):
        raise OperatorError("expected a question or --file, and not both")
    if file is not None:
        document, source = read_file(file)
        opened = asked(devnet, "POST", "/markets", document, source=source)["opened"]
    else:
        terms = {
            "question": question,
            "slug": slug,
            "neg_risk": neg_risk or None,
            "tick_size": tick_size,
            "min_order_size": min_order_size,
            "fee_rate": fee_rate,
            "seconds_delay": seconds_delay,
            "refuses_in_body": refuses_in_body or None,
            "event": event,
            "version": version,
            "tags": tag or None,
            "category": category,
            "end_date": end_date,
            "past_volume": past_volume,
            "liquidity": None if liquidity is None else pairs("--liquidity", liquidity),
        }
        given = {name: value for name, value in terms.items() if value is not None}
        opened = asked(devnet, "POST", "/markets", {"markets": [given]})["opened"]
    _show(opened, as_json=as_json)


@app.command()
def resolve(
    markets: Annotated[list[str], typer.Argument(help="Slugs or condition ids.")],
    payouts: Annotated[str, typer.Option(help="The parts of YES and of NO: 1,0 or 0,1, or 1,1 for a draw.")],
    devnet: Where = HERE,
    as_json: AsJson = False,
) -> None:
    """Resolve markets: their books are gone, and their shares pay."""
    parts = [int(part) if part.isdecimal() else part for part in payouts.split(",")]
    wanted = [{"market": market, "payouts": parts} for market in markets]
    _show(asked(devnet, "POST", "/markets/resolve", {"resolutions": wanted})["resolved"], as_json=as_json)


@app.command("list")
def list_markets(devnet: Where = HERE, as_json: AsJson = False) -> None:
    """Name every market with its condition id and its two token ids."""
    _show(asked(devnet, "GET", "/markets")["markets"], as_json=as_json)


def _show(markets: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(markets, indent=2))
        return
    for market in markets:
        state = "resolved" if market["resolved"] else "open"
        typer.echo(
            f"{market['slug']} {state} {market['condition_id']} {market['yes_token_id']} {market['no_token_id']}"
        )
