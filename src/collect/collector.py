"""The collector: takes frames from their source to Kafka until the source ends or it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from src.collect.arrival import Arrival, Happening, Unreadable
from src.collect.event_log import log_event
from src.collect.ledger import Ledger
from src.collect.market_pace import MarketPaces
from src.collect.message import Message, Position, message_of
from src.collect.outbox import Outbox
from src.collect.outgoing import Outgoing
from src.collect.parsed import Channel
from src.collect.pipeline import Pipeline
from src.collect.report import Report, Reporter
from src.collect.sender import Sender
from src.collect.source import Coming, FrameSource
from src.collect.status import CollectorStatus, status_path, write_status
from src.errors import ConfigurationError
from src.schema.records import CollectorEvent, EventKind, Source

_STATUS_SECONDS = 1.0
_REPORT_SECONDS = 10.0
_BOOK_SECONDS = 0.05
_BEHIND_SECONDS = 0.01
_FRAMES_BETWEEN_LOOKS = 256
# A stop takes 5 s at most: the source closes, what has arrived is processed, Kafka acknowledges, the producer closes.
_LEDGER_SECONDS = 0.5
_PROCESS_SECONDS, _FLUSH_SECONDS, _CLOSE_SECONDS = 1.5, 2.0, 0.5


class Collector:
    """One source, one pipeline, one way to Kafka, and the status file that tells of them.

    A replay goes by a `Sender`, which waits for Kafka and knows what is there already; what cannot wait goes by an `Outbox`.
    `report` gets what happened every 10 s. Use: set `message` when there is something a person must know, `play` a source to its end,
    and in any case `stop`.
    """

    def __init__(
        self,
        channels: Sequence[str],
        pipeline: Pipeline,
        outlet: Sender | Outbox,
        home: Path,
        report: Callable[[Report], None],
        ledger: Ledger | None = None,
    ) -> None:
        now = _now()
        self._pipeline = pipeline
        self._outlet = outlet
        self._status_file = status_path(home, os.getpid())
        self._report = report
        self._ledger = ledger
        self._source: FrameSource | None = None
        self._paces = MarketPaces()
        self._message = ""
        self._is_stopping = False
        self.status = CollectorStatus(
            pid=os.getpid(),
            channels=tuple(channels),
            source=Source.LIVE,
            state="connecting",
            started_time=now,
            updated_time=now,
            markets=pipeline.markets,
        )

    def tell(self, message: str) -> None:
        """Put a message into the status, for every view to show."""
        self._message = message

    async def play(self, source: FrameSource) -> None:
        """Take a source's frames to Kafka until it ends, and wait until Kafka has acknowledged them all."""
        self._source = source
        self.status.source = source.source
        self.status.state = "running"
        if isinstance(self._outlet, Outbox):
            await self._play_on(source, self._outlet)
        else:
            await self._replay(source, self._outlet)
        while not self._is_stopping and not await self._outlet.flush(_FLUSH_SECONDS):
            pass

    def process(self, coming: Coming) -> None:
        """Take something that came by another way than the source: a change in an exchange's list, records that were dropped."""
        if isinstance(self._outlet, Outbox):
            self._put(self._outlet, self._pipeline.process(coming))

    async def _play_on(self, source: FrameSource, outbox: Outbox) -> None:
        pipeline = self._pipeline
        count = 0
        async for coming in source:
            self._put(outbox, pipeline.process(coming))
            if isinstance(coming, Arrival):
                if pipeline.prices:
                    source.saw_data(coming, pipeline.prices)
                if pipeline.closing:
                    source.saw_closing(coming)
            self._ask(source)
            count += 1
            # Frames wait at their source for a moment rather than records on disk, as long as Kafka answers.
            while count % _FRAMES_BETWEEN_LOOKS == 0 and outbox.is_behind and not self._is_stopping:  # noqa: ASYNC110  nothing tells when
                await asyncio.sleep(_BEHIND_SECONDS)
        self._put(outbox, pipeline.finish())

    async def keep_books(self) -> None:
        """Until cancelled: a book that changed, or broke, just before its market fell silent is told, or asked for, all the same."""
        while True:
            await asyncio.sleep(_BOOK_SECONDS)
            if self._source is None or not isinstance(self._outlet, Outbox) or self._is_stopping:
                continue
            now = _now()
            self._put(self._outlet, self._pipeline.due(now))
            self._pipeline.ask_again(now)
            self._ask(self._source)

    def _ask(self, source: FrameSource) -> None:
        for need in self._pipeline.take_needs():
            if not self._is_stopping:
                source.ask(need)

    def _put(self, outbox: Outbox, items: Sequence[Outgoing]) -> None:
        for item in items:
            outbox.put(message_of(item))
            self._note(item)

    async def _replay(self, source: FrameSource, sender: Sender) -> None:
        number: int | None = None
        sent = 0
        async for coming in source:
            items = self._pipeline.process(coming)
            self._pipeline.take_needs()  # a recording holds what it holds
            number = coming.number if isinstance(coming, Arrival | Unreadable) else number
            sent = 0
            for sent, item in enumerate(items, 1):
                await sender.send(self._numbered(item, number, sent - 1))
        for index, item in enumerate(self._pipeline.finish(), sent):
            await sender.send(self._numbered(item, number, index))

    def _numbered(self, item: Outgoing, number: int | None, index: int) -> Message:
        self._note(item)
        return message_of(item, None if number is None else Position(number, index))

    def _note(self, item: Outgoing) -> None:
        if isinstance(item, CollectorEvent):
            log_event(item)
            if self._ledger is not None:
                self._ledger.note(item)

    async def stop(self, playing: asyncio.Task[None], state: str) -> bool:
        """Stop in order: the source, what has arrived, Kafka's acknowledgements, the last status. False when some were not acknowledged."""
        self._is_stopping = True
        if self._source is not None:
            await self._source.close()
        if not playing.done():
            await asyncio.wait([playing], timeout=_PROCESS_SECONDS)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        complete = await self._outlet.flush(_FLUSH_SECONDS)
        await self._outlet.close(_CLOSE_SECONDS)
        if self._ledger is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ledger.close(), _LEDGER_SECONDS)
        self.status.state = state
        self._write_status_again()
        return complete

    async def keep_status(self) -> None:
        """Write the status every second and report every 10 s, until cancelled."""
        reporter = Reporter()
        reported = time.monotonic()
        while True:
            self._write_status_again()
            if (seconds := time.monotonic() - reported) >= _REPORT_SECONDS:
                self._report(reporter.report(self.status, seconds))
                reported += seconds
            await asyncio.sleep(_STATUS_SECONDS)

    def dropped(self, market: str, channel: str, count: int) -> None:
        """The outbox gave up so many records: a line of the ledger."""
        self.process(
            Happening(
                kind=EventKind.DROPPED,
                market=market or "unknown",
                source=self.status.source,
                received_time=_now(),
                channel=Channel(channel) if channel else None,
                detail="Kafka did not take them and there was no room left to keep them",
                count=count,
            )
        )

    def _write_status_again(self) -> None:
        """A disk that is full now is no reason to stop: the records go to Kafka, and the message tells of it."""
        try:
            self.write_status()
        except ConfigurationError as error:
            self._message = str(error)

    def write_status(self) -> None:
        """Write the status file now."""
        status = self.status
        status.updated_time = _now()
        status.sent = self._outlet.sent
        status.waiting = self._outlet.waiting + (self._outlet.spooled if isinstance(self._outlet, Outbox) else 0)
        status.message = "; ".join(filter(None, (self._message, self._outlet.trouble)))
        if self._source is not None:
            self._source.update_status(self._pipeline.markets)
            status.left = self._source.left
            status.queued = self._source.queued
        self._paces.look(self._pipeline.markets, time.monotonic(), status.updated_time)
        try:
            write_status(self._status_file, status)
        except OSError as error:
            raise ConfigurationError(f"{self._status_file} cannot be written: {error.strerror}; check the folder and its disk") from None


def _now() -> int:
    return time.time_ns() // 1_000_000
