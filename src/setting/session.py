"""The Spark session of a job on one machine or a cluster."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired

import psutil
from pyspark import SparkContext
from pyspark.sql import SparkSession

from src.broker.class_archive import class_archive_options, ending_seconds
from src.broker.java import find_java
from src.config.paths import PROJECT, project_path
from src.config.settings import Settings
from src.errors import ConfigurationError, MissingPartError
from src.logs.spark import put_aside, spark_log
from src.setting.spark_home import spark_home

_JVM_SECONDS = 3
_LOG_LEVELS = {"debug": "WARN"}
"""What Spark's JVM says, by the level of our log: otherwise its errors alone."""
_JVM_OPTIONS = "-XX:+UseSerialGC -XX:NewRatio=1 -XX:+UseTransparentHugePages -Xss4m -XX:TieredStopAtLevel=1"
"""Code is compiled once, and fast: the compiler that makes the most of it takes more time in the first minutes than all else in the JVM, and saves
little of it later, as records are read and combined outside."""

_PYTHON_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Python workers keep memory that they have given back, for the next records, in large pages: each time they asked for it anew the kernel took as
long to make it as they take to combine them. Of glibc; others do not know these names."""


def spark_jars(settings: Settings) -> list[Path]:
    """The connector jars that `make install` fetched. Raises MissingPartError when they are not there."""
    folder = project_path(settings.jars) / "spark"
    jars = sorted(folder.glob("*.jar"))
    if not jars:
        raise MissingPartError(f"the jars of ivy.xml are not in {folder}: run `make install` (COINSPARK_JARS names another folder)")
    return jars


def scratch_folder(settings: Settings) -> Path:
    """What this process's session keeps for as long as it is there."""
    return settings.home.absolute() / "spark" / str(os.getpid())


def create_spark_session(settings: Settings, name: str, options: Mapping[str, str] | None = None) -> SparkSession:
    """A session that keeps state in RocksDB with changelog checkpoints, works in UTC, and listens on loopback only.

    `options` of Spark count more than those that are set here.

    Raises MissingPartError without Java or jars, ConfigurationError when Spark cannot start with these settings.
    """
    java = find_java()
    os.environ["JAVA_HOME"] = str(java.home)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Workers import the parse code by name; they must find it from whatever folder the job was started in.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    home = settings.home.absolute()
    scratch = scratch_folder(settings)
    jars = spark_jars(settings)
    archive = " ".join(f'"{option}"' for option in class_archive_options(jars[0].parent))
    builder = SparkSession.builder.appName(f"coinspark-{name}").master(settings.master)
    chosen = {
        "spark.jars": ",".join(str(jar) for jar in jars),
        "spark.driver.memory": settings.driver_memory,
        "spark.driver.extraJavaOptions": f"{_JVM_OPTIONS} {archive}",
        "spark.python.daemon.module": "src.panes.daemon",
        **{f"spark.executorEnv.{name}": value for name, value in _PYTHON_MEMORY.items()},
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Spark keeps plan and figures of a thousand batches for its web pages, which nobody sees here.
        "spark.ui.retainedJobs": "20",
        "spark.ui.retainedStages": "20",
        "spark.ui.retainedTasks": "100",
        "spark.sql.ui.retainedExecutions": "5",
        "spark.log.level": _LOG_LEVELS.get(settings.log_level, "ERROR"),
        "spark.local.dir": str(scratch),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
        "spark.sql.streaming.stateStore.providerClass": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.sql.streaming.minBatchesToRetain": "20",
        "spark.sql.streaming.metricsEnabled": "false",
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.cleaner.referenceTracking.cleanCheckpoints": "false",
    }
    near_home: AbstractContextManager[None] = nullcontext()
    if settings.master.startswith("local"):
        # Executors of a cluster must be able to reach the driver; here all is one process, and nothing else may.
        chosen |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        near_home = spark_home(jars[0].parents[1] / "spark-home")
        # Classes that Spark fetches as `spark.jars` are not read ahead; here that process has them on its own path, and need not fetch them.
        chosen |= {"spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in jars)}
        del chosen["spark.jars"]
    for key, value in (chosen | dict(options or {})).items():
        builder = builder.config(key, value)
    log = spark_log(home, name)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        remove_left_behind(scratch.parent)
        put_aside(log)
        with _output_to(log), near_home:
            session = builder.getOrCreate()
    except OSError as error:
        raise ConfigurationError(f"{log.parent} cannot be written ({error.strerror}): choose another COINSPARK_HOME") from None
    except Exception as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigurationError(f"Spark did not start with master {settings.master!r}: {line} (its own log is {log})") from error
    # An earlier session of this process may have had another level.
    session.sparkContext.setLogLevel(_LOG_LEVELS.get(settings.log_level, "ERROR"))
    return session


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Processes started in this block write to `log`, behind what is there, instead of the terminal: the JVM keeps what it was born with."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    try:
        with log.open("ab") as file:
            for number, _ in kept:
                os.dup2(file.fileno(), number)
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)


def stop_spark(session: SparkSession) -> None:
    """Stop the session and its JVM, and return when both are gone. The next session of this process begins with a new JVM."""
    gateway = SparkContext._gateway  # noqa: SLF001  (PySpark has no public way to end the JVM that it started)
    scratch: str | None = None
    with suppress(Exception):  # a JVM that died has nothing left to stop
        scratch = session.conf.get("spark.local.dir")
        session.stop()
    if gateway is None:
        return
    with suppress(Exception):
        gateway.shutdown()
    SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001
    process: Popen[bytes] = gateway.proc
    if process.stdin is not None:
        # The JVM lives as long as this pipe.
        process.stdin.close()
    try:
        process.wait(ending_seconds(_JVM_SECONDS))
    except TimeoutExpired:
        process.kill()
        process.wait()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_left_behind(folder: Path) -> None:
    """Remove the folders, named by pid, of processes that were killed."""
    for each in folder.glob("*"):
        if each.name.isdigit() and not psutil.pid_exists(int(each.name)):
            shutil.rmtree(each, ignore_errors=True)
