"""The same questions, put to ClickHouse: the engine in the test's own process."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow as pa

from src.dashboard.question import Question
from src.dashboard.stores import ClickHouseStore
from src.dashboard.tables import metric_tables
from src.preprocess.ticker import TickerQueryOrganization
from src.storage.clickhouse import ClickHouseSink
from src.storage.sink import Batch
from tests.dashboard.markets import MINUTE, SETTINGS, metric_rows, tickers
from tests.servers import missing

START = 1_790_000_040_000


def test_rows_come_newest_first_and_bounded_and_a_missing_table_has_none(tmp_path: Path) -> None:
    if importlib.util.find_spec("chdb") is None:
        raise missing("no chdb: poetry install --extras clickhouse")
    url, tables = f"chdb://{tmp_path}/engine", metric_tables(SETTINGS)
    schema = tables["arbitrage"]
    sink = ClickHouseSink(url, ttl_days=0)
    sink.open([schema])
    records = tickers(START, START + 8 * MINUTE, MINUTE, ("BTC", "ETH"))
    rows = metric_rows(TickerQueryOrganization(SETTINGS), records, ("arbitrage",))["arbitrage"]
    sink.write(Batch("test", 0, {schema: pa.Table.from_pylist(list(rows), schema.arrow())}))
    store = ClickHouseStore(url)
    where = (("source", "simulated"), ("symbol", "ETH"))
    assert store.rows(schema, Question("arbitrage", ("symbol", "window_start"), where, START + 6 * MINUTE)) == [
        {"symbol": "ETH", "window_start": START + 7 * MINUTE},
        {"symbol": "ETH", "window_start": START + 6 * MINUTE},
    ]
    assert store.rows(schema, Question("arbitrage", limit=1))[0]["window_end"] == START + 12 * MINUTE
    assert store.rows(tables["candles"], Question("candles")) == []
    store.close()
    sink.close()
