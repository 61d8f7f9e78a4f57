"""The collectors' ledger as a table: what the topic CollectorEvents says, kept where SQL can ask for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
import pyarrow as pa

from src.errors import CoinSparkError, ConfigurationError, MissingPartError
from src.schema.kinds import Kind
from src.schema.records import COLLECTOR_EVENTS_TOPIC, CollectorEvent
from src.schema.tables import TableColumn, TableSchema
from src.storage.sink import Batch
from src.storage.sql import SqlSink

_EVERY_SECONDS = 1.0
_KEPT = 20_000
_LONGEST_TEXT = 255
"""What a text column of the table holds."""
_TIMES = frozenset({"event_time", "first_time", "last_time"})

LEDGER_TABLE = TableSchema(
    name="collector_events",
    topic=COLLECTOR_EVENTS_TOPIC,
    columns=(
        TableColumn("event_id", Kind.STRING),
        *(
            TableColumn(name, Kind.TIMESTAMP if name in _TIMES else Kind.LONG if name == "count" else Kind.STRING)
            for name in CollectorEvent.__struct_fields__
        ),
    ),
    key=("event_id",),
    description="What befell connections, subscriptions and symbols: gaps with what is known on either side, resyncs, stale subscriptions, drops.",
    headline=("event_time", "kind", "market", "channel", "symbol", "detail"),
)
_encode = msgspec.json.Encoder().encode


class Ledger:
    """Writes events to the database about once a second, off the collector's loop.

    The topic has every event whatever happens here: while the database is away the newest events wait, at most 20,000, and one that is
    wrongly configured is said once and then left alone. Texts are cut to 255 characters.
    """

    def __init__(self, database_url: str, tell: Callable[[str], None]) -> None:
        self._database_url = database_url
        self._tell = tell
        self._waiting: deque[CollectorEvent] = deque(maxlen=_KEPT)
        self._sink: SqlSink | None = None
        self._is_wanted = True
        self._is_away = False
        self._batch = 0
        self._lock = asyncio.Lock()

    def note(self, event: CollectorEvent) -> None:
        """Take an event; written soon. The same event twice is one row."""
        if self._is_wanted:
            self._waiting.append(event)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what waits now; one at a time."""
        async with self._lock:
            await self._write_waiting()

    async def _write_waiting(self) -> None:
        if not self._waiting:
            return
        events = list(self._waiting)
        try:
            await asyncio.to_thread(self._write, events)
        except MissingPartError as error:
            if not self._is_away:
                self._tell(f"the ledger is kept on the topic {COLLECTOR_EVENTS_TOPIC} alone until the database is there: {error}")
            self._is_away = True
        except ConfigurationError as error:
            self._is_wanted = False
            self._waiting.clear()
            self._tell(f"the ledger is kept on the topic {COLLECTOR_EVENTS_TOPIC} alone, not in the database: {error}")
        except CoinSparkError:
            return  # they wait; the database comes back or the sinks of the jobs say so
        except Exception as error:  # noqa: BLE001  (drivers let errors of any type through; the topic has every event all the same)
            self._is_wanted = False
            self._waiting.clear()
            self._tell(f"the ledger is kept on the topic {COLLECTOR_EVENTS_TOPIC} alone, the database does not take it: {type(error).__name__}")
        else:
            # More may have come meanwhile, and pushed out the oldest of these.
            written = set(map(id, events))
            self._waiting = deque((event for event in self._waiting if id(event) not in written), maxlen=_KEPT)

    async def close(self) -> None:
        """Write what waits and let go of the database."""
        await self.write()
        if self._sink is not None:
            await asyncio.to_thread(self._sink.close)

    def _write(self, events: list[CollectorEvent]) -> None:
        if self._sink is None:
            sink = SqlSink(self._database_url)
            try:
                sink.open([LEDGER_TABLE])
            except CoinSparkError:
                sink.close()
                raise
            self._sink = sink
        rows = {row["event_id"]: row for row in map(_row, events)}
        self._batch += 1
        table = pa.Table.from_pylist(list(rows.values()), schema=LEDGER_TABLE.arrow())
        self._sink.write(Batch("collector", self._batch, {LEDGER_TABLE: table}))


def _row(event: CollectorEvent) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in CollectorEvent.__struct_fields__}
    texts = {name: str(value)[:_LONGEST_TEXT] if isinstance(value, str) else value for name, value in fields.items()}
    return {"event_id": hashlib.sha256(_encode(event)).hexdigest()[:32], **texts}
