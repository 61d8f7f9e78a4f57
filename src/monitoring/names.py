"""Every Prometheus metric that CoinSpark serves. Endpoints, alert rules, dashboards and docs/monitoring.md have their names from here.

Base units (seconds, bytes) and `_total` by Prometheus' conventions. What kind of job it is stands in the label `kind`: `job` is a label that
Prometheus itself puts on everything that it scrapes.
"""

from __future__ import annotations

from src.monitoring.family import Family, FamilyKind

_COUNTER, _GAUGE, _HISTOGRAM = FamilyKind
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_OF_MARKET = ("market", "source")
_OF_JOB = ("kind",)
_OF_QUERY = ("query",)
_OF_PARTITION = ("query", "topic", "partition")
_OF_SINK = ("kind", "sink")
_OF_GROUP = ("group",)

# Collectors: counts of one process, also of the one that a job runs beside itself.
COLLECTOR_FRAMES = Family("coinspark_collector_frames_total", _COUNTER, _OF_MARKET, "Messages received from the exchange.")
COLLECTOR_RECORDS = Family("coinspark_collector_records_total", _COUNTER, _OF_MARKET, "Records made of them.")
COLLECTOR_DEAD_LETTERS = Family("coinspark_collector_dead_letters_total", _COUNTER, _OF_MARKET, "Messages that could not be read.")
COLLECTOR_RECONNECTS = Family("coinspark_collector_reconnects_total", _COUNTER, _OF_MARKET, "Open sockets that were lost.")
COLLECTOR_GAPS = Family("coinspark_collector_gaps_total", _COUNTER, _OF_MARKET, "Places where data is missing or may be.")
COLLECTOR_GAPS_FILLED = Family("coinspark_collector_gaps_filled_total", _COUNTER, _OF_MARKET, "Gaps whose trades were fetched.")
COLLECTOR_STALE = Family("coinspark_collector_stale_subscriptions_total", _COUNTER, _OF_MARKET, "Subscriptions that gave no data and were renewed.")
COLLECTOR_DROPPED = Family("coinspark_collector_records_dropped_total", _COUNTER, _OF_MARKET, "Records given up for want of room.")
COLLECTOR_DELAY = Family(
    "coinspark_collector_delay_seconds_total", _COUNTER, _OF_MARKET, "Sum of reception minus event, over records whose event came before it."
)
COLLECTOR_AHEAD = Family(
    "coinspark_collector_ahead_seconds_total", _COUNTER, _OF_MARKET, "Sum of event minus reception, over the others: clocks that differ."
)
COLLECTOR_DELAY_RECORDS = Family("coinspark_collector_delay_records_total", _COUNTER, _OF_MARKET, "Records in the two sums.")
COLLECTOR_CONNECTED = Family("coinspark_collector_connected", _GAUGE, _OF_MARKET, "1 while a socket to the market is open.")
COLLECTOR_NEWEST_EVENT = Family(
    "coinspark_collector_newest_event_timestamp_seconds", _GAUGE, _OF_MARKET, "When the newest event of the market happened, by the exchange."
)
COLLECTOR_ACKNOWLEDGED = Family("coinspark_collector_messages_acknowledged_total", _COUNTER, (), "Records that Kafka has acknowledged.")
COLLECTOR_WAITING = Family("coinspark_collector_messages_waiting", _GAUGE, (), "Records that wait for Kafka, in memory and on disk.")
COLLECTOR_QUEUED = Family("coinspark_collector_frames_queued", _GAUGE, (), "Messages that wait to be read.")

# Where a job or a collector keeps its files.
HOME_FREE = Family("coinspark_home_free_bytes", _GAUGE, (), "Free on the disk of COINSPARK_HOME.")
HOME_SIZE = Family("coinspark_home_size_bytes", _GAUGE, (), "Size of that disk.")

