"""Frames of a source to files, as they come. What the frames say is looked at only to know their channel and what to ask for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence

from src.collect.arrival import Arrival, Happening
from src.collect.books import Books
from src.collect.exchange import Exchange, Parsed
from src.collect.parsed import BookUpdate, Channel, Frame, TickerChange
from src.collect.recording_folder import RecordingFolder, RecordingMetadata
from src.collect.source import Coming, FrameSource
from src.collect.status import MarketStatus
from src.errors import MalformedFrame
from src.schema.records import EventKind, Ticker, Trade

CONTROL = "control"
"""In place of a channel: acknowledgements, heartbeats, lists, and frames that no parser reads."""
_FLUSH_SECONDS = 1.0
_REPORT_EVERY = 10
"""Flushes between two reports."""
_SELDOM_MS = 2**40
_Data = Ticker | Trade | BookUpdate


class Recorder:
    """Writes the frames of one source until it is stopped or the source ends.

    Order books are kept on the side, so that a venue whose book begins with a request is asked for it: without that snapshot its recorded changes
    could not be used. `report` gets a line every 10 s; where `show`, which gets the figures once a second, says that it shows
    them, only what has gone wrong since.
    """

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        folder: RecordingFolder,
        markets: dict[str, MarketStatus],
        report: Callable[[str], None],
        show: Callable[[RecordingMetadata], bool] = lambda _: False,
    ) -> None:
        self._exchanges = exchanges
        self._folder = folder
        self._markets = markets
        self._report = report
        self._show = show
        self._ends_at: float | None = None
        self._told: dict[str, str] = {}
        """By market, its last note that `report` was given while a bar was shown."""
        self._books = Books(exchanges, depth=1, interval_ms=_SELDOM_MS)

    async def run(self, source: FrameSource, stop: asyncio.Event, seconds: float | None = None) -> RecordingMetadata:
        """Record until `stop` is set, for `seconds`, or to the source's end; what has arrived by then is written.

        Raises `TerminalError` when the disk takes no more, and what the source raises; the metadata is written all the same where that is possible.
        """
        self._ends_at = None if seconds is None else time.monotonic() + seconds
        recording = asyncio.create_task(self._record(source), name="record")
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(self._keep_flushing(source))]
        try:
            await asyncio.wait([recording, *ends], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            await source.close()
            await recording
            if ends[1].done():
                ends[1].result()
            return self._folder.close(_now())
        except BaseException:
            with contextlib.suppress(Exception):
                self._folder.flush()
            raise
        finally:
            for task in (recording, *ends):
                task.cancel()
            await source.close()

    async def _record(self, source: FrameSource) -> None:
        async for coming in source:
            self._take(source, coming)

    def _take(self, source: FrameSource, coming: Coming) -> None:
        match coming:
            case Arrival():
                if coming.frame.market in self._exchanges:
                    self._arrived(source, coming)
            case Happening():
                self._folder.note(coming)
                if coming.kind is EventKind.DISCONNECTED and coming.channel is Channel.ORDERBOOK:
                    self._books.lose(coming.market, coming.pairs, "connection lost", coming.received_time)
        for need in self._books.needs:
            source.ask(need)
        self._books.needs.clear()

    def _arrived(self, source: FrameSource, arrival: Arrival) -> None:
        frame = arrival.frame
        data = self._data(frame)
        self._folder.write(frame, _channel(data[0]) if data else CONTROL)
        for item in data:
            if isinstance(item, BookUpdate):
                self._books.take(item, arrival.received_time)
        if data:
            source.saw_data(arrival, {(item.symbol, item.quote) for item in data})

    def _data(self, frame: Frame) -> Sequence[_Data]:
        try:
            parsed: Sequence[Parsed] = self._exchanges[frame.market].parse(frame)
        except MalformedFrame as error:
            self._markets[frame.market].note = error.reason
            return ()
        whole = (item.ticker if isinstance(item, TickerChange) else item for item in parsed)
        return [item for item in whole if isinstance(item, Ticker | Trade | BookUpdate)]

    async def _keep_flushing(self, source: FrameSource) -> None:
        """Lines reach the file every second: a recorder that is killed loses no more than that."""
        frames, flushes = 0, 0
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            metadata = self._folder.flush()
            flushes += 1
            is_shown = self._show(metadata)
            if flushes % _REPORT_EVERY:
                continue
            source.update_status(self._markets)
            if is_shown:
                self._report_new_notes()
            else:
                self._report(self._line(metadata, (metadata.frames - frames) / (_REPORT_EVERY * _FLUSH_SECONDS)))
                frames = metadata.frames

    def _report_new_notes(self) -> None:
        """What is wrong at a market, which no bar shows."""
        for name, status in sorted(self._markets.items()):
            if status.note and status.note != self._told.get(name):
                self._told[name] = status.note
                self._report(f"{name}: {status.note}")

    def _line(self, metadata: RecordingMetadata, rate: float) -> str:
        notes = "".join(f" | {name}: {status.note}" for name, status in sorted(self._markets.items()) if status.note)
        left = "" if self._ends_at is None else f", {max(0.0, self._ends_at - time.monotonic()):.0f} s left"
        return f"record: {rate:.1f} frames/s, {metadata.frames} frames in {len(metadata.files)} files, {metadata.bytes / 1e6:.1f} MB{left}{notes}"


def _channel(item: _Data) -> Channel:
    match item:
        case Ticker():
            return Channel.TICKER
        case Trade():
            return Channel.TRADE
        case _:
            return Channel.ORDERBOOK


def _now() -> int:
    return time.time_ns() // 1_000_000
