"""Python workers that are there before the first batch wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from threading import Thread

import pyarrow as pa
from pyspark.sql import SparkSession


def warm_workers(session: SparkSession) -> Thread:
    """Have Spark start its Python workers meanwhile, by a task of next to nothing for each; what goes wrong with them is told by the first batch."""
    warming = Thread(target=_run, args=(session,), name="warming", daemon=True)
    warming.start()
    return warming


def _run(session: SparkSession) -> None:
    def same(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Here, so that it is pickled whole: workers would load all that this package does to find it by its name.
        yield from batches

    count = session.sparkContext.defaultParallelism
    # The session may be stopped before they are there.
    with suppress(Exception):
        session.range(count, numPartitions=count).mapInArrow(same, "id long").write.format("noop").mode("overwrite").save()
