"""The sinks of a run: opened, put in the order in which they get a batch, and the database kept from growing for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from src.background import in_background
from src.collect.ledger import LEDGER_TABLE
from src.errors import TransientError, UnreachableError
from src.schema.tables import TableSchema
from src.setting.series_in_memory import SeriesInMemory
from src.storage.console import ConsoleSink
from src.storage.kafka import KafkaSink
from src.storage.outlet import PROBE_SECONDS, Outlet, Rules, Unopened
from src.storage.parked import ParkedBatches, parking_folders
from src.storage.parquet import ParquetSink
from src.storage.retention import retained
from src.storage.sink import Batch, Sink, as_sink
from src.storage.sql import SqlSink

if TYPE_CHECKING:
    from src.setting.organization import _SparkSettingOrganization
    from src.setting.streaming import SparkStreamingCoinAverage

PARK = "park"
"""What the setting on_sink_failure says for a job that goes on without a sink."""
_JOIN_SECONDS = 10.0


def open_database(job: SparkStreamingCoinAverage, stack: ExitStack) -> None:
    """The database first of all: what the user must mend there is said before anything that takes seconds to start."""
    job.database = SqlSink(job.database_url)
    open_sink(job, stack, job.database, job.tables)


def open_clickhouse(job: SparkStreamingCoinAverage, stack: ExitStack) -> None:
    """ClickHouse, where the settings name one, as early as the database; the embedded one runs for as long as the job."""
    if job.settings.clickhouse_url is None:
        return
    # The client takes a third of a second to load, and few have a ClickHouse.
    from src.clickhouse.place import clickhouse  # noqa: PLC0415

    job.clickhouse = stack.enter_context(clickhouse(job.settings, f"{job.name} job"))
    if job.clickhouse is not None:
        job.clickhouse_sink = job.clickhouse.sink()
        open_sink(job, stack, job.clickhouse_sink, job.tables)


def open_sinks(job: SparkStreamingCoinAverage, stack: ExitStack, *, debug: bool) -> None:
    """All the others; in a debug run the console, unless the job was given sinks of its own."""
    if debug:
        job.extra_sinks = job.extra_sinks or [ConsoleSink()]
        job.series_in_memory = SeriesInMemory(job.series)
    else:
        job.kafka = KafkaSink(job.cluster.bootstrap_servers)
        open_sink(job, stack, job.kafka, job.tables)
        if job.settings.parquet_folder is not None:
            job.extra_sinks.append(ParquetSink(job.settings.parquet_folder))
    open_extra(job, stack, debug=debug)


def open_extra(job: SparkStreamingCoinAverage, stack: ExitStack, *, debug: bool = False) -> None:
    """The sinks that the job was given."""
    # One object each from here on, as what is known of a sink is kept by it.
    extra = [*map(as_sink, job.extra_sinks)]
    job.extra_sinks = [*extra]
    for sink in extra:
        open_sink(job, stack, sink, job.tables, debug=debug)


def rules_of(job: _SparkSettingOrganization) -> Rules:
    """What the settings say of sinks that fail."""
    return Rules(job.settings.sink_retry_seconds, job.settings.on_sink_failure == PARK, job.stopping, job.tell)


def make_outlets(job: _SparkSettingOrganization) -> list[Outlet]:
    """The sinks in the order in which they get a batch. Those that store can park; a debug run stores nothing."""
    rules = rules_of(job)
    sinks: list[tuple[Sink, Callable[[Batch], None]]] = []
    if job.database is not None:
        sinks.append((job.database, job._write_to_mysql))  # noqa: SLF001  (plug points of the job)
    if job.kafka is not None:
        sinks.append((job.kafka, job._topic_to_kafka_sending))  # noqa: SLF001
    if job.clickhouse_sink is not None:
        sinks.append((job.clickhouse_sink, job.clickhouse_sink.write))
    sinks += [(sink, sink.write) for sink in map(as_sink, job.extra_sinks)]
    folders = parking_folders(job.settings.home, job.name, [sink.name for sink, _ in sinks])
    stores = job.database is not None
    measured = job.figures.sinks.measured
    outlets = [
        Outlet(sink, measured(sink.name, write), rules, ParkedBatches(folder) if stores else None, job.unopened.get(sink))
        for (sink, write), folder in zip(sinks, folders, strict=True)
    ]
    return outlets + [Outlet(sink, sink.write, rules) for sink in (job.newest, job.left_out)]


def keep_store(job: SparkStreamingCoinAverage, stack: ExitStack, *, debug: bool) -> None:
    """Say what an earlier run has left to write, and delete old rows for as long as the job runs."""
    for outlet in job.outlets:
        if outlet.waiting:
            job.view.say(f"{outlet.waiting} parked batches wait for {outlet.sink.name}: they are written before what comes now")
    if not debug:
        tables = (*job.tables, LEDGER_TABLE)
        job.retention = stack.enter_context(retained(job.database_url, tables, job.settings, partial(job.view.say, level="warning")))


@contextmanager
def tried_again(job: SparkStreamingCoinAverage, failed: Callable[[Exception], None]) -> Iterator[None]:
    """Try to write what is parked also while no batch comes, for the length of the block. `failed` hears of what does not pass."""

    def work(done: threading.Event) -> None:
        while not done.wait(PROBE_SECONDS / 2):
            for outlet in (*job.outlets, *([job.raw.outlet] if job.raw else [])):
                try:
                    outlet.retry()
                except Exception as error:  # noqa: BLE001  (whatever a sink raises that does not pass ends the job, as it does within a batch)
                    return failed(error)
        return None

    with in_background("parked batches", work, _JOIN_SECONDS):
        yield


def open_sink(job: SparkStreamingCoinAverage, stack: ExitStack, sink: Sink, tables: Sequence[TableSchema], *, debug: bool = False) -> None:
    """Open a sink for those tables. One that is away is opened later, where batches are parked for it; what the user must mend is an error."""
    stack.callback(sink.close)
    try:
        sink.open(tables)
    except (UnreachableError, TransientError) as error:
        if debug or job.settings.on_sink_failure != PARK:
            raise
        job.unopened[sink] = Unopened(partial(sink.open, tables), str(error))
        job.view.say(f"{sink.name} is away, and its batches are parked until it is back: {error}", "warning")
