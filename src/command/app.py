"""The tree of commands, and how an error reaches the user: one line, and the exit status that says who must act."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from src.command import broker, collect, dashboard, deadletter, doctor, normalise, orderbook, record, ticker, topics, trade
from src.config.settings import load_settings
from src.errors import CoinSparkError, ConfigurationError
from src.logs import hear_libraries, say_error
from src.logs.by_settings import log_by

app = typer.Typer(
    name="coin_spark.py",
    help="Crypto exchange websockets through Kafka and Spark into windowed metrics: candles, arbitrage, premiums, signals.",
    epilog="Settings come from the environment and .env (.env.example lists them). Data and state live in .coinspark/.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (ticker, orderbook, trade, collect, record, normalise, topics, deadletter, dashboard, doctor, broker):
    command.register(app)


@app.callback()
def program(
    *, verbose: Annotated[bool, typer.Option("--verbose", help="Say more on standard error, Spark's own warnings too: COINSPARK_LOG_LEVEL=debug.")] = False
) -> None:
    """What holds of every command."""
    if verbose:
        # By the environment, so that the processes which a command starts say more as well.
        os.environ["COINSPARK_LOG_LEVEL"] = "debug"
    try:
        settings = load_settings()
    except ConfigurationError:
        # A command that needs the settings says what is wrong with them; others do without.
        return
    log_by(settings)
    hear_libraries(verbose=settings.log_level == "debug")



def run() -> None:
    """Run the command line and exit."""
    try:
        app()
    except BrokenPipeError:
        # Whoever read the output has gone; Python would say so once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CoinSparkError as error:
        say_error(str(error), error.exit_status)
        sys.exit(error.exit_status)
