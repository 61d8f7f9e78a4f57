"""The command `orderbook`: the order-book job, from frames to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from src.command.job import job_command

if TYPE_CHECKING:
    from src.setting.streaming import SparkStreamingCoinAverage

_HELP = """\
Best prices, spreads, sizes and imbalance by region and market, and what can be executed across markets, from order books.

Starts what it needs (an embedded Kafka broker, a collector), stores rows in the database and in Kafka topics, and shows them here.
Ctrl-C stops everything in order; the next start goes on from where it was. With `--json` every row is a line of JSON.

Examples:
- `python coin_spark.py orderbook`
- `python coin_spark.py orderbook --debug`
- `python coin_spark.py orderbook --source simulate --symbols BTC,ETH`
- `python coin_spark.py orderbook --source replay recordings/okx/orderbook.jsonl --speed inf --trigger available-now`
"""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("orderbook", help=_HELP)(job_command(_job))


def _job() -> type[SparkStreamingCoinAverage]:
    from src.setting.jobs import SparkStreamingOrderbook

    return SparkStreamingOrderbook
