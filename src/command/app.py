"""The tree of commands, and how an error reaches the user: one line, and the exit status that says who must act."""

from __future__ import annotations

import os
import sys

import typer

from src.command import collect, dashboard, deadletter, doctor, down, normalise, orderbook, query, record, status, ticker, topics, trade, up
from src.command.mistakes import is_help, told
from src.errors import CoinSparkError
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


def run() -> None:
    """Run the command line and exit."""
    follow_parent()
    try:
        ended = app(prog_name="coin_spark.py", standalone_mode=False)
    except BrokenPipeError:
        # Whoever read the output has gone; Python would say so once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CoinSparkError as error:
        print(f"coinspark: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except typer.TyperException as error:
        if not is_help(error):
            print(f"coinspark: {told(error)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except typer.Abort:
        print("coinspark: broken off", file=sys.stderr)
        sys.exit(1)
    else:
        sys.exit(ended if isinstance(ended, int) else 0)
