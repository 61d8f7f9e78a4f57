"""Each statistic as a Spark aggregate. The definitions are in src/preprocess/statistics.py; a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, Statistic, StdDev, Sum, Vwap
from src.setting.spark_columns import all_of, spark_column


def aggregate(  # noqa: C901, PLR0911  (one case a statistic)
    stat: Statistic, columns: Mapping[str, Column], condition: Column | None
) -> Column:
    """`stat` over the rows of a group for which `condition` (and the statistic's own `where`) holds."""
    own = None if stat.where is None else spark_column(stat.where, columns)
    both = all_of([each for each in (own, condition) if each is not None])

    def only(value: Column) -> Column:
        return value if both is None else F.when(both, value)

    value = spark_column(stat.expression, columns)
    match stat:
        case Count():
            return F.count(only(value))
        case Sum():
            return F.sum(only(value.cast("double")))
        case Mean():
            return F.avg(only(value.cast("double")))
        case Min():
            return F.min(only(value))
        case Max():
            return F.max(only(value))
        case StdDev():
            # Spark keeps central moments and merges them (Welford), so a large mean does not cancel a small deviation.
            return F.stddev_samp(only(value.cast("double")))
        case First():
            return F.min(only(_ordered(value, columns)))["value"]
        case Last():
            return F.max(only(_ordered(value, columns)))["value"]
        case Vwap():
            size = F.when(value.isNotNull(), spark_column(stat.weight, columns))
            volume = F.sum(only(size))
            return F.when(volume != 0, F.sum(only(value * size)) / volume)
    raise TypeError(f"no plan knows the statistic {type(stat).__name__}")


def _ordered(value: Column, columns: Mapping[str, Column]) -> Column:
    """Compared as a whole, so that records of equal times have one order too, whatever order they arrive in."""
    return F.when(value.isNotNull(), F.struct(columns["event_time"], columns["received_time"], value.alias("value")))
