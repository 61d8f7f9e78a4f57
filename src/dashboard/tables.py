"""The tables that views may read, by name, from the metrics' own declarations; no job and no Spark is started for it."""

from __future__ import annotations

from collections.abc import Mapping

from src.collect.ledger import LEDGER_TABLE
from src.config.settings import Settings
from src.panes.reading import parsed_kinds
from src.preprocess.metric import INTERVAL
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.ticker import TickerQueryOrganization
from src.preprocess.trade import TradeQueryOrganization
from src.schema.records import OrderBook, Record, Ticker, Trade
from src.schema.tables import TableSchema

_JOBS: tuple[tuple[type[SparkCoinAverageQueryOrganization], type[Record]], ...] = (
    (TickerQueryOrganization, Ticker),
    (OrderbookQueryOrganization, OrderBook),
    (TradeQueryOrganization, Trade),
)


def metric_tables(settings: Settings) -> Mapping[str, TableSchema]:
    """The tables of all jobs' metrics under these settings, and the collectors' ledger."""
    found = {LEDGER_TABLE.name: LEDGER_TABLE}
    for kind, record in _JOBS:
        organization = kind(settings)
        kinds = dict(parsed_kinds(record, organization.computed()))
        for name, expression in organization.coin_main_columns().items():
            kinds[name] = expression.kind(kinds)
        own = {metric.name: metric.table(kinds) for metric in organization.metrics()}
        found |= own | {metric.name: metric.table(own) for metric in organization.series()}
    return found


def interval_lengths(settings: Settings) -> Mapping[str, Mapping[str, int]]:
    """Of each table that has windows of several lengths: the values of its key column `interval`, and how long such a window is, ms."""
    found: dict[str, Mapping[str, int]] = {}
    for kind, _ in _JOBS:
        organization = kind(settings)
        for metric in organization.metrics():
            if named := {name: window.size_ms for name, window in metric.intervals.items() if name is not None}:
                found[metric.name] = named
        for series in organization.series():
            if INTERVAL in series.keys:
                found[series.name] = {name: length for source in series.of for name, length in found.get(source, {}).items()}
    return found
