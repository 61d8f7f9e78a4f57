"""How many messages a batch may have, whatever the one before it was."""

from __future__ import annotations

import pickle
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.broker.batch_room import BatchRoom


def room(folder: Path, least: int = 10, most: int = 500) -> BatchRoom:
    return BatchRoom(folder / "session" / "job.room", 1_000, least, most)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(needed=st.integers(0, 10**12), last=st.integers(1, 10**7))
def test_it_is_what_finds_room_within_the_bounds(tmp_path: Path, needed: int, last: int) -> None:
    room(tmp_path).tell(needed)
    found = room(tmp_path).messages(last)
    assert 10 <= found <= 500
    if 10 < found < 500:
        assert found * needed <= 1_000 * last < (found + 1) * needed


def test_what_nobody_knows_is_the_least(tmp_path: Path) -> None:
    assert room(tmp_path).messages(100) == 10
    room(tmp_path).tell(1)
    assert room(tmp_path).messages(0) == 10
    assert room(tmp_path).messages(100) == 500
    room(tmp_path).file.write_text("torn")
    assert room(tmp_path).messages(100) == 10
    assert room(tmp_path, least=700).messages(0) == 500, "a job that wants smaller batches has them"


def test_a_disk_that_takes_nothing_stops_no_job(tmp_path: Path) -> None:
    (tmp_path / "session").touch()
    room(tmp_path).tell(1)
    assert room(tmp_path).messages(100) == 10


def test_the_process_that_plans_batches_learns_of_it(tmp_path: Path) -> None:
    elsewhere = pickle.loads(pickle.dumps(room(tmp_path)))  # noqa: S301  (its own)
    room(tmp_path).tell(2_000)
    assert elsewhere.messages(100) == 50
