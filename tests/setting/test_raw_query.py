"""When raw records are kept, and what a person hears who asks for them in vain."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from src.command import ticker, trade
from src.config.settings import load_settings
from src.errors import ConfigurationError, TransientError
from src.schema.tables import TableSchema
from src.setting.checkpoint import Checkpoint, Lineage
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.raw_query import RawQuery, check_raw
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.outlet import Outlet, Rules
from src.storage.parked import ParkedBatches
from src.storage.sink import Batch, Guarantee, Sink
from tests.command.command_line import CommandLine
from tests.raw.messages import BOOKS, messages, row_of
from tests.raw.test_rows import BOOK

HINT = "set COINSPARK_CLICKHOUSE_URL to http://user:password@host:8123/database, or to embedded"


@pytest.mark.parametrize("job", [SparkStreamingTrade, SparkStreamingOrderbook])
def test_without_a_clickhouse_it_is_said_what_to_set(job: type[SparkStreamingCoinAverage], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none is set") as raised:
        job(load_settings(home=tmp_path, raw=True)).run()
    assert HINT in str(raised.value)
    assert not list(tmp_path.iterdir()), "before anything is begun"


def test_it_is_off_by_default_and_the_ticker_job_has_none(tmp_path: Path) -> None:
    check_raw(SparkStreamingTrade(load_settings(home=tmp_path)))
    check_raw(SparkStreamingTicker(load_settings(home=tmp_path, raw=True)))


def test_the_option_is_the_setting(tmp_path: Path) -> None:
    environment = {"COINSPARK_HOME": str(tmp_path / "home")}
    asked = CommandLine(trade.register, environment).run("trade", "--raw", "--source", "none")
    assert (asked.status, HINT in asked.errors) == (2, True), asked
    asked = CommandLine(trade.register, environment | {"COINSPARK_RAW": "true"}).run("trade", "--source", "none")
    assert (asked.status, HINT in asked.errors) == (2, True), asked
    asked = CommandLine(ticker.register, environment).run("ticker", "--raw", "--source", "none")
    assert (asked.status, "--raw is for trade and orderbook" in asked.errors) == (2, True), asked


class Reluctant(Sink):
    """Takes what it is given while it is `there`."""

    guarantee = Guarantee.EXACTLY_ONCE
    name = "Reluctant"

    def __init__(self) -> None:
        self.there = False
        self.taken: list[Batch] = []

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables

    def write(self, batch: Batch) -> None:
        if not self.there:
            raise TransientError("away")
        self.taken.append(batch)


def test_books_that_a_sink_does_not_take_are_parked_and_come_whole_later(tmp_path: Path) -> None:
    sink, rules = Reluctant(), Rules(0.0, parks=True, stopping=threading.Event(), tell=lambda _: None)

    def query() -> RawQuery:
        kept = Checkpoint("raw-orderbook", tmp_path / "checkpoint")
        return RawQuery("raw-orderbook", BOOKS, Outlet(sink, sink.write, rules, ParkedBatches(tmp_path / "parked")), kept, Lineage("raw.1", 1))

    first, second = (messages(msgspec.json.encode(BOOK), first=offset) for offset in (0, 1))
    query().deliver(first, 0)
    assert sink.taken == []
    sink.there, again = True, query()
    again.deliver(first, 0)
    again.deliver(second, 1)
    assert [(batch.query, batch.batch_id, batch.checkpoint, batch.generation) for batch in sink.taken] == [
        ("raw-orderbook", 0, "raw.1", 1),
        ("raw-orderbook", 1, "raw.1", 1),
    ]
    assert [rows.to_pylist() for batch in sink.taken for rows in batch.tables.values()] == [
        [row_of(BOOK, ("raw", 1, offset, 0))] for offset in (0, 1)
    ]
