"""`coin_spark.py query`: what the jobs have stored, by SQL or by a ready question, as a table, CSV, JSON or a plot."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from src.command import completers
from src.command.options import AsJson
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.dashboard.stores import Store
    from src.query.ready import Asked
    from src.query.result import Result
    from src.schema.tables import TableSchema

_ROWS = 200
_SECONDS = 10

What = Annotated[
    str, typer.Argument(help='The name of a table, or a statement in quotes: "select ...".', show_default=False, autocompletion=completers.tables)
]
Symbol = Annotated[str | None, typer.Argument(help="Base coin of the rows.", show_default=False, autocompletion=completers.symbol)]
Market = Annotated[str | None, typer.Option(help="Exchange of the rows.", show_default=False, autocompletion=completers.market)]
Region = Annotated[str | None, typer.Option(help="Region of the rows: korea, asia or ne.", show_default=False, autocompletion=completers.regions)]
Interval = Annotated[
    str | None, typer.Option(help="Length of the candles, where the table has several. Default: 1m.", autocompletion=completers.intervals)
]
Where = Annotated[
    list[str] | None, typer.Option(help="NAME=VALUE: rows with this value in a column of text, such as source=live. May be given several times.")
]
Columns = Annotated[str | None, typer.Option(help="Columns, with commas, in this order. Default: all; on a terminal those that matter and fit.")]
Last = Annotated[str | None, typer.Option(help="Only rows of the last 90s, 30m, 1h, 7d or 2w, by the beginning of their window.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
Timeout = Annotated[int, typer.Option(min=1, max=600, help="Seconds that the database may take for the answer.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV: a heading with units, all digits, times in UTC.")]
Plot = Annotated[bool, typer.Option("--plot", help="Draw the values over time, candles as candles.")]


def query(
    what: What,
    symbol: Symbol = None,
    *,
    market: Market = None,
    region: Region = None,
    interval: Interval = None,
    where: Where = None,
    columns: Columns = None,
    last: Last = None,
    limit: Limit = _ROWS,
    timeout: Timeout = _SECONDS,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    plot: Plot = False,
) -> None:
    """Ask the tables of the metrics: the database's, or ClickHouse's where COINSPARK_CLICKHOUSE_URL is set. Nothing can be written.

    A table by its name gives its newest rows (docs/tables.md lists tables and columns); a statement in quotes is SQL of that database. In
    ClickHouse a statement asks `<table>_current`, which has each row once. Units stand in the heading.

    Examples:
    - `python coin_spark.py query candles BTC --market upbit --last 1h`
    - `python coin_spark.py query candles BTC --market okx --interval 15m --last 1d --plot`
    - `python coin_spark.py query arbitrage ETH --columns window_start,premium_percent_korea_asia --csv`
    - `python coin_spark.py query executable_spread BTC --where buy_market=okx --where sell_market=upbit --json`
    - `python coin_spark.py query "select symbol, count(*) from candles group by symbol"`
    """
    from src.query.statement import is_statement

    if sum((as_csv, as_json, plot)) > 1:
        raise ConfigurationError("--csv, --json and --plot: one of them")
    settings = load_settings()
    given = {"symbol": symbol, "market": market, "region": region, "interval": interval}
    filters = tuple((name, value) for name, value in given.items() if value is not None) + tuple(map(_condition, where or ()))
    wanted = tuple(name.strip() for name in columns.split(",") if name.strip()) if columns else ()
    first: list[str] = []
    if is_statement(what):
        if filters or last:
            raise ConfigurationError("a statement says itself which rows it wants: leave out the symbol, --market and the like, and --last")
        result = _statement(settings, what, limit, timeout)
        result = _only(result, wanted)
    else:
        schema, asked = _asked(settings, what, filters, wanted, last, limit)
        result, first = _ready(settings, schema, asked, timeout)
    if as_json:
        from src.query.output import as_json as json_of

        return typer.echo(json_of(result))
    if as_csv:
        from src.query.output import as_csv as csv_of

        typer.echo(csv_of(result), nl=False)
    elif plot:
        _draw(result, first)
    else:
        _print(result, first)
    if result.more:
        typer.echo(f"the first {len(result.rows):,} rows: --limit shows more", err=True)
    return None


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(query)


def _condition(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigurationError(f"--where {text}: it is NAME=VALUE, such as buy_market=upbit")
    return name.strip(), value.strip()


def _asked(
    settings: Settings, what: str, filters: tuple[tuple[str, str], ...], columns: tuple[str, ...], last: str | None, limit: int
) -> tuple[TableSchema, Asked]:
    """Schema and question of a ready query; what is wrong with it is said before any database is opened."""
    from src.dashboard.tables import metric_tables
    from src.query.ready import DEFAULT_INTERVAL, Asked, question, span_ms, table_named

    schema = table_named(what, metric_tables(settings))
    chosen = [(name, value.upper() if name == "symbol" else value) for name, value in filters]
    if any(column.name == "interval" for column in schema.columns) and "interval" not in dict(chosen):
        chosen.append(("interval", DEFAULT_INTERVAL))
        typer.echo(f"{what} of {DEFAULT_INTERVAL}: --interval names another", err=True)
    asked = Asked(what, tuple(chosen), columns, None if last is None else span_ms(last), limit)
    question(schema, asked)
    return schema, asked


def _ready(settings: Settings, schema: TableSchema, asked: Asked, seconds: int) -> tuple[Result, list[str]]:
    from src.query.ready import answer, brief

    with _store(settings, seconds, schema.name) as store:
        result = answer(store, schema, asked)
        if not result.rows:
            typer.echo(f"{schema.name} at {store.shown} has no such rows", err=True)
    return result, list(asked.columns) or brief(schema, result)


def _statement(settings: Settings, what: str, limit: int, seconds: int) -> Result:
    from src.dashboard.stores import ClickHouseStore, SqlStore
    from src.dashboard.tables import metric_tables
    from src.query.answering import Bounds, ask_clickhouse, ask_database
    from src.query.statement import reading_statement

    statement, bounds = reading_statement(what), Bounds(limit, seconds)
    known = _names(metric_tables(settings))
    with _store(settings, seconds) as store:
        if isinstance(store, ClickHouseStore):
            return ask_clickhouse(store, statement, bounds, known)
        assert isinstance(store, SqlStore)  # noqa: S101  for the type checker: there are these two
        return ask_database(store, statement, bounds, known)


def _store(settings: Settings, seconds: int, table: str | None = None) -> AbstractContextManager[Store]:
    from src.query.place import opened_store

    return opened_store(settings, seconds, table)


def _names(tables: Mapping[str, TableSchema]) -> list[str]:
    return [*tables, *(column.name for schema in tables.values() for column in schema.columns)]


def _only(result: Result, columns: tuple[str, ...]) -> Result:
    from src.nearest import one_of

    names = [heading.name for heading in result.headings]
    for name in columns:
        if name not in names:
            raise ConfigurationError(f"the answer has no column {name}: {one_of(name, names, 'It has')}")
    return result.only(columns) if columns else result


def _draw(result: Result, first: list[str]) -> None:
    from src.query.plot import plotted

    if not result.rows:
        return typer.echo("there are no rows to draw", err=True)
    console = Console()
    return typer.echo(plotted(result, first, console.width, console.height, color=console.is_terminal))


def _print(result: Result, first: list[str]) -> None:
    from src.query.output import as_table

    console = Console()
    table, out = as_table(result, console.width, first)
    console.print(table)
    if out:
        typer.echo(f"{len(out)} more columns: --columns names those to show, --csv and --json have all ({', '.join(out)})", err=True)
