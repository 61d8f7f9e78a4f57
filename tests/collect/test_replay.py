"""Recordings: which frames, in which order, at which time, and what identifies a replay."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from src.collect.arrival import Arrival, Unreadable
from src.collect.message import Position
from src.collect.recording import index_recordings
from src.collect.replay import Pace, ReplaySource
from src.collect.replay_run import ReplayRun, replay_identity
from src.collect.timeline import Timeline
from src.errors import ConfigurationError

MARKETS = ("okx", "bybit", "upbit", "binance")
DAY = 86_400.0
NOW = 1_770_000_000_000


def recorded(path: Path, *received: float | None) -> Path:
    """A recording with a frame at each of these unix seconds; a frame's message says its time and its file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"received": second, "message": f"{path.name} {second}"}) + "\n" for second in received))
    return path


def played(*files: Path) -> list[tuple[int, str]]:
    """When each frame is played, in ms from the start, in order."""
    recordings = index_recordings([str(file) for file in files], MARKETS)
    source = ReplaySource(recordings, Timeline(recordings), Pace(speed=float("inf")), first_time=NOW)
    return [(arrival.received_time - NOW, arrival.frame.message) for arrival in arrivals(source) if isinstance(arrival, Arrival)]


def arrivals(source: ReplaySource, limit: int = 1000) -> list[Arrival | Unreadable]:
    async def collected() -> list[Arrival | Unreadable]:
        found = []
        async for arrival in source:
            found.append(arrival)
            if len(found) == limit:
                await source.close()
        return found

    return asyncio.run(collected())


def times(*files: Path) -> list[int]:
    return [time for time, _ in played(*files)]


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    okx = recorded(tmp_path / "okx.jsonl", 1000.0, 1000.3)
    bybit = recorded(tmp_path / "bybit.jsonl", 1000.1, 1000.3, 1001.0)
    assert played(okx, bybit) == [
        (0, "okx.jsonl 1000.0"), (100, "bybit.jsonl 1000.1"), (300, "okx.jsonl 1000.3"), (300, "bybit.jsonl 1000.3"), (1000, "bybit.jsonl 1001.0"),
    ]  # fmt: skip


def test_idle_time_is_cut_to_five_seconds_where_no_file_has_a_frame(tmp_path: Path) -> None:
    okx = recorded(tmp_path / "okx.jsonl", 1000, 1003, 1100, 1101)
    assert times(okx) == [0, 3000, 8000, 9000]
    assert times(okx, recorded(tmp_path / "bybit.jsonl", 1050)) == [0, 3000, 8000, 13_000, 14_000]


def test_sessions_of_different_days_begin_together(tmp_path: Path) -> None:
    okx = recorded(tmp_path / "okx.jsonl", 1000, 1002)
    bybit = recorded(tmp_path / "bybit.jsonl", 1000 + 400 * DAY, 1001 + 400 * DAY)
    assert [time for time, _ in played(okx, bybit)] == [0, 0, 1000, 2000]


def test_two_sessions_of_one_market_follow_each_other(tmp_path: Path) -> None:
    okx = recorded(tmp_path / "okx.jsonl", 1000, 1002, 1000 + DAY, 1001 + DAY)
    assert times(okx) == [0, 2000, 7000, 8000]
    other = recorded(tmp_path / "bybit.jsonl", 1000.5 + DAY)
    assert played(okx, other)[2:] == [(7000, f"okx.jsonl {1000 + DAY}"), (7500, f"bybit.jsonl {1000.5 + DAY}"), (8000, f"okx.jsonl {1001 + DAY}")]


def test_frames_without_a_time_are_100_ms_apart_and_said_to_be_undated(tmp_path: Path) -> None:
    okx = recorded(tmp_path / "okx.jsonl", None, None, None)
    assert times(okx) == [0, 100, 200]
    recordings = index_recordings([str(okx)], MARKETS)
    found = arrivals(ReplaySource(recordings, Timeline(recordings), Pace(float("inf")), NOW))
    assert [arrival.undated for arrival in found if isinstance(arrival, Arrival)] == [True] * 3


