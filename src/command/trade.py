"""The command `trade`: the trade job, from frames to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from src.command.job import job_command

if TYPE_CHECKING:
    from src.setting.streaming import SparkStreamingCoinAverage

_HELP = """\
Candles, mean prices, whales, buying and selling pressure and indicators, from trades.

Starts what it needs (an embedded Kafka broker, a collector), stores rows in the database and in Kafka topics, and shows them here.
Ctrl-C stops everything in order; the next start goes on from where it was. With `--json` every row is a line of JSON.

Examples:
- `python coin_spark.py trade`
- `python coin_spark.py trade --debug`
- `python coin_spark.py trade --source simulate --symbols BTC,ETH`
- `python coin_spark.py trade --source replay recordings/okx/trade.jsonl --speed inf --trigger available-now`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("trade", help=_HELP)(job_command(_job))


def _job() -> type[SparkStreamingCoinAverage]:
    from src.setting.jobs import SparkStreamingTrade

    return SparkStreamingTrade
