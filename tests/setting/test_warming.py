"""Python workers that are there before the first batch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from src.setting.warming import warm_workers
from tests.servers import ROOT

pytestmark = pytest.mark.spark
STOPPED_MEANWHILE = """
import sys
from pathlib import Path
from src.config.settings import Settings
from src.setting.session import create_spark_session, stop_spark
from src.setting.warming import warm_workers

session = create_spark_session(Settings(home=Path(sys.argv[1]), master="local[1]"), "warming")
warming = warm_workers(session)
stop_spark(session)
warming.join(60)
print("alive" if warming.is_alive() else "ended")
"""


def test_the_first_batch_finds_them(spark: SparkSession) -> None:
    def pids(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pylist([{"pid": os.getpid()}])

    warm_workers(spark).join()
    there = {process.pid for process in psutil.Process().children(recursive=True)}
    rows = spark.range(1, numPartitions=1).mapInArrow(pids, "pid long").collect()
    assert [row["pid"] in there for row in rows] == [True]


def test_a_session_that_is_stopped_meanwhile_is_no_error(tmp_path: Path) -> None:
    # A session of its own ends the JVM, which is that of all tests here.
    words = [sys.executable, "-c", STOPPED_MEANWHILE, str(tmp_path)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert (ended.returncode, ended.stdout.strip()) == (0, "ended"), ended.stderr
    assert "Traceback" not in ended.stderr