def test_a_time_that_jumps_back_a_little_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    assert times(recorded(tmp_path / "okx.jsonl", 1000, 1002, 1001, 1003)) == [0, 2000, 2000, 3000]


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"received": "x", "message": "y"}', '{"received": 1}', '{"received": 1e300, "message": ""}', '{"received": -1, "message": ""}',
     '{"received": 1, "message": "\\ud800"}', "\udcff", "[" * 100_000],
)  # fmt: skip
def test_a_broken_line_is_a_dead_letter_between_its_neighbours(tmp_path: Path, line: str) -> None:
    path = recorded(tmp_path / "okx.jsonl", 1000)
    with path.open("a", errors="surrogateescape") as file:
        file.write(line + "\n\n" + json.dumps({"received": 1001, "message": "after"}) + "\n")
    recordings = index_recordings([str(path)], MARKETS)
    first, broken, after = arrivals(ReplaySource(recordings, Timeline(recordings), Pace(float("inf")), NOW))
    assert isinstance(first, Arrival)
    assert isinstance(broken, Unreadable)
    assert broken.reason.startswith("broken line of a recording: ")
    assert broken.raw == line.encode(errors="surrogateescape")
    assert isinstance(after, Arrival)
    assert (after.number, after.frame.message) == (2, "after")


def test_the_market_is_named_or_seen_in_the_folder_or_the_file_name(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("okx/ticker.jsonl", "bybit-monday.jsonl", "binance.jsonl", "any.jsonl")]
    for path in paths:
        recorded(path, 1000)
    arguments = [str(path) for path in paths[:3]] + [f"upbit={paths[3]}"]
    assert [recording.market for recording in index_recordings(arguments, MARKETS)] == ["okx", "bybit", "binance", "upbit"]


