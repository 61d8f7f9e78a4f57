"""`pyarrow.json` over the bench's messages in memory, in two processes, and nothing else: the columns that the ticker metrics read.

The last line is JSON, as `Told` reads it.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyarrow as pa
import pyarrow.json as pj

from bench.throughput_records import messages
from bench.throughput_topics import bench_settings
from src.preprocess.venues import venues

_PROCESSES = 2
_MOST_RECORDS = 1_000_000
"""A rate needs no more, and they must fit in memory."""
_MESSAGES_AT_ONCE = 4_000
_FIELDS = pa.struct(
    [(name, pa.string()) for name in ("region", "market", "symbol", "quote", "instrument", "source")]
    + [("event_time", pa.int64()), ("received_time", pa.int64()), ("backfilled", pa.bool_())]
    + [(name, pa.float64()) for name in ("usd_rate", "price", "volume_24h", "traded_volume")]
)
_OPTIONS = pj.ParseOptions(explicit_schema=pa.schema([("records", pa.list_(_FIELDS))]), unexpected_field_behavior="ignore")
_READ = pj.ReadOptions(use_threads=False, block_size=1 << 24)


def main() -> None:
    """Records of both processes, and the seconds of the slower one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=_MOST_RECORDS)
    records = min(parser.parse_args().records, _MOST_RECORDS)
    context = get_context("spawn")
    barrier, results = context.Barrier(_PROCESSES), context.Queue()
    processes = [context.Process(target=_share, args=(records, share, barrier, results)) for share in range(_PROCESSES)]
    for process in processes:
        process.start()
    parts = [results.get() for _ in processes]
    for process in processes:
        process.join()
    print(json.dumps({"seconds": max(seconds for seconds, _ in parts), "records": sum(count for _, count in parts)}))


def _share(records: int, share: int, barrier: Barrier, results: Queue[tuple[float, int]]) -> None:
    settings = bench_settings(Path.cwd())
    values = [message.value for message in messages(records, venues(settings), settings.topic_partitions, share, _PROCESSES)]
    # The first call of a process takes longer.
    parsed(values[:100])
    barrier.wait()
    began = time.perf_counter()
    count = sum(parsed(values[place : place + _MESSAGES_AT_ONCE]) for place in range(0, len(values), _MESSAGES_AT_ONCE))
    results.put((time.perf_counter() - began, count))


def parsed(values: list[bytes]) -> int:
    """Parse messages, each an array of records, and count the records."""
    lines = b'{"records":' + b'}\n{"records":'.join(values) + b"}\n"
    table = pj.read_json(io.BytesIO(lines), read_options=_READ, parse_options=_OPTIONS)
    return sum(len(chunk.flatten()) for chunk in table.column("records").chunks)


if __name__ == "__main__":
    main()
