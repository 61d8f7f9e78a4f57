"""Spark's own JDBC append: what `df.write.jdbc(..., mode="append")` takes for the same batches, which wait in Spark's memory on two cores.

It can only append: a batch that is written again fails on its key, or doubles its rows where there is none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from pyspark.sql import SparkSession

from bench.sinks_install import JARS
from src.broker.java import find_java
from src.schema.tables import TableSchema
from src.setting.session import stop_spark
from src.storage.sink import Batch
from src.storage.sql import create_engine, sql_table

_DRIVER = "com.mysql.cj.jdbc.Driver"
_PER_ROUND_TRIP = "10000"
_REWRITTEN = "rewriteBatchedStatements=true"
WAYS = {"as it is": "", f"with {_REWRITTEN}": f"&{_REWRITTEN}"}
"""What is added to the driver's URL. Without it, the driver sends row by row."""


@contextmanager
def spark() -> Iterator[SparkSession]:
    """A session with the driver."""
    os.environ["JAVA_HOME"] = str(find_java().home)
    builder = SparkSession.builder.appName("coinspark-bench-sinks").master("local[2]")
    options = {
        "spark.driver.extraClassPath": os.pathsep.join(str(jar) for jar in sorted(JARS.glob("*.jar"))),
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "false",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        stop_spark(session)


def appended(session: SparkSession, url: str, table: TableSchema, made: Sequence[Batch], way: str) -> float:
    """Rows a second of batches that are new to the table, which is made as our sink makes it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        sql_table(table, sa.MetaData()).create(connection)
    engine.dispose()
    address = sa.make_url(url)
    place = f"jdbc:mysql://{address.host}:{address.port}/{address.database}?connectionTimeZone=UTC&useSSL=false{WAYS[way]}"
    properties = {"driver": _DRIVER, "user": address.username or "", "password": "", "batchsize": _PER_ROUND_TRIP}
    seconds, rows = 0.0, 0
    for batch in made:
        frame = session.createDataFrame(batch.tables[table]).repartition(2).cache()
        rows += frame.count()
        began = time.monotonic()
        frame.write.jdbc(place, table.name, mode="append", properties=properties)
        seconds += time.monotonic() - began
        frame.unpersist(blocking=True)
    return rows / seconds