@pytest.mark.parametrize("name", ["nowhere.jsonl", "binance_futures.jsonl", "deribit=okx.jsonl"])
def test_an_unknown_market_names_the_known_ones(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorded(Path(name.partition("=")[2] or name), 1000)
    with pytest.raises(ConfigurationError, match="binance, bybit, okx, upbit"):
        index_recordings([name], MARKETS)


@pytest.mark.parametrize("argument", ["missing.jsonl", "okx=missing.jsonl", "okx", "empty.jsonl"])
def test_a_file_that_cannot_be_played_is_named(tmp_path: Path, argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "okx").mkdir()
    (tmp_path / "empty.jsonl").touch()
    named = f"okx={argument}" if argument == "empty.jsonl" else argument
    with pytest.raises(ConfigurationError, match=argument.rpartition("=")[2]):
        index_recordings([named], MARKETS)


def test_without_files_there_is_nothing_to_replay() -> None:
    with pytest.raises(ConfigurationError, match="needs files"):
        index_recordings([], MARKETS)


@pytest.mark.parametrize("speed", [0.25, 1.0, 3.0, 1000.0, float("inf")])
def test_no_frame_is_ever_ahead_of_the_clock_and_the_last_is_not_behind_it(speed: float) -> None:
    pace, duration = Pace(speed), 60_000
    first = pace.first_time(duration, NOW)
    for place in (0, 1, 30_000, 59_999, 60_000):
        assert pace.received_time(place, duration, 0, first) <= NOW + pace.due(place, duration, 0) + 1
    if speed >= 1:
        assert pace.received_time(duration, duration, 0, first) == NOW + pace.due(duration, duration, 0)
        assert pace.received_time(30_000, duration, 0, first) == first + 30_000


def test_a_run_that_goes_on_faster_than_it_began_is_not_ahead_of_the_clock_either(tmp_path: Path) -> None:
    recordings = index_recordings([str(recorded(tmp_path / "okx.jsonl", 1000, 1000.1, 1000.4))], MARKETS)

    async def leads() -> list[float]:
        begun = round(time.time() * 1000)
        source = ReplaySource(recordings, Timeline(recordings), Pace(float("inf")), first_time=begun, sent=0)
        return [arrival.received_time - time.time() * 1000 async for arrival in source]

    found = asyncio.run(leads())
    assert len(found) == 3
    # A timer may be some ms early.
    assert max(found) < 20


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_a_loop_never_runs_ahead_and_goes_on_in_time(speed: float) -> None:
    pace, duration = Pace(speed, loop=True), 10_000
    first = pace.first_time(duration, NOW)
    places = [(replay_pass, place) for replay_pass in range(50) for place in (0, 5_000, 10_000)]
    moved = [pace.received_time(place, duration, replay_pass, first) for replay_pass, place in places]
    assert moved == sorted(moved)
    assert all(time <= NOW + pace.due(place, duration, replay_pass) + 1 for time, (replay_pass, place) in zip(moved, places, strict=True))


def test_a_looped_recording_is_numbered_through_and_says_where_a_pass_starts(tmp_path: Path) -> None:
    recordings = index_recordings([str(recorded(tmp_path / "okx.jsonl", 1000, 1000.01))], MARKETS)
    found = arrivals(ReplaySource(recordings, Timeline(recordings), Pace(1000, loop=True), NOW), limit=5)
    assert [(arrival.number, arrival.starts_pass) for arrival in found] == [(0, True), (1, False), (2, True), (3, False), (4, True)]


def test_the_first_frame_can_be_put_at_an_instant() -> None:
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert Pace(float("inf"), start_at=at).first_time(60_000, NOW) == at.timestamp() * 1000


@pytest.mark.parametrize(
    ("speed", "loop", "start_at", "says"),
    [
        (0.0, False, None, "--speed 0"),
        (float("nan"), False, None, "--speed nan"),
        (-1.0, False, None, "--speed -1"),
        (float("inf"), True, None, "--loop"),
        (1.0, False, datetime(2026, 1, 31), "offset from UTC"),  # noqa: DTZ001  what is wrong with it
        (1.0, False, datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(seconds=1), "ahead of the clock"),
    ],
)
def test_a_pace_that_cannot_be_is_refused(speed: float, loop: bool, start_at: datetime | None, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Pace(speed, loop, start_at).first_time(1000, NOW)


def test_the_identity_is_the_files_their_order_and_the_options(tmp_path: Path) -> None:
    one, other = recorded(tmp_path / "okx.jsonl", 1000), recorded(tmp_path / "bybit.jsonl", 1000)

    def identity(*files: str, options: tuple[object, ...] = (Pace().decisive,)) -> str:
        return replay_identity(index_recordings(files, MARKETS), options)

    same = identity(str(one), str(other))
    assert identity(str(one), str(other)) == same
    assert (
        len({same, identity(str(other), str(one)), identity(str(one)), identity(str(one), str(other), options=(Pace(2.0, loop=True).decisive,))}) == 4
    )
    recorded(one, 1001)
    assert identity(str(one), str(other)) != same


def test_only_what_gives_frames_other_times_makes_another_replay_of_a_pace() -> None:
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert Pace(1.0).decisive == Pace(float("inf")).decisive
    assert Pace(1.0, start_at=at).decisive == Pace(9.0, start_at=at.astimezone(timezone(timedelta(hours=9)))).decisive
    paces = Pace(), Pace(1.0, loop=True), Pace(2.0, loop=True), Pace(start_at=at), Pace(start_at=at + timedelta(seconds=1))
    assert len({pace.decisive for pace in paces}) == len(paces)


def test_a_position_is_read_back_from_its_own_run_only() -> None:
    run = ReplayRun(identity="abc", run=7, cluster_id="c", first_time=0, start_offsets={})
    assert run.position(run.header(Position(12, 3))) == Position(12, 3)
    for other in (ReplayRun(identity="abc", run=8, cluster_id="c", first_time=0, start_offsets={}),
                  ReplayRun(identity="abd", run=7, cluster_id="c", first_time=0, start_offsets={})):  # fmt: skip
        assert other.position(run.header(Position(12, 3))) is None
