"""The terminal: what the supervisor's log says, in words and colours, as it happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from remora.domain.money import format_units

Event = Mapping[str, Any]

SKIPPED = frozenset({"decided", "order_acknowledged", "wallet_loaded", "fleet_loading"})


class Screen:
    """Prints events with names in place of addresses."""

    def __init__(self, console: Console, names: Mapping[str, str]) -> None:
        self._console = console
        self._names = names
        self._sentences: Mapping[str, Callable[[Event], str]] = {
            "signal_heard": self._signal,
            "denied": lambda e: f"[yellow]denied[/]    {self._name(e['follower'])}: {escape(e['because'])}",
            "no_trade": lambda e: f"[dim]no trade  {self._name(e['leader'])}: {e['reasons']}[/]",
            "order_filled": lambda e: f"[green]filled[/]    {e['shares']} shares at {e['price']}",
            "settled": lambda e: f"[green]settled[/]   {e['step']}: {_followers(e['legs'])} in one transaction",
            "debt_opened": lambda e: f"[red]debt[/]      {self._name(e['follower'])} owes {e['due']} ({e['failure']})",
            "debt_recovered": lambda e: f"[green]recovered[/] {self._name(e['follower'])} paid {e['due']}",
            "refueled": lambda e: f"[cyan]refueled[/]  {e['wallets']} operator wallets below the threshold",
            "refreshed": lambda e: f"[cyan]ready[/]     {e['policies']} policies, fleet {e['ready']}/{e['size']}",
            "listening": lambda _: "[cyan]listening[/] for fills of the leaders",
        }

    def say(self, words: str) -> None:
        """Print a line of the demo's own."""
        self._console.print(f"[bold]· {words}[/]", highlight=False)

    def show(self, event: Event) -> None:
        """Print what an event means; warnings and errors without a sentence are printed as they are."""
        sentence = self._sentences.get(event["event"])
        if sentence:
            self._console.print(f"  {sentence(event)}", highlight=False)
        elif event.get("level") in {"warning", "error"}:
            self._console.print(f"  [red]{escape(str(dict(event)))}[/]", highlight=False)

    def summarize(self, report: Mapping[str, Any]) -> None:
        """Print the run report as tables."""
        self._console.print(_followers_table(report, self._names))
        self._console.print(_totals_table(report))

    def _signal(self, event: Event) -> str:
        leader, side = self._name(event["leader"]), event["side"]
        return f"[bold blue]signal[/]    {leader} {side} {event['shares']} shares at {event['price']}"

    def _name(self, wallet: str) -> str:
        return escape(self._names.get(wallet, wallet))


SHOWN_FOLLOWERS = 12


def _followers(count: int) -> str:
    return "1 follower" if count == 1 else f"{count} followers"


def _followers_table(report: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    table = Table(title="Followers", title_justify="left")
    for heading in ("follower", "collateral", "positions"):
        table.add_column(heading)
    for follower in report["followers"][:SHOWN_FOLLOWERS]:
        positions = ", ".join(f"{format_units(int(n), 6)} of …{token[-4:]}" for token, n in follower["shares"].items())
        collateral = format_units(int(follower["collateral"]), 6)
        table.add_row(escape(names.get(follower["wallet"], follower["wallet"])), collateral, positions or "none")
    if len(report["followers"]) > SHOWN_FOLLOWERS:
        table.add_row(f"and {len(report['followers']) - SHOWN_FOLLOWERS} more", "", "")
    return table


def _totals_table(report: Mapping[str, Any]) -> Table:
    table = Table(title="Run", title_justify="left", show_header=False)
    denials = ", ".join(f"{reason} {count}" for reason, count in report["denials"].items()) or "none"
    debts, fleet = report["debts"], report["fleet"]
    rows = [
        ("signals", str(report["signals"])),
        ("intents", str(report["intents"])),
        ("denials", denials),
        ("orders, fills", f"{report['orders']}, {report['fills']}"),
        ("settled", str(report["settled"])),
        ("debts", f"{debts['opened']} opened, {debts['recovered']} recovered, {debts['outstanding']} outstanding"),
        ("fleet", f"{fleet['ready']} of {fleet['size']} ready"),
        ("gas per leg", ", ".join(f"{step} {gas:,}" for step, gas in report["gas_per_leg"].items())),
        ("books", "equal the chain to the base unit" if report["books_balanced"] else "DO NOT BALANCE"),
    ]
    rows += [(stage, _milliseconds(p)) for stage, p in report["latency_ms"].items()]
    for row in rows:
        table.add_row(*row)
    return table


def _milliseconds(percentiles: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value} ms" for name, value in percentiles.items())
