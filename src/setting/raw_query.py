"""The query that `--raw` adds to a job: every record of its topics into a table of ClickHouse, so that this holds the history.

It reads the topics a second time. The job's own query cannot do both: it combines the records into panes within the workers that decode them, and
what reaches a batch function is the aggregated state, in which no record is left; a sink within those workers would write again whatever Spark
computes again. So this is a plain query with a checkpoint of its own. Metrics wait for it no more than it waits for them, and it may be turned on
later: it then begins with what Kafka has kept.

Exactly once: a batch is the same messages whenever it is made again, so its inserts have the same tokens; and a record's key is its place in Kafka,
so even one that is read by another checkpoint replaces itself.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from src.broker.connection import spark_options
from src.broker.ranges import TopicPartition
from src.broker.topics import beginning_offsets
from src.errors import ConfigurationError
from src.panes.messages import RAW_COLUMNS
from src.raw.rows import RawRows
from src.setting.checkpoint import Checkpoint, Lineage, Origin, checkpoint
from src.setting.sinks import open_sink, rules_of
from src.storage.outlet import Outlet
from src.storage.parked import ParkedBatches, parking_folders
from src.storage.sink import Batch, Sink

if TYPE_CHECKING:
    from src.setting.organization import _SparkSettingOrganization
    from src.setting.streaming import SparkStreamingCoinAverage

_MOST_MESSAGES = 20_000
"""In a batch. They are decoded in the driver, which has all of them at once, and a message may hold several records."""
_FEWEST_MESSAGES = 10_000
_LONGEST_WAIT = "10s"
"""ClickHouse wants few large inserts: a batch has so many messages, or what came in so long."""


@dataclass
class RawQuery:
    """The query of one run."""

    name: str
    rows: RawRows
    outlet: Outlet
    kept: Checkpoint
    lineage: Lineage
    newest_event_time: dict[str, int] = field(default_factory=dict)
    """By source, of all records stored, ms since 1970 UTC."""

    def deliver(self, messages: pa.Table, batch_id: int) -> None:
        """Store the records of a batch. Raises what `Outlet.deliver` raises."""
        found = self.rows.of(messages)
        tables = {self.rows.table: found} if found.num_rows else {}
        self.outlet.deliver(Batch(self.name, batch_id, tables, checkpoint=self.lineage.checkpoint, generation=self.lineage.generation))
        for row in found.group_by("source").aggregate([("event_time", "max")]).to_pylist() if found.num_rows else ():
            self.newest_event_time[row["source"]] = max(round(row["event_time_max"].timestamp() * 1000), self.newest_event_time.get(row["source"], 0))


def raw_name(job: str) -> str:
    """The query's name, for its checkpoint and its inserts."""
    return f"raw-{job}"


def raw_sink_name(sink: Sink) -> str:
    """What the sink is called where the counts of its raw records stand."""
    return f"{sink.name} raw"


def check_raw(job: _SparkSettingOrganization) -> None:
    """Raise ConfigurationError where raw records are wanted of a job that has some, and there is no ClickHouse."""
    if job.settings.raw and job.raw_table is not None and job.settings.clickhouse_url is None:
        raise ConfigurationError(
            "raw records (--raw, COINSPARK_RAW) go to ClickHouse, and none is set: set COINSPARK_CLICKHOUSE_URL to "
            "http://user:password@host:8123/database, or to embedded for one on this machine"
        )


def keep_raw(job: SparkStreamingCoinAverage, stack: ExitStack) -> None:
    """Open the table and hold the checkpoint of the query, where raw records are wanted."""
    if not job.settings.raw or job.raw_table is None or job.clickhouse is None:
        return
    sink, name, cluster_id = job.clickhouse.sink(), raw_name(job.name), job.cluster.cluster_id
    open_sink(job, stack, sink, [job.raw_table])
    kept = stack.enter_context(checkpoint(job.settings.home, name, *raw_identity(job, cluster_id)))
    first = beginning_offsets(job.cluster.bootstrap_servers, job.topics)
    if any(offset < first.get(TopicPartition(*place), 0) for place, offset in kept.offsets().items()):
        job.view.say(
            f"Kafka has dropped records before ClickHouse had them: {job.raw_table.name} goes on with the retained ones ({kept.set_aside()})",
            "warning",
        )
    if kept.origin() is None:
        kept.begin(Origin(generation=kept.next_generation()))
    (folder,) = parking_folders(job.settings.home, name, [sink.name])
    outlet = Outlet(sink, job.figures.sinks.measured(raw_sink_name(sink), sink.write), rules_of(job), ParkedBatches(folder), job.unopened.get(sink))
    if outlet.waiting:
        job.view.say(f"{outlet.waiting} parked batches of {job.raw_table.name} wait for {sink.name}: they are written before what comes now")
    reading = job.plan.reading
    rows = RawRows(job.raw_table, job.record, job.admission, cluster_id, reading.convert)
    job.raw = RawQuery(name, rows, outlet, kept, kept.lineage())


def raw_identity(job: _SparkSettingOrganization, cluster_id: str) -> tuple[str, ...]:
    """What a checkpoint of the query belongs to, as of `SparkStreamingCoinAverage.checkpoint_identity`."""
    return (cluster_id, *job.topics)


def start_raw(job: _SparkSettingOrganization, session: SparkSession, raw: RawQuery, *, all_there_is: bool) -> StreamingQuery:
    """Start the query; `all_there_is`: it ends when it has read what is on the topics now."""

    def write(frame: DataFrame, batch_id: int) -> None:
        job.write_raw(frame, batch_id)

    options = {
        **spark_options(job.cluster.bootstrap_servers),
        "subscribe": ",".join(job.topics),
        "startingOffsets": job.starting_offsets,
        "maxOffsetsPerTrigger": str(_MOST_MESSAGES),
        "failOnDataLoss": "true",
        "kafka.max.poll.records": "5000",
        # A query that ends when it has read all would wait for more for ever.
        **({} if all_there_is else {"minOffsetsPerTrigger": str(_FEWEST_MESSAGES), "maxTriggerDelay": _LONGEST_WAIT}),
    }
    frame = session.readStream.format("kafka").options(**options).load().select(*RAW_COLUMNS)
    writer = frame.writeStream.queryName(raw.name).option("checkpointLocation", str(raw.kept.folder))
    return writer.trigger(**({"availableNow": True} if all_there_is else {"processingTime": "1 second"})).foreachBatch(write).start()
