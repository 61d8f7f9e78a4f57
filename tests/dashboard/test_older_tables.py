"""Questions to every kind of database: rows in order, one page behind the other, and tables that have not all columns."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from src.clickhouse.embedded import EmbeddedClickHouse
from src.config.settings import load_settings
from src.dashboard.question import Question, place
from src.dashboard.reading import Reading
from src.dashboard.serving import opened_reading
from src.dashboard.stores import ClickHouseStore, SqlStore, Store
from src.dashboard.tables import metric_tables
from src.errors import CoinSparkError
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.tables import TableSchema
from src.storage.clickhouse import ClickHouseSink
from src.storage.sink import Batch
from tests.dashboard.live_clients import wait_until
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, metric_rows, tickers
from tests.dashboard.served import served
from tests.servers import free_port
from tests.storage.clickhouse_store import require_engine

START = 1_790_000_040_000
TABLES = metric_tables(SETTINGS)
SIGNALS = TABLES["market_arbitrage_signal"]
WIDER = metric_tables(SETTINGS.model_copy(update={"markets": (*SETTINGS.markets, "bybit")}))["market_arbitrage"]
RECORDS = tickers(START, START + 3 * MINUTE, MINUTE, ("BTC", "ETH"))


def pages(store: Store, schema: TableSchema, size: int) -> list[tuple[object, ...]]:
    """The places of all rows, page by page."""
    found: list[tuple[object, ...]] = []
    after: tuple[str | float, ...] = ()
    while True:
        rows = store.rows(schema, Question(schema.name, since=START - 10 * MINUTE, limit=size, is_ordered=True, after=after))
        found += [tuple(row[name] for name in place(schema)) for row in rows]
        if len(rows) < size:
            return found
        after = found[-1]  # type: ignore[assignment]


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.mysql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind."""
    url: str = request.getfixturevalue("mysql_url") if request.param == "mysql" else f"sqlite:///{tmp_path / 'coin.db'}"
    return url


def test_pages_follow_one_another_in_sql(database_url: str) -> None:
    database = Filled(database_url)
    database.tickers(RECORDS, (SIGNALS.name,))
    database.close()
    store = SqlStore(database_url)
    in_one = pages(store, SIGNALS, 1_000)
    assert len(in_one) == 7 * 2 * 5
    assert in_one == sorted(in_one, reverse=True)
    assert pages(store, SIGNALS, 7) == in_one
    middle = Question(SIGNALS.name, ("window_start",), until=START, since=START - MINUTE)
    assert {row["window_start"] for row in store.rows(SIGNALS, middle)} == {START - MINUTE}
    store.close()


@pytest.mark.mysql
def test_a_page_is_found_by_the_index(mysql_url: str) -> None:
    database = Filled(mysql_url)
    database.tickers(tickers(START, START + 120 * MINUTE, MINUTE, ("BTC", "ETH")), (SIGNALS.name,))
    database.close()
    store = SqlStore(mysql_url)
    after = (START + 60 * MINUTE, "simulated", "BTC", "okx", "asia")
    question = Question(SIGNALS.name, since=START, limit=11, is_ordered=True, after=after)
    statement = store._select(SIGNALS, question).compile(store._engine, compile_kwargs={"literal_binds": True})
    with store._engine.connect() as connection:
        plan = connection.execute(sa.text(f"EXPLAIN {statement}")).mappings().one()
    assert plan["key"] in {"ix_market_arbitrage_signal_window_start", "PRIMARY"}
    assert "filesort" not in (plan["Extra"] or "")
    store.close()


def test_rows_have_an_order_or_none_come_after_another() -> None:
    with pytest.raises(ValueError, match="in no order"):
        Question("arbitrage", after=(1, "live", "BTC"))


