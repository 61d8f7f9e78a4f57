"""The second query of a job: its SeriesMetrics, over the topics of the metrics that they read, into the same sinks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from src.broker.connection import spark_options
from src.schema.tables import TableSchema
from src.setting.checkpoint import Checkpoint, checkpoint
from src.storage.sink import Batch

if TYPE_CHECKING:
    from src.setting.organization import _SparkSettingOrganization

_TRIGGER = {"processingTime": "5 seconds"}
"""Windows close once a minute at most: it would be a waste to look every second."""


def series_name(job: str) -> str:
    """The query's name, for its checkpoint and in message headers."""
    return f"series-{job}"


def series_checkpoint(job: _SparkSettingOrganization) -> AbstractContextManager[Checkpoint]:
    """Where the query keeps how far it got."""
    return checkpoint(job.settings.home, series_name(job.name), job.cluster.cluster_id, job.series.fingerprint)


def start_series(job: _SparkSettingOrganization, session: SparkSession, folder: str, *, all_there_is: bool) -> StreamingQuery:
    """Start the query; `all_there_is`: it ends when it has read what is on the topics now."""

    def write(frame: DataFrame, batch_id: int) -> None:
        job.write_series(frame, batch_id)

    options = {
        **spark_options(job.cluster.bootstrap_servers),
        "subscribe": ",".join(job.series.topics),
        "startingOffsets": "earliest",
        "includeHeaders": "true",
        # Of a compacted topic older values go; the newest of each row is what counts.
        "failOnDataLoss": "false",
    }
    frame = job.series.frame(session.readStream.format("kafka").options(**options).load())
    writer = frame.writeStream.outputMode("update").queryName(series_name(job.name)).option("checkpointLocation", folder)
    return writer.trigger(**({"availableNow": True} if all_there_is else _TRIGGER)).foreachBatch(write).start()


def series_batch(job: _SparkSettingOrganization, found: pa.Table, batch_id: int) -> Batch:
    """The rows of one batch of the query."""
    lineage = job.series_lineage
    return Batch(series_name(job.name), batch_id, series_tables(job, found), {}, lineage.checkpoint, lineage.generation, job.frontier.newest)


def series_tables(job: _SparkSettingOrganization, found: pa.Table) -> dict[TableSchema, pa.Table]:
    """The rows that series have led to. What they did not use is counted in `job.too_old_for_series` and `job.unfit_for_series`."""
    job.too_old_for_series += sum(job.series.left_out(found).values())
    for metric, unfit in job.series.unfit(found).items():
        if metric not in job.unfit_for_series:
            job.tell(f"metric {metric}: rows that its series cannot take are left out ({unfit.fault})")
        job.unfit_for_series[metric] += unfit.rows
    return job.finite(job.series.rows(found))
