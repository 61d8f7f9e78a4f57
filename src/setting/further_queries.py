"""The queries of a job besides the one over all metrics: over closed windows, and of raw records."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from src.setting.raw_query import start_raw
from src.setting.series_query import start_series

if TYPE_CHECKING:
    from src.setting.streaming import SparkStreamingCoinAverage


def further_queries(job: SparkStreamingCoinAverage, session: SparkSession, *, all_there_is: bool) -> list[Callable[[], StreamingQuery]]:
    """What starts each of them; `all_there_is`: it ends when it has read what is on its topics then."""
    found: list[Callable[[], StreamingQuery]] = []
    if job.series_folder is not None:
        found.append(partial(start_series, job, session, job.series_folder, all_there_is=all_there_is))
    if job.raw is not None:
        found.append(partial(start_raw, job, session, job.raw, all_there_is=all_there_is))
    return found