@pytest.fixture
def clickhouse(tmp_path: Path) -> Iterator[tuple[Reading, ClickHouseSink]]:
    """What the dashboard reads with COINSPARK_CLICKHOUSE_URL=embedded, the engine over HTTP, and what a job writes there."""
    require_engine()
    settings = load_settings(home=tmp_path / "home", clickhouse_port=free_port(), clickhouse_url="embedded", markets=",".join(SETTINGS.markets))
    with opened_reading(settings, 1.0) as reading:
        store = reading.store
        assert isinstance(store, ClickHouseStore)
        sink = ClickHouseSink(address_of(store), ttl_days=0)
        yield reading, sink
        sink.close()


def address_of(store: ClickHouseStore) -> str:
    """Where a job writes what the store reads."""
    there = store._address
    return f"http://{there.user}:{there.password.get_secret_value()}@{there.host}:{there.port}/{there.database}"


def write(sink: ClickHouseSink, names: Sequence[str]) -> None:
    """What the ticker job would."""
    schemas = [TABLES[name] for name in names]
    sink.open(schemas)
    rows = metric_rows(TickerQueryOrganization(SETTINGS), RECORDS, names)
    sink.write(Batch("test", 0, {schema: pa.Table.from_pylist(list(rows[schema.name]), schema.arrow()) for schema in schemas}))


def test_pages_and_missing_columns_in_clickhouse(clickhouse: tuple[Reading, ClickHouseSink]) -> None:
    reading, sink = clickhouse
    store = reading.store
    assert store.rows(WIDER, Question("market_arbitrage")) == []
    write(sink, ("market_arbitrage", SIGNALS.name))
    in_one = pages(store, SIGNALS, 1_000)
    assert len(in_one) == 7 * 2 * 5
    assert in_one == sorted(in_one, reverse=True)
    assert pages(store, SIGNALS, 7) == in_one
    (row,) = store.rows(WIDER, Question("market_arbitrage", limit=1))
    assert list(row) == [column.name for column in WIDER.columns]
    assert row["last_price_usd_bybit"] is None
    assert row["last_price_usd_okx"] > 80_000 or row["symbol"] == "ETH"
    narrow = Question("market_arbitrage", ("last_price_usd_bybit", "symbol"), (("symbol", "BTC"),), limit=1)
    assert store.rows(WIDER, narrow) == [{"last_price_usd_bybit": None, "symbol": "BTC"}]
    with pytest.raises(CoinSparkError, match="last_price_usd_bybit"):
        store.rows(WIDER, Question("market_arbitrage", ("last_price_usd_bybit",)))


def test_an_embedded_clickhouse_that_dies_is_started_again(clickhouse: tuple[Reading, ClickHouseSink], tmp_path: Path) -> None:
    reading, sink = clickhouse
    write(sink, (SIGNALS.name,))
    embedded = EmbeddedClickHouse(load_settings(home=tmp_path / "home"))
    before, _ = embedded.status()
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    def is_another() -> bool:
        running, _ = embedded.status()
        return running not in {None, before}

    wait_until(is_another)

    def answers() -> bool:
        try:
            return bool(reading.store.rows(SIGNALS, Question(SIGNALS.name, ("window_start",), limit=1)))
        except CoinSparkError:
            return False

    wait_until(answers)


def test_the_api_over_clickhouse(tmp_path: Path) -> None:
    require_engine()
    settings = load_settings(home=tmp_path / "home", clickhouse_port=free_port(), clickhouse_url="embedded", markets=",".join(SETTINGS.markets))
    with served(settings) as api:
        store = api.reading.store
        assert isinstance(store, ClickHouseStore)
        assert api.json("/tables/arbitrage/rows")["rows"] == []
        sink = ClickHouseSink(address_of(store), ttl_days=0)
        write(sink, ("arbitrage", "time_metrics", "market_arbitrage", SIGNALS.name))
        sink.close()
        secret = store._address.password.get_secret_value()
        for path in ("/tables/arbitrage/rows", "/prices", "/health"):
            answer = api.get(path)
            assert answer.status_code == 200, answer.text
            assert secret not in answer.text
        page = api.json("/tables/arbitrage/rows", limit=3, symbol="BTC")
        rest = api.json("/tables/arbitrage/rows", limit=100, symbol="BTC", cursor=page["next_cursor"])
        assert len(page["rows"]) + len(rest["rows"]) == 7
