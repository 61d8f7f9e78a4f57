"""The four ticker metrics in Flink SQL. It runs in `.bench/flink`, which has PyFlink and nothing of ours, and takes its task as one word of JSON.

One statement set, so that the four share the source; mini-batch on; no checkpoints when it is timed, state on the heap: the lightest Flink there is.
The last line is JSON: seconds from the submission of the job to its end.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyflink.table import EnvironmentSettings, TableEnvironment

from bench.throughput_sql import FLINK, FLINK_LIGHT, TEXTS, Query, accepted, queries

_OPTIONS = {
    "parallelism.default": "2",
    "taskmanager.numberOfTaskSlots": "4",
    "table.local-time-zone": "UTC",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "2 s",
    "table.exec.mini-batch.size": "50000",
}
_FIELDS = {
    **dict.fromkeys(("region", "market", "symbol", "quote", "instrument", "source"), "STRING"),
    **dict.fromkeys(("event_time", "received_time"), "BIGINT"),
    "backfilled": "BOOLEAN",
    **dict.fromkeys(("usd_rate", "price", "volume_24h", "traded_volume"), "DOUBLE"),
}


def main() -> None:
    """Task: bootstrap_servers, topics, quotes (by market), regions, jars, rows (a folder for the rows, or null to throw them away)."""
    task: Mapping[str, Any] = json.loads(sys.argv[1])
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    options = dict(_OPTIONS)
    if task["rows"]:
        # Files are completed by checkpoints alone.
        options["execution.checkpointing.interval"] = "5 s"
    options["pipeline.jars"] = ";".join(Path(jar).as_uri() for jar in task["jars"])
    for name, value in options.items():
        tables.get_config().set(name, value)
    tables.execute_sql(_source(task["bootstrap_servers"], task["topics"]))
    tables.execute_sql(f"CREATE VIEW accepted AS SELECT *, `price` * `usd_rate` AS `price_usd` FROM ticker WHERE {accepted(task['quotes'])}")  # noqa: S608
    statements = tables.create_statement_set()
    for query in queries(tuple(task["quotes"]), tuple(task["regions"]), FLINK_LIGHT if task["light"] else FLINK):
        tables.execute_sql(_sink(query, task["rows"]))
        statements.add_insert_sql(_insert(query))
    running = statements.execute()
    # Planned and submitted: what is timed from here is the job itself.
    began = time.monotonic()
    running.wait()
    print(json.dumps({"seconds": time.monotonic() - began}))


def _source(bootstrap_servers: str, topics: list[str]) -> str:
    fields = ", ".join(f"`{name}` {kind}" for name, kind in _FIELDS.items())
    options = {
        "connector": "kafka",
        "topic": ";".join(topics),
        "properties.bootstrap.servers": bootstrap_servers,
        "properties.group.id": "bench",
        "scan.startup.mode": "earliest-offset",
        "scan.bounded.mode": "latest-offset",
        "format": "json",
    }
    times = "`ts` AS TO_TIMESTAMP_LTZ(`event_time`, 3), WATERMARK FOR `ts` AS `ts` - INTERVAL '1' MINUTE"
    return f"CREATE TABLE ticker ({fields}, {times}) WITH ({_with(options)})"


def _sink(query: Query, folder: str | None) -> str:
    kinds = {"window_start": "TIMESTAMP(3)", "source": "STRING", **dict.fromkeys(query.keys, "STRING")}
    kinds |= {name: "STRING" if name in TEXTS else "BIGINT" if name == "records" else "DOUBLE" for name in query.columns}
    options = {"connector": "blackhole"}
    if folder:
        options = {"connector": "filesystem", "path": Path(folder, query.name).as_uri(), "format": "json"}
    return f"CREATE TABLE `{query.name}` ({', '.join(f'`{name}` {kind}' for name, kind in kinds.items())}) WITH ({_with(options)})"


def _insert(query: Query) -> str:
    keys = ", ".join(f"`{key}`" for key in ("source", *query.keys))
    statistics = ", ".join(f"{sql} AS {name}" for name, sql in query.statistics.items())
    window = f"TABLE(HOP(TABLE accepted, DESCRIPTOR(`ts`), INTERVAL '{query.slide_seconds}' SECOND(3), INTERVAL '{query.size_seconds}' SECOND(3)))"
    grouped = f"SELECT window_start, {keys}, {statistics} FROM {window} WHERE {query.where} GROUP BY window_start, window_end, {keys}"  # noqa: S608
    return f"INSERT INTO `{query.name}` SELECT window_start, {keys}, {', '.join(query.columns.values())} FROM ({grouped})"  # noqa: S608


def _with(options: Mapping[str, str]) -> str:
    return ", ".join(f"'{name}' = '{value}'" for name, value in options.items())


if __name__ == "__main__":
    main()
