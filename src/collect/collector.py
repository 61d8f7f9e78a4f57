"""The collector: takes one channel's frames from its source to Kafka until the source ends or it is told to stop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from src.collect.arrival import Arrival
from src.collect.message import Position, message_of
from src.collect.pipeline import Pipeline
from src.collect.report import Report, Reporter
from src.collect.sender import Sender
from src.collect.source import FrameSource
from src.collect.status import CollectorStatus, write_status
from src.errors import ConfigurationError
from src.schema.records import Source

_STATUS_SECONDS = 1.0
_REPORT_SECONDS = 10.0
# A stop takes 5 s at most: the source closes, what has arrived is processed, Kafka acknowledges, the producer closes.
_PROCESS_SECONDS, _FLUSH_SECONDS, _CLOSE_SECONDS = 1.5, 2.0, 0.5


class Collector:
    """One source, one pipeline, one sender, and the status file that tells of them.

    `report` gets what happened every 10 s. Use: set `message` when there is something a person must know, `play` a source to its end,
    and in any case `stop`.
    """

    def __init__(self, channel: str, pipeline: Pipeline, sender: Sender, status_file: Path, report: Callable[[Report], None]) -> None:
        now = _now()
        self._pipeline = pipeline
        self._sender = sender
        self._status_file = status_file
        self._report = report
        self._source: FrameSource | None = None
        self._playing: asyncio.Task[None] | None = None
        self._message = ""
        self._status = CollectorStatus(
            pid=os.getpid(), channel=channel, source=Source.LIVE, state="connecting", started_time=now, updated_time=now, markets=pipeline.markets
        )

    def tell(self, message: str) -> None:
        """Put a message into the status, for every view to show."""
        self._message = message

    def attach(self, source: FrameSource) -> None:
        """Show this source in the status; it is played later."""
        self._source = source
        self._status.source = source.source

    async def play(self, source: FrameSource) -> None:
        """Take a source's frames to Kafka until it ends, and wait until Kafka has acknowledged them all."""
        self.attach(source)
        self._playing = asyncio.current_task()
        self._status.state = "running"
        async for arrival in source:
            records = self._pipeline.process(arrival)
            if records and isinstance(arrival, Arrival):
                source.saw_data(arrival)
            for index, record in enumerate(records):
                position = None if arrival.number is None else Position(arrival.number, index)
                await self._sender.send(message_of(record, position))
        while not await self._sender.flush(_FLUSH_SECONDS):
            pass

    async def stop(self, playing: asyncio.Task[None], state: str) -> bool:
        """Stop in order: the source, what has arrived, Kafka's acknowledgements, the last status. False when some were not acknowledged."""
        if self._source is not None:
            await self._source.close()
        if not playing.done():
            await asyncio.wait([playing], timeout=_PROCESS_SECONDS)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        complete = await self._sender.flush(_FLUSH_SECONDS)
        await self._sender.close(_CLOSE_SECONDS)
        self._status.state = state
        self.write_status()
        return complete

    async def keep_status(self) -> None:
        """Write the status every second and report every 10 s, until cancelled."""
        reporter = Reporter()
        reported = time.monotonic()
        while True:
            self.write_status()
            if (seconds := time.monotonic() - reported) >= _REPORT_SECONDS:
                self._report(reporter.report(self._status, seconds))
                reported += seconds
            await asyncio.sleep(_STATUS_SECONDS)

    def write_status(self) -> None:
        """Write the status file now."""
        status = self._status
        status.updated_time = _now()
        status.sent = self._sender.sent
        status.message = "; ".join(filter(None, (self._message, self._sender.trouble)))
        if self._source is not None:
            self._source.update_status(self._pipeline.markets)
            status.left = self._source.left
        try:
            write_status(self._status_file, status)
        except OSError as error:
            raise ConfigurationError(f"{self._status_file} cannot be written: {error.strerror}; check the folder and its disk") from None


def _now() -> int:
    return time.time_ns() // 1_000_000
