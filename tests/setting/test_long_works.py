"""The long works of a job, out of what its views are shown."""

from __future__ import annotations

from src.collect.status import CollectorStatus
from src.schema.records import Source
from src.setting.long_works import LongWorks
from src.setting.progress import Progress


def replay(left: int | None) -> CollectorStatus:
    return CollectorStatus(pid=1, channels=("ticker",), source=Source.REPLAY, state="running", started_time=0, updated_time=0, left=left)


class Looks:
    """A job that is looked at once a second."""

    def __init__(self) -> None:
        self._now = 0.0
        self._works = LongWorks(lambda: self._now)

    def at(self, second: float, progress: Progress) -> dict[str, str]:
        self._now = second
        return {name: work.text() for name, work in self._works.look(progress).items()}


def test_a_replay_is_as_long_as_it_was_in_the_beginning() -> None:
    looks = Looks()
    assert looks.at(0, Progress()) == {}
    assert looks.at(1, Progress(collector=replay(1_000))) == {"replay": "0 of 1,000 frames"}
    assert looks.at(11, Progress(collector=replay(600))) == {"replay": "400 of 1,000 frames, 40 frames/s, 15 s left"}
    assert looks.at(12, Progress(collector=replay(0))) == {}


def test_records_that_were_stored_before_the_start_are_caught_up_with_once() -> None:
    looks = Looks()
    assert looks.at(1, Progress(batch_id=0, records=10_000, lag_records=90_000)) == {"stored records": "10,000 of 100,000 records"}
    assert looks.at(11, Progress(batch_id=1, records=50_000, lag_records=40_000)) == {
        "stored records": "60,000 of 100,000 records, 5,000 records/s, 8 s left"
    }
    assert looks.at(21, Progress(batch_id=2, records=40_000, lag_records=900)) == {}
    assert looks.at(31, Progress(batch_id=3, records=10, lag_records=9_000)) == {}, "a slow moment later is no backlog of the start"


def test_a_job_that_starts_with_little_has_no_such_work() -> None:
    looks = Looks()
    assert looks.at(1, Progress(batch_id=0, records=2_000, lag_records=1_500)) == {}


def test_old_rows() -> None:
    looks = Looks()
    assert looks.at(1, Progress(old_rows_left=3_000)) == {"old rows": "0 of 3,000 rows"}
    assert looks.at(3, Progress(old_rows_left=2_000, old_rows_deleted=1_000)) == {"old rows": "1,000 of 3,000 rows, 500 rows/s, 4 s left"}
    assert looks.at(5, Progress(old_rows_deleted=3_000)) == {}
    assert looks.at(700, Progress(old_rows_deleted=3_000, old_rows_left=500)) == {"old rows": "0 of 500 rows"}, "each time anew"
