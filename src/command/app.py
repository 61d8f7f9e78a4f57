"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from src.command import collect, dashboard, deadletter, doctor, down, normalise, orderbook, query, record, status, ticker, topics, trade, up
from src.command.running import run_app, set_up_logs
from src.parts.parent import follow_parent

app = typer.Typer(
    name="coin_spark.py",
    help="Crypto exchange websockets through Kafka and Spark into windowed metrics: candles, arbitrage, premiums, signals.",
    epilog="Settings come from the environment and .env (.env.example lists them). Data and state live in .coinspark/.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    suggest_commands=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (up, down, status, ticker, orderbook, trade, collect, query, dashboard, normalise, record, topics, deadletter, doctor):
    command.register(app)


@app.callback()
def program(
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say more on standard error, Spark's own warnings too: COINSPARK_LOG_LEVEL=debug.")
    ] = False,
) -> None:
    """What holds of every command."""
    set_up_logs(verbose=verbose)


def run() -> None:
    """Run the command line and exit."""
    follow_parent()
    run_app(app, "coin_spark.py")