# Jobs. kind: ticker, orderbook or trade.
JOB_START = Family("coinspark_job_start_time_seconds", _GAUGE, _OF_JOB, "When the job started.")
JOB_RESTARTS = Family(
    "coinspark_job_query_restarts_total", _COUNTER, _OF_JOB, "Times that its queries began again, from their checkpoints, after a fault."
)
JOB_LEFT_OUT = Family(
    "coinspark_job_left_out_records_total",
    _COUNTER,
    ("kind", "market", "reason"),
    "Records read and not used, as the table input_quality counts them: late, without_usd_rate, not_comparable, dated_contracts, malformed.",
)
JOB_DEAD_LETTERS = Family("coinspark_job_dead_letters_total", _COUNTER, _OF_JOB, "Messages that were no record, sent to the topic DeadLetter.")

# Queries of jobs. query: the job's kind, series-<kind> (over closed windows), raw-<kind> (with --raw).
QUERY_RECORDS = Family("coinspark_query_records_total", _COUNTER, _OF_QUERY, "Messages read from Kafka.")
QUERY_INPUT_RATE = Family(
    "coinspark_query_input_records_per_second",
    _GAUGE,
    _OF_QUERY,
    "Messages of the last batch over the time since the trigger before it; 0 while none come.",
)
QUERY_PROCESSED_RATE = Family(
    "coinspark_query_processed_records_per_second", _GAUGE, _OF_QUERY, "Messages of the last batch over the time that it took."
)
QUERY_BATCH_SECONDS = Family("coinspark_query_batch_duration_seconds", _HISTOGRAM, _OF_QUERY, "Whole time of a batch.", _SECONDS)
QUERY_LAST_SIGN = Family(
    "coinspark_query_last_progress_timestamp_seconds", _GAUGE, _OF_QUERY, "When the query last finished a batch, or had nothing to read."
)
QUERY_LAG_RECORDS = Family("coinspark_query_lag_records", _GAUGE, _OF_PARTITION, "Messages on Kafka that the last batch had not read.")
QUERY_OFFSET = Family("coinspark_query_offset", _GAUGE, _OF_PARTITION, "Offset of the next message that the query will read.")
QUERY_END_OFFSET = Family(
    "coinspark_query_topic_end_offset", _GAUGE, _OF_PARTITION, "Offset that the partition's next message would get, when the last batch began."
)
QUERY_LAG_SECONDS = Family(
    "coinspark_query_lag_seconds", _GAUGE, ("query", "source"), "How long ago the newest event of all that was read happened; not of series."
)
QUERY_STATE_ROWS = Family("coinspark_query_state_rows", _GAUGE, _OF_QUERY, "Rows of state: windows that are still open.")
QUERY_STATE_BYTES = Family("coinspark_query_state_bytes", _GAUGE, _OF_QUERY, "Memory that Spark says its state takes.")
QUERY_WATERMARK_DELAY = Family(
    "coinspark_query_watermark_delay_seconds", _GAUGE, _OF_QUERY, "How far the watermark is behind now: windows that ended before are closed."
)
QUERY_DROPPED = Family(
    "coinspark_query_rows_dropped_by_watermark_total", _COUNTER, _OF_QUERY, "Rows for windows that are closed for good; they are lost."
)

# Sinks of jobs. sink: as messages call it, such as database, Kafka, ClickHouse; `ClickHouse raw` for the records of --raw.
SINK_SECONDS = Family(
    "coinspark_sink_write_duration_seconds", _HISTOGRAM, _OF_SINK, "Time of a write of one batch, those alone that were well.", _SECONDS
)
SINK_ROWS = Family("coinspark_sink_rows_total", _COUNTER, _OF_SINK, "Rows written.")
SINK_FAILURES = Family("coinspark_sink_failures_total", _COUNTER, _OF_SINK, "Attempts to write that failed. A batch may fail several times.")
SINK_PARKED = Family("coinspark_sink_parked_batches", _GAUGE, _OF_SINK, "Batches that wait on disk for the sink.")

# Consumer groups, in which Kafka is told how far a query has come. group: coinspark-<query>.
GROUP_COMMITS = Family("coinspark_group_commits_total", _COUNTER, _OF_GROUP, "Times that the offsets were committed.")
GROUP_COMMIT_FAILURES = Family("coinspark_group_commit_failures_total", _COUNTER, _OF_GROUP, "Times that Kafka did not take them.")

FAMILIES: tuple[Family, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Family))
"""All of them, in the order above."""
