"""Recorded frames as a source: moved to now, at their own pace or faster, each with its number."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isinf
from typing import BinaryIO

from src.collect.arrival import Arrival, Unreadable
from src.collect.exchange import Frame
from src.collect.recording import Recording, read_line
from src.collect.source import FrameSource
from src.collect.timeline import Place, Timeline
from src.errors import BadInput, ConfigurationError
from src.schema.records import Source

_PAUSE_BETWEEN_PASSES = 100
_FRAMES_BETWEEN_TURNS = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a recording is played and where in time it is put."""

    speed: float = 1.0
    """Times the original pace; infinity sends without waiting."""
    loop: bool = False
    start_at: datetime | None = None
    """Where the first frame is put; None puts the frames so that none is ever ahead of the clock, as late as that allows."""

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ConfigurationError(f"--speed {self.speed:g}: must be a number above 0, or inf")
        if self.loop and isinf(self.speed):
            raise ConfigurationError("--loop with --speed inf would never end and never wait: give a finite --speed")
        if self.start_at is not None and self.start_at.tzinfo is None:
            raise ConfigurationError("--start-at needs a time with its offset from UTC, for example 2026-01-31T09:00:00Z")

    @property
    def decisive(self) -> tuple[int | None, float | None]:
        """What of the pace gives the frames of every run their times: `start_at` in ms, and a loop's speed.

        Without `start_at` the first frame's time depends on when a run begins, also through the speed, and is kept with the run.
        """
        start = None if self.start_at is None else round(self.start_at.timestamp() * 1000)
        return start, self.speed if self.loop else None

    def first_time(self, duration: int, now: int) -> int:
        """Received time, ms, of the first frame of a replay of `duration` ms that starts now.

        The frames keep their distances, so at N times the pace the last one lands where it is sent: at now + duration / N.
        A loop is squeezed N-fold instead, or its passes would run ahead of the clock.
        """
        lead = 0 if self.loop else min(0, round(duration / self.speed) - duration)
        if self.start_at is None:
            return now + lead
        first = round(self.start_at.timestamp() * 1000)
        if first > now + lead:
            latest = datetime.fromtimestamp((now + lead) / 1000, self.start_at.tzinfo).isoformat(timespec="seconds")
            raise ConfigurationError(f"--start-at {self.start_at.isoformat()}: frames would be ahead of the clock; the latest start is {latest}")
        return first

    def due(self, place: int, duration: int, replay_pass: int) -> int:
        """When a frame is sent, ms after the start of the replay; `place` is its time in the recording."""
        return round(replay_pass * self._period(duration) + place / self.speed)

    def received_time(self, place: int, duration: int, replay_pass: int, first_time: int) -> int:
        """When a frame is said to be received, ms since 1970 UTC."""
        if not self.loop:
            return first_time + place
        return first_time + round(replay_pass * self._period(duration) + place / max(self.speed, 1.0))

    def _period(self, duration: int) -> float:
        return (duration + _PAUSE_BETWEEN_PASSES) / self.speed


class ReplaySource(FrameSource):
    """Plays recordings from the first frame. Frames up to `sent` were sent by an earlier process and are not waited for.

    No frame comes before its received time, also when a run that was begun at a slower pace goes on at a faster one.
    """

    source = Source.REPLAY

    def __init__(self, recordings: Sequence[Recording], timeline: Timeline, pace: Pace, first_time: int, sent: int = -1) -> None:
        self._recordings = recordings
        self._timeline = timeline
        self._pace = pace
        self._first_time = first_time
        self._sent = sent
        self._played = 0
        self._closed = asyncio.Event()

    @property
    def left(self) -> int | None:
        return None if self._pace.loop else self._timeline.frames - self._played

    async def close(self) -> None:
        self._closed.set()

    async def __aiter__(self) -> AsyncIterator[Arrival | Unreadable]:
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(recording.open()) for recording in self._recordings]
            replay_pass = 0
            clock_start: float | None = None
            epoch = asyncio.get_running_loop().time() - time.time()
            while True:
                for place in self._timeline:
                    received_time = self._pace.received_time(place.time, self._timeline.duration, replay_pass, self._first_time)
                    if self._played > self._sent:
                        due = self._pace.due(place.time, self._timeline.duration, replay_pass) / 1000
                        if clock_start is None:
                            clock_start = asyncio.get_running_loop().time() - due
                        await self._wait(max(clock_start + due, epoch + received_time / 1000))
                    elif self._played % _FRAMES_BETWEEN_TURNS == 0:
                        await asyncio.sleep(0)
                    if self._closed.is_set():
                        return
                    arrival = self._arrival(files[place.recording], place, received_time)
                    self._played += 1
                    yield arrival
                if not self._pace.loop:
                    return
                replay_pass += 1

    async def _wait(self, until: float) -> None:
        seconds = until - asyncio.get_running_loop().time()
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), seconds)
        elif self._played % _FRAMES_BETWEEN_TURNS == 0:
            await asyncio.sleep(0)

    def _arrival(self, file: BinaryIO, place: Place, received_time: int) -> Arrival | Unreadable:
        recording = self._recordings[place.recording]
        raw = recording.line(file, place.line)
        try:
            line = read_line(raw)
        except BadInput as error:
            return Unreadable(
                market=recording.market, source=Source.REPLAY, received_time=received_time, raw=raw, reason=error.reason, number=self._played
            )
        recorded_time = received_time if line.received is None else round(line.received * 1000)
        return Arrival(
            frame=Frame(recording.market, Source.REPLAY, recorded_time, line.message, line.url),
            received_time=received_time,
            undated=line.received is None,
            number=self._played,
            starts_pass=self._played % self._timeline.frames == 0,
        )
