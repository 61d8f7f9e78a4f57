"""The Spark side of a job: session, read, parse, plan and query, with the plug points of `AbstractSparkSettingOrganization` filled in."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from src.broker.batch_room import BatchRoom
from src.broker.cluster import Cluster
from src.broker.connection import security_of
from src.broker.offset_source import OffsetSource
from src.collect.exchange import Channel
from src.config.settings import Settings
from src.errors import ConfigurationError, TerminalError, TransientError
from src.monitoring.job_figures import JobFigures
from src.panes.combiner import Combiner, FetchingCombiner
from src.panes.dead_letters import KafkaDeadLetters
from src.panes.fetching import Fetch
from src.panes.reading import Reading
from src.preprocess.admission import Admission
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.schema.records import Record
from src.schema.tables import TableSchema
from src.setting.abstract import AbstractSparkSettingOrganization
from src.setting.checkpoint import Lineage
from src.setting.closing import Frontier, newest_in
from src.setting.left_out import LeftOut
from src.setting.planner import Plan, spark_schema
from src.setting.series import SeriesPlan
from src.setting.series_in_memory import SeriesInMemory
from src.setting.series_query import series_batch, series_tables
from src.setting.session import create_spark_session, scratch_folder
from src.setting.sinks import make_outlets
from src.setting.spark_errors import cause
from src.storage.floats import without_non_finite
from src.storage.kafka import KafkaSink
from src.storage.memory import MemorySink
from src.storage.outlet import Outlet, Unopened
from src.storage.retention import Retention
from src.storage.sink import Batch, BatchSink, Sink
from src.storage.sql import SqlSink

if TYPE_CHECKING:
    from src.clickhouse.place import ClickHousePlace
    from src.setting.raw_query import RawQuery
    from src.storage.clickhouse import ClickHouseSink

AVAILABLE_NOW = "available-now"
_ROOM_BYTES = 128 * 1024 * 1024
"""For a batch's rows as they come out of Spark, in a heap of a gigabyte that has them several times over."""
_VALUES_WHATEVER_COMES = 40_000_000
"""In the rows of a batch of which nobody knows how many they will be: each record may be alone in all its windows."""
_SHOWN_ROWS = 2_000
"""Rows of each table that views can look at."""


