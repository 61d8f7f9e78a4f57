"""Series without Spark and without topics: what a debug run shows, which stores nothing that a second query could read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pyarrow as pa
from pyspark.sql import Row
from pyspark.sql.streaming.stateful_processor import StatefulProcessorHandle, TimerValues

from src.schema.tables import TableSchema
from src.series.messages import MESSAGE_COLUMNS
from src.series.processor import SeriesProcessor
from src.setting.series import SeriesPlan
from src.storage.kafka import row_key, wire_row

_FOUND = pa.schema({"metric": pa.string(), "row": pa.binary(), "left_out": pa.int64(), "fault": pa.string()})


class SeriesInMemory:
    """The series of one run. `take` is called with each batch of the main query."""

    def __init__(self, plan: SeriesPlan) -> None:
        self._plan = plan
        self._messages = plan.messages()
        self._processors: dict[int, SeriesProcessor] = {}
        self._offset = 0

    def take(self, tables: Mapping[TableSchema, pa.Table], closed_until: Mapping[str, int]) -> pa.Table:
        """What the batch's rows and the windows closed by now (ms by source) lead to, as a batch of the query would give it."""
        messages = []
        for table, rows in tables.items():
            for row in rows.to_pylist() if table.topic in self._plan.topics else ():
                closed = closed_until.get(row["source"])
                self._offset += 1
                value = msgspec.json.encode(wire_row(row))
                messages.append((table.topic, row_key(table, row), value, self._offset, None if closed is None else str(closed)))
        if not messages:
            return _FOUND.empty_table()
        batch = pa.RecordBatch.from_pydict(dict(zip(MESSAGE_COLUMNS, map(list, zip(*messages, strict=True)), strict=True)))
        found = [row.asDict() for given in self._messages([batch]) for bucket in given.to_pylist() for row in self._folded(bucket)]
        return pa.Table.from_pylist(found, _FOUND)

    def _folded(self, bucket: Mapping[str, Any]) -> list[Row]:
        processor = self._processors.get(bucket["bucket"])
        if processor is None:
            processor = self._processors[bucket["bucket"]] = self._plan.processor()
            processor.init(cast("StatefulProcessorHandle", _Handle()))
        return list(processor.handleInputRows(bucket["bucket"], iter([Row(given=bucket["given"])]), cast("TimerValues", None)))


class _Value:
    """One value of the state of a bucket."""

    def __init__(self) -> None:
        self._value: Any = None

    def get(self) -> Any:
        return self._value

    def update(self, value: Any) -> None:
        self._value = value


class _Map:
    """Values by key, of the state of a bucket."""

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}

    def getValue(self, key: Any) -> Any:  # noqa: N802  (Spark's name)
        return self._values.get(key)

    def removeKey(self, key: Any) -> None:  # noqa: N802  (Spark's name)
        self._values.pop(key, None)

    def updateValue(self, key: Any, value: Any) -> None:  # noqa: N802  (Spark's name)
        self._values[key] = value


class _Handle:
    """Gives a processor its state, as Spark does."""

    def getValueState(self, name: str, schema: str) -> _Value:  # noqa: N802  (Spark's name)
        del name, schema
        return _Value()

    def getMapState(self, name: str, keys: str, values: str) -> _Map:  # noqa: N802  (Spark's name)
        del name, keys, values
        return _Map()
