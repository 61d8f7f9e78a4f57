"""The ticker job, run once over the captured frames of two venues, for all who look at what it left or go on from there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from src.broker.cluster import cluster
from src.schema.records import Ticker
from tests.captures import captures_folder
from tests.servers import free_port
from tests.storage.clickhouse_store import require_engine
from tests.system.jobs import RAW_TOPICS, Home, Tables, records_of

START_AT = "2026-11-01T00:00:00Z"


@dataclass(frozen=True)
class Captured:
    """The home of that run, with what its tables and topics held after it. Its broker runs. Rows went to an embedded ClickHouse too."""

    home: Home
    tables: Tables
    records: Sequence[Ticker]


@contextmanager
def captured_run(folder: Path) -> Iterator[Captured]:
    """The job run to its end."""
    require_engine()
    files = [str(captures_folder() / market / "ticker.jsonl") for market in ("okx", "bybit")]
    home = Home(folder, clickhouse_url="embedded", clickhouse_port=str(free_port()))
    with cluster(home.settings, "tests"):
        status, output = home.run("ticker", "--source", "replay", *files, "--speed", "inf", "--start-at", START_AT, "--trigger", "available-now")
        assert status == 0, output
        yield Captured(home, home.tables(), records_of(home.messages(*RAW_TOPICS)))