class _SparkSettingOrganization(AbstractSparkSettingOrganization):
    """One query over the records of one channel. Attributes without a value here are set by the run, in the order of its steps."""

    channel: ClassVar[Channel]
    record: ClassVar[type[Record]]
    topics: ClassVar[tuple[str, ...]]
    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]]
    """The job's metrics; a subclass of the job names another one here."""
    largest_batch: ClassVar[int] = 500_000
    """Messages in a micro-batch, at most; fewer where many rows come of them (src/broker/batch_room.py)."""
    raw_table: ClassVar[TableSchema | None] = None
    """Where `--raw` keeps every record; None for a job of which nobody wants that."""
    derivatives: ClassVar[tuple[str, ...]] = ()
    """Venues of derivatives that are collected beside the settings' markets, as the job reads their own topics."""

    cluster: Cluster
    checkpoint_folder: str
    starting_offsets: str = "earliest"
    whole_from: int = 0
    lineage: Lineage = Lineage()
    """Whose batch ids those of the query are."""
    series_lineage: Lineage = Lineage()
    """The same of the second query."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.organization = self.query_organization(settings)
        self.admission = Admission.of(settings)
        self.plan = Plan(self.organization, self._reading())
        self.series = SeriesPlan(self.organization.series(), {table.name: table for table in self.plan.tables})
        self.frontier = Frontier(self.admission.lateness_ms, round(settings.ticker_max_age_seconds * 1000))
        self.trigger = trigger_arguments(settings.trigger)
        self.stopping = threading.Event()
        self.newest = MemorySink(_SHOWN_ROWS)
        self.figures = JobFigures(self.name)
        """Counts of how the job itself fares, for its metrics and its status."""
        self.left_out = LeftOut(self._outage_ms)
        self.not_finite = 0
        """Values of rows that were NaN or infinite, and were stored as null, since the start."""
        self.series_in_memory: SeriesInMemory | None = None
        """What stands for the second query in debug runs."""
        self.too_old_for_series = 0
        """Rows that came for windows closed too long ago to be corrected in what is made of them."""
        self.unfit_for_series: Counter[str] = Counter()
        """By SeriesMetric, rows of closed windows that its fold could not take."""
        self.database: SqlSink | None = None
        self.kafka: KafkaSink | None = None
        self.clickhouse: ClickHousePlace | None = None
        self.clickhouse_sink: ClickHouseSink | None = None
        self.raw: RawQuery | None = None
        self.extra_sinks: list[Sink | BatchSink] = []
        """Sinks besides database, Kafka and ClickHouse, in debug runs in place of the console; they get every batch after those."""
        self.unopened: dict[Sink, Unopened] = {}
        """Sinks that were away when the job began."""
        self._outlets: list[Outlet] | None = None
        self.retention: Retention | None = None
        self.failure: BaseException | None = None
        self.note = ""
        self._delivering = threading.Lock()
        """Two queries hand batches to the same sinks."""

    @property
    def tables(self) -> tuple[TableSchema, ...]:
        """The tables of all metrics."""
        return (*self.plan.tables, *self.series.tables)

    @property
    def _outage_ms(self) -> int:
        """How far windows lie behind the newest record when they are forgotten."""
        return round(self.settings.outage_hours * 3_600_000)

    @property
    def name(self) -> str:
        """The job's name: in messages, checkpoints and message headers."""
        return self.channel.value

    @property
    def room(self) -> BatchRoom:
        """How many messages a micro-batch may have."""
        layout = self.plan.layout
        least = _VALUES_WHATEVER_COMES // (layout.windows * (len(layout.keys) + len(layout.slots)))
        return BatchRoom(scratch_folder(self.settings) / f"{self.name}.room", _ROOM_BYTES, max(1, least), self.largest_batch)

    def _create_spark_session(self) -> SparkSession:
        return create_spark_session(self.settings, self.name)

    def _stream_kafka_session(self, session: SparkSession) -> DataFrame:
        address = self.cluster.bootstrap_servers
        tasks = session.sparkContext.defaultParallelism
        source = OffsetSource(address, security_of(address), self.topics, self.starting_offsets, self.room, tasks)
        combiner = self._combiner()
        return source.frame(session, FetchingCombiner(combiner, Fetch(address, security_of(address))), spark_schema(combiner))

    def _reading(self) -> Reading:
        """How the topics' messages are read; the plan adds which columns its metrics want."""
        return Reading(self.record, self.admission, frozenset(), self.organization.computed())

    def _combiner(self) -> Combiner:
        address = self.cluster.bootstrap_servers
        return self.plan.combiner(KafkaDeadLetters(address, security_of(address)))

    def _process_select_expr(self, read: DataFrame) -> DataFrame:
        combiner = self._combiner()
        return read if read.columns == combiner.schema.names else self.plan.combined(read, combiner.open_dead_letters)

    def _process_and_send(self, combined: DataFrame) -> StreamingQuery:
        writer = self.plan.aggregated(combined, self._outage_ms).writeStream.outputMode("update").queryName(self.name)
        return writer.option("checkpointLocation", self.checkpoint_folder).trigger(**self.trigger).foreachBatch(self._write_batch).start()

    def _write_batch(self, frame: DataFrame, batch_id: int) -> None:
        """Every sink gets the batch, or the query stops at it and begins with it again next time."""
        aggregated = _computed(frame, batch_id)
        with self._ending_with_failures(batch_id):
            self.room.tell(aggregated.nbytes)
            tables = self.finite(self.plan.rows(aggregated, self.whole_from))
            closed_until = self.frontier.advance(newest_in(tables))
            if self.series_in_memory is not None:
                tables |= series_tables(self, self.series_in_memory.take(tables, closed_until))
            lineage = self.lineage
            batch = Batch(self.name, batch_id, tables, closed_until, lineage.checkpoint, lineage.generation, self.frontier.newest)
            self._deliver_everywhere(batch)

    def write_series(self, frame: DataFrame, batch_id: int) -> None:
        """Called with each batch of the second query, the one over closed windows."""
        found = _computed(frame, batch_id)
        with self._ending_with_failures(batch_id):
            self._deliver_everywhere(series_batch(self, found, batch_id))

    def write_raw(self, frame: DataFrame, batch_id: int) -> None:
        """Called with each batch of the query of raw records."""
        messages = _computed(frame, batch_id)
        with self._ending_with_failures(batch_id):
            if self.raw is not None:
                self.raw.deliver(messages, batch_id)

    def _deliver_everywhere(self, batch: Batch) -> None:
        with self._delivering:
            for outlet in self.outlets:
                outlet.deliver(batch)

    @property
    def outlets(self) -> list[Outlet]:
        """The sinks of the run in the order in which they get a batch; settled when this is first read."""
        if self._outlets is None:
            self._outlets = make_outlets(self)
        return self._outlets

    @contextmanager
    def _ending_with_failures(self, batch_id: int) -> Iterator[None]:
        try:
            yield
        except BaseException as error:  # noqa: BLE001  (whatever it is, it ends the batch and is raised by the run)
            # The job ends with the error itself; Spark gets a short text, as it searches a long one with a recursive pattern.
            self.failure = error
            raise TerminalError(f"batch {batch_id}: {type(error).__name__}") from None

    def tell(self, note: str) -> None:
        """Show this till the next one; nothing when it is empty."""
        self.note = note

    def _write_to_mysql(self, batch: Batch) -> None:
        if self.database is not None:
            self.database.write(batch)

    def _topic_to_kafka_sending(self, batch: Batch) -> None:
        if self.kafka is not None:
            self.kafka.write(batch)

    def _await_all(self, queries: Sequence[StreamingQuery]) -> None:
        while not self.stopping.is_set() and all(query.isActive for query in queries):
            self.stopping.wait(0.2)

    def finite(self, tables: Mapping[TableSchema, pa.Table]) -> dict[TableSchema, pa.Table]:
        """With null for each NaN and infinity, which are counted."""
        found = {}
        for table, rows in tables.items():
            found[table], count = without_non_finite(rows)
            self.not_finite += count
        return found


def _computed(frame: DataFrame, batch_id: int) -> pa.Table:
    """What a batch of a query gives. A fault of Spark's is no fault of the job's: the query begins again."""
    try:
        return frame.toArrow()
    except Exception as error:  # noqa: BLE001  (whatever of Spark's it is)
        # Spark searches the text it is given with a recursive pattern, which overflows the stack on the plan that a long one quotes.
        raise TransientError(f"batch {batch_id} was not computed: {cause(error)}") from None


def trigger_arguments(trigger: str) -> dict[str, Any]:
    """What `--trigger` means to Spark. Raises ConfigurationError for a word it does not know."""
    if trigger == AVAILABLE_NOW:
        return {"availableNow": True}
    match = re.fullmatch(r"(\d+)\s*(ms|s|m)", trigger)
    if match is None:
        raise ConfigurationError(f"--trigger {trigger!r} is neither an interval such as 1s, 500ms or 1m, nor {AVAILABLE_NOW}")
    unit = {"ms": "milliseconds", "s": "seconds", "m": "minutes"}[match[2]]
    return {"processingTime": f"{match[1]} {unit}"}
