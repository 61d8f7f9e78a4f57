"""The command `dashboard`: the page over what the jobs have stored, and the API beside it."""

from __future__ import annotations

from typing import Annotated

import typer

from src.broker.ports import LOOPBACK
from src.command.options import Port
from src.config.settings import load_settings
from src.logs import about, logger

PORT = 8050


def dashboard(
    *,
    port: Port = PORT,
    host: Annotated[
        str, typer.Option(help="Address that it listens on. The page asks for no password: on another one everybody there can read it.")
    ] = LOOPBACK,
    refresh: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks at the database, for all pages together.")] = 1.0,
    language: Annotated[str, typer.Option(help="Language that a new page begins in: en or ko.")] = "en",
) -> None:
    """Show prices, candles, arbitrage and more of what the jobs have stored, on a page in the browser, and serve it to programs.

    Reads the database, or ClickHouse where COINSPARK_CLICKHOUSE_URL is set; it never writes, and uses no Spark. Programs read the same data
    under `/api/v1/` (docs/api.md).

    Examples:
    - `python coin_spark.py dashboard`
    - `python coin_spark.py dashboard --port 8051 --language ko --refresh 5`
    """
    from src.dashboard.serving import serve

    with about(part="dashboard"):
        serve(load_settings(), host, port, refresh, language, _say_address)


def _say_address(address: str) -> None:
    logger().info(f"The dashboard is at {address} (Ctrl-C stops it).", address=address)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(dashboard)
