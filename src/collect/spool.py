"""Messages that wait on disk for Kafka, in two lanes: trades and the ledger are kept longest, quotes go first when room is short."""

from __future__ import annotations

import contextlib
import errno
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from src.collect.message import Message
from src.collect.parsed import Channel
from src.collect.spool_segment import Origin, Segment, entry_of

SEGMENT_BYTES = 4 * 1024 * 1024
_READ_BYTES = 512 * 1024
_WRITE_BYTES = 256 * 1024
_SMALLEST_SEGMENT = 16 * 1024
_NEWEST_TRADES = 20_000
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Lane(StrEnum):
    """A queue of its own: the order of a key is kept within its lane."""

    TRADES = "trades"
    """Trades, events, dead letters."""
    QUOTES = "quotes"
    """Tickers and order books, of which a later one makes up for an earlier one."""


class Spool:
    """First in, first out by lane, on disk under `folder`, at most `limit_bytes` of it for both lanes together.

    When it is full the oldest file of quotes is deleted, and of trades only when there are no quotes. `on_dropped` gets what was deleted unread,
    counted by market and channel. No method raises OSError: what the disk does not take stays with the caller, and `trouble` says why.
    """

    def __init__(
        self, folder: Path, limit_bytes: int, on_dropped: Callable[[Mapping[Origin, int]], None], segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.trouble = ""
        """One line when the disk failed the last time, else empty."""
        self.trades_before: list[tuple[str, bytes]] = []
        """Topic and value of the trades that `load` has found, in their order: the newest 20,000 at most."""
        self._folder = folder
        self._limit = limit_bytes
        self._segment_bytes = min(segment_bytes, max(limit_bytes // 16, _SMALLEST_SEGMENT))
        self._on_dropped = on_dropped
        self._segments: dict[Lane, deque[Segment]] = {lane: deque() for lane in Lane}
        self._open: dict[Lane, Segment | None] = dict.fromkeys(Lane)
        # Not from 1: `keep` may put a file before the first one.
        self._next_number = 1_000_000

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segments in self._segments.values() for segment in segments)

    @property
    def records(self) -> int:
        """Messages on disk that were not handed over yet, or not acknowledged."""
        return sum(segment.unread.total() + segment.unacknowledged for segments in self._segments.values() for segment in segments)

    def load(self) -> frozenset[str]:
        """Find what an earlier process left; the topics it is for. Reads all of it: call it in a thread. A file it cannot read stays for the next."""
        topics: set[str] = set()
        trades: deque[tuple[Segment, Message]] = deque(maxlen=_NEWEST_TRADES)
        left_over = [(lane, segment) for lane in Lane for segment in self._left_over(lane)]
        for lane, segment in left_over:
            try:
                for message in segment.find():
                    topics.add(message.topic)
                    if message.channel == Channel.TRADE:
                        trades.append((segment, message))
            except OSError as error:
                self._failed(error, "read")
                continue
            self._segments[lane].append(segment)
            self._settle(lane, segment)
        self._make_room(Lane.TRADES, 0)
        self.trades_before = [(message.topic, message.value) for segment, message in trades if not segment.deleted]
        return frozenset(topics)

    def has_unread(self, lane: Lane) -> bool:
        """Whether something of a lane waits: what comes after it must be put behind it."""
        return any(not segment.is_read for segment in self._segments[lane])

    def append(self, lane: Lane, messages: Sequence[Message]) -> int:
        """Put messages at the end; how many of them, from the first, are on disk or were dropped for want of room."""
        done = 0
        while done < len(messages):
            entries: list[bytes] = []
            size = 0
            while done + len(entries) < len(messages) and size < min(_WRITE_BYTES, self._segment_bytes):
                entries.append(entry_of(messages[done + len(entries)]))
                size += len(entries[-1])
            part = messages[done : done + len(entries)]
            if not self._make_room(lane, size):
                self._on_dropped(Counter((message.market, message.channel) for message in part))
            elif not self._written(lane, entries, part):
                return done
            done += len(part)
        return done

    def read(self, lane: Lane) -> tuple[Segment, list[Message]] | None:
        """The next messages of a lane and the file they lie in, which is deleted when all of it is acknowledged; None when there are none."""
        for segment in list(self._segments[lane]):
            if segment.is_read:
                continue
            try:
                messages = segment.read(_READ_BYTES)
            except OSError as error:
                self._failed(error, "read")
                if not isinstance(error, FileNotFoundError):
                    return None  # too many open files, a disk that stutters: the file is there the next time
                messages = []
            if messages:
                self.trouble = ""
                return segment, messages
            # It is damaged, or was taken away: what is left of it is gone.
            self._drop(lane, segment)
        return None

    def acknowledged(self, lane: Lane, segment: Segment, count: int) -> None:
        """So many messages of a file have reached Kafka."""
        segment.unacknowledged -= count
        self._settle(lane, segment)

    def keep(self, lane: Lane, handed_over: Sequence[Message]) -> Segment | None:
        """Have on disk what of a lane is under way, in its order and before what is unread, and nothing else that was handed over.

        Returns the file they are in; None when there is nothing to keep, or the disk does not take it and all is as it was.
        """
        segments = self._segments[lane]
        begun = [segment for segment in segments if segment.is_begun]
        rest = begun[-1] if begun and not begun[-1].is_read else None
        if not handed_over and rest is None:
            return None
        try:
            kept = Segment(begun[-1].path, begun[-1].number) if begun else self._before(lane)
            kept.rewrite(handed_over, rest)
        except OSError as error:
            self._failed(error)
            return None
        for segment in begun:
            if segment.path == kept.path:
                segments.remove(segment)
                segment.seal()
                segment.deleted = True
            else:
                self._delete(lane, segment)
        self._open[lane] = None if self._open[lane] in begun else self._open[lane]
        segments.appendleft(kept)
        self._make_room(Lane.TRADES, 0)
        return kept

    def close(self) -> None:
        """Let go of the files."""
        for segment in self._open.values():
            if segment is not None:
                segment.seal()

    def _written(self, lane: Lane, entries: Sequence[bytes], messages: Sequence[Message]) -> bool:
        while True:
            segment = previous = self._open[lane]
            try:
                if segment is None or segment.size >= self._segment_bytes:
                    segment = self._behind(lane)
                segment.append(entries, messages)
            except OSError as error:
                self._failed(error)
                if segment is not None and segment is not previous and segment.is_open:
                    with contextlib.suppress(OSError):
                        segment.delete()
                if error.errno in _DISK_FULL and self._drop_oldest(lane):
                    continue
                return False
            self.trouble = ""
            if previous is not segment:
                self._segments[lane].append(segment)
                self._open[lane] = segment
                if previous is not None:
                    previous.seal()
            return True

    def _make_room(self, lane: Lane, size: int) -> bool:
        """Delete the oldest files until so many bytes of a lane may be added; False when nothing that may go is left."""
        while self.size + size > self._limit:
            if not self._drop_oldest(lane):
                return False
        return True

    def _drop_oldest(self, lane: Lane) -> bool:
        for victim in (Lane.QUOTES, Lane.TRADES) if lane is Lane.TRADES else (Lane.QUOTES,):
            if self._segments[victim]:
                self._drop(victim, self._segments[victim][0])
                return True
        return False

    def _drop(self, lane: Lane, segment: Segment) -> None:
        lost = +segment.unread
        self._delete(lane, segment)
        if lost:
            self._on_dropped(lost)

    def _settle(self, lane: Lane, segment: Segment) -> None:
        if segment.is_read and segment.unacknowledged <= 0 and not segment.deleted:
            self._delete(lane, segment)

    def _delete(self, lane: Lane, segment: Segment) -> None:
        self._segments[lane].remove(segment)
        if self._open[lane] is segment:
            self._open[lane] = None
        try:
            segment.delete()
        except OSError as error:
            self._failed(error)

    def _left_over(self, lane: Lane) -> list[Segment]:
        folder = self._folder / lane
        try:
            for half_written in folder.glob("*.new"):
                half_written.unlink(missing_ok=True)
            paths = sorted((int(path.stem), path) for path in folder.glob("*.segment") if path.stem.isdecimal())
        except OSError as error:
            self._failed(error, "read")
            return []
        self._next_number = max([self._next_number, *(number + 1 for number, _ in paths)])
        return [Segment(path, number) for number, path in paths]

    def _behind(self, lane: Lane) -> Segment:
        return self._unused(lane, self._next_number, 1)

    def _before(self, lane: Lane) -> Segment:
        return self._unused(lane, self._segments[lane][0].number - 1, -1) if self._segments[lane] else self._behind(lane)

    def _unused(self, lane: Lane, number: int, step: int) -> Segment:
        """A file of a name that no other has, not even one that could not be listed or read. Raises OSError."""
        while (path := self._folder / lane / f"{number:012d}.segment").exists():
            number += step
        self._next_number = max(self._next_number, number + 1)
        return Segment(path, number)

    def _failed(self, error: OSError, what: str = "kept") -> None:
        self.trouble = f"records that wait for Kafka cannot be {what} in {self._folder}: {error.strerror or error}"
