"""Ready questions by the name of a table: filters, bounds, units, and values that there are not."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from src.dashboard.stores import SqlStore
from src.dashboard.tables import metric_tables
from src.errors import ConfigurationError, TransientError
from src.query.ready import Asked, answer, brief, question, span_ms, table_named
from src.query.units import units
from tests.dashboard.markets import MINUTE, SETTINGS
from tests.query.conftest import MINUTES, fill

TABLES = metric_tables(SETTINGS)
CANDLES = TABLES["candles"]
BTC = (("symbol", "BTC"), ("market", "upbit"), ("interval", "1m"))


def test_the_newest_rows_come_with_units_and_times(store: SqlStore, began: int) -> None:
    result = answer(store, CANDLES, Asked("candles", BTC, ("window_start", "close", "volume", "trades"), limit=3))
    assert [heading.text for heading in result.headings] == ["window_start (UTC)", "close (KRW)", "volume (BTC)", "trades"]
    assert [row[0] for row in result.rows] == [datetime.fromtimestamp((began + place * MINUTE) / 1000, UTC) for place in (7, 6, 5)]
    assert all(row[3] == 10 for row in result.rows)
    assert result.more is True


def test_only_the_last_of_them(store: SqlStore) -> None:
    result = answer(store, CANDLES, Asked("candles", BTC, last_ms=60 * MINUTE))
    assert (len(result.rows), result.more) == (MINUTES, False)
    since_ever = answer(store, CANDLES, Asked("candles", BTC, last_ms=span_ms("999999w")))
    assert len(since_ever.rows) == MINUTES


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ((("symbol", "BTCC"),), "candles has no rows of BTCC: did you mean BTC? It has BTC"),
        ((("market", "upbitt"),), "there is no market upbitt: did you mean upbit?"),
        ((("interval", "10m"),), "there is no interval 10m: did you mean"),
        ((("source", "simulate"),), "there is no source simulate: did you mean simulated?"),
        ((("region", "korea"),), "candles has no column region"),
        ((("trades", "5"),), "rows are chosen by columns of text"),
    ],
)
def test_a_value_that_there_is_not_is_told(sqlite_filled: str, filters: tuple[tuple[str, str], ...], said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        answer(SqlStore(sqlite_filled), CANDLES, Asked("candles", filters))
    assert said in str(refusal.value)


def test_columns_and_tables_that_there_are_not_are_told() -> None:
    with pytest.raises(ConfigurationError, match=r"candles has no column clos: did you mean close\? It has source, "):
        question(CANDLES, Asked("candles", columns=("clos",)))
    with pytest.raises(ConfigurationError, match=r"there is no table candle: did you mean candles\? The tables are .*whale_trades"):
        table_named("candle", TABLES)
    with pytest.raises(ConfigurationError, match="--limit 20000: 1 to 19999"):
        question(CANDLES, Asked("candles", limit=20_000))


@pytest.mark.parametrize(("text", "ms"), [("90s", 90_000), ("30m", 1_800_000), ("1h", 3_600_000), ("7d", 604_800_000), ("2w", 1_209_600_000)])
def test_spans(text: str, ms: int) -> None:
    assert span_ms(text) == ms


@pytest.mark.parametrize("text", ["1", "h", "1y", "-1h", "0m", "1.5h"])
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--last {text}: a number above 0 and a unit"):
        span_ms(text)


def test_a_table_that_is_not_made_yet_has_no_rows(empty: SqlStore) -> None:
    assert answer(empty, CANDLES, Asked("candles", BTC)).rows == []


def test_a_terminal_sees_the_time_the_keys_that_differ_and_the_headline(sqlite_filled: str) -> None:
    store = SqlStore(sqlite_filled)
    of_one = answer(store, CANDLES, Asked("candles", BTC))
    assert brief(CANDLES, of_one) == ["window_start", "open", "high", "low", "close", "volume", "trades", "complete"]
    of_two = answer(store, CANDLES, Asked("candles", (("symbol", "BTC"), ("interval", "1m"))))
    assert brief(CANDLES, of_two)[:4] == ["window_start", "market", "quote", "open"]


def test_units_of_every_table_are_known_words() -> None:
    known = {
        "UTC",
        "USD",
        "percent",
        "basis points",
        "seconds",
        "milliseconds",
        "ms since 1970 UTC",
        "quote currency",
        "base coin",
        "0 to 100",
        "-1 to 1",
    }
    found = {name: units(schema, ()) for name, schema in TABLES.items()}
    assert {unit for of_table in found.values() for unit in of_table.values()} <= known
    assert found["arbitrage"]["premium_percent_korea_asia"] == "percent"
    assert found["order_cal_market"]["mean_spread_bp"] == "basis points"
    assert found["indicators"]["rsi_14"] == "0 to 100"
    assert found["indicators"]["bollinger_upper"] == "quote currency"
    assert found["whale_trades"]["size"] == "base coin"
    assert found["whale_trades"]["event_time"] == "ms since 1970 UTC"


@pytest.mark.mysql
@pytest.mark.parametrize(
    ("database", "lock"), [("mysql", "LOCK TABLES candles WRITE"), ("postgresql", "LOCK TABLE candles IN ACCESS EXCLUSIVE MODE")]
)
def test_rows_that_do_not_come_in_time_are_told(request: pytest.FixtureRequest, began: int, database: str, lock: str) -> None:
    """Somebody else holds the table."""
    url = fill(request.getfixturevalue(f"{database}_url"), began)
    engine = sa.create_engine(url)
    with engine.connect() as holder, closing(SqlStore(url, 1)) as impatient:
        holder.execute(sa.text(lock))
        with pytest.raises(TransientError, match="has not answered in the time that it was given"):
            answer(impatient, CANDLES, Asked("candles", BTC))
        holder.rollback()
    engine.dispose()
