"""When each recorded frame is played: sessions of different days begin together, and idle time is cut."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from src.collect.recording import UNDATED, Recording

_HOUR = 60 * 60 * 1000
_LONGEST_IDLE = 5_000
_UNDATED_SPACING = 100


@dataclass(frozen=True, slots=True)
class Place:
    """One line's place in the replay; `time` in ms from its start."""

    time: int
    recording: int
    line: int


@dataclass(frozen=True, slots=True)
class _Session:
    """Lines of one recording without an hour's gap, and their times; never before the line above, as a socket is in order."""

    recording: int
    market: str
    first_line: int
    times: array[int]
    dated: bool

    @property
    def start(self) -> int:
        return self.times[0]

    @property
    def end(self) -> int:
        return self.times[-1]


class Timeline:
    """The order and time of all frames of some recordings. Iterating gives the places in time order.

    Sessions less than an hour apart, in one file or several, keep their distance: they were one session. Sessions further
    apart all begin at the start of the replay, except that one market's sessions follow each other: two days' prices of one market
    at the same moment would be no market at all. More than 5 s in which no file of a session holds a frame are played as 5 s.
    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._times = [array("q", bytes(8 * len(recording.times))) for recording in recordings]
        market_end: dict[str, int] = {}
        for sessions in _together(_sessions(recordings)):
            start = max((market_end[session.market] + _LONGEST_IDLE for session in sessions if session.market in market_end), default=0)
            place = _IdleCut(sessions, start)
            for session in sessions:
                played = self._times[session.recording]
                for line, time in enumerate(session.times, session.first_line):
                    played[line] = place(time)
                market_end[session.market] = max(market_end.get(session.market, 0), place(session.end))
        self.frames = sum(map(len, self._times))
        self.duration = max(market_end.values(), default=0)
        """ms from the first frame to the last."""

    def __iter__(self) -> Iterator[Place]:
        return heapq.merge(*(_places(number, times) for number, times in enumerate(self._times)), key=lambda place: (place.time, place.recording))


class _IdleCut:
    """Maps a recorded time to a time in the replay, with the idle time of the session taken out."""

    def __init__(self, sessions: Sequence[_Session], start: int) -> None:
        self._shift = start - min(session.start for session in sessions)
        self._after: list[int] = []
        self._cut = [0]
        for before, after in pairwise(heapq.merge(*(session.times for session in sessions))):
            if after - before > _LONGEST_IDLE:
                self._after.append(after)
                self._cut.append(self._cut[-1] + after - before - _LONGEST_IDLE)

    def __call__(self, time: int) -> int:
        return time + self._shift - self._cut[bisect_right(self._after, time)]


def _places(recording: int, times: array[int]) -> Iterator[Place]:
    in_order = all(earlier <= later for earlier, later in pairwise(times))
    lines: Iterable[int] = range(len(times)) if in_order else sorted(range(len(times)), key=times.__getitem__)
    return (Place(times[line], recording, line) for line in lines)


def _sessions(recordings: Sequence[Recording]) -> Iterator[_Session]:
    for number, recording in enumerate(recordings):
        dates = [time for time in recording.times if time != UNDATED]
        if not dates:
            times = array("q", range(0, _UNDATED_SPACING * len(recording.times), _UNDATED_SPACING))
            yield _Session(number, recording.market, 0, times, dated=False)
            continue
        session = _Session(number, recording.market, 0, array("q", dates[:1]), dated=True)
        for line, time in enumerate(recording.times[1:], 1):
            if time != UNDATED and abs(time - session.end) > _HOUR:
                yield session
                session = _Session(number, recording.market, line, array("q", [time]), dated=True)
            else:
                # A line without a time, in a file that has times, came with the line above.
                session.times.append(max(time, session.end))
        yield session


def _together(sessions: Iterable[_Session]) -> Iterator[list[_Session]]:
    """Sessions that were recorded together, the oldest first; a file without any time stands alone."""
    undated: list[_Session] = []
    group: list[_Session] = []
    end = 0
    for session in sorted(sessions, key=lambda session: (session.start, session.recording)):
        if not session.dated:
            undated.append(session)
            continue
        if group and session.start - end > _HOUR:
            yield group
            group = []
        end = max(end, session.end) if group else session.end
        group.append(session)
    if group:
        yield group
    for session in undated:
        yield [session]
