"""Several sinks of one job: a dead one takes nothing from the others, and what it missed is parked and written in order."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.errors import ConfigurationError, TerminalError, TransientError, UnreachableError
from src.schema.tables import TableSchema
from src.storage import outlet as outlet_module
from src.storage.outlet import Outlet, Rules, Unopened
from src.storage.parked import ParkedBatches, parking_folders
from src.storage.sink import Batch, Guarantee, Sink
from tests.storage.disks import small_disk
from tests.storage.rows import awkward, batch, row, schema

TABLE, OTHER = schema("prices"), schema("spreads")
WAITS = "{} batches wait in {}, and are written in order once it takes them"


class Recorded(Sink):
    """A store that keeps the batches that it was given, and fails while `error` is set."""

    guarantee = Guarantee.AT_LEAST_ONCE
    name = "store"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls = 0
        self.taken: list[Batch] = []

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables

    def write(self, batch: Batch) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.taken.append(batch)

    @property
    def ids(self) -> list[int]:
        return [given.batch_id for given in self.taken]


class Run:
    """A job's outlets: one to a sink that fails when asked to, one to a sink that never does."""

    def __init__(self, folder: Path, *, parks: bool = True) -> None:
        self.notes: list[str] = []
        self.stopping = threading.Event()
        rules = Rules(0.0, parks, self.stopping, self.notes.append)
        self.failing, self.other = Recorded(), Recorded()
        self.outlets = [Outlet(sink, sink.write, rules, ParkedBatches(folder / name)) for sink, name in ((self.failing, "a"), (self.other, "b"))]

    def deliver(self, *numbers: int) -> None:
        for number in numbers:
            for outlet in self.outlets:
                outlet.deliver(given(number))


def given(number: int) -> Batch:
    return batch(number, {TABLE: [row(records=number)], OTHER: []})


@pytest.fixture(autouse=True)
def _tried_at_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "PROBE_SECONDS", 0.0)


def test_a_dead_sink_is_parked_for_and_gets_everything_in_order(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.deliver(0)
    run.failing.error = TransientError("server gone")
    run.deliver(1, 2, 3)
    assert (run.failing.ids, run.other.ids) == ([0], [0, 1, 2, 3])
    assert run.outlets[0].waiting == 3
    assert run.notes[-1] == f"store: server gone; {WAITS.format(3, tmp_path / 'a')}"
    run.failing.error = None
    run.deliver(4)
    assert run.failing.ids == run.other.ids == [0, 1, 2, 3, 4]
    assert run.notes[-1] == ""
    assert [*(tmp_path / "a").iterdir()] == []


def test_what_is_parked_outlives_the_job_and_goes_first(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.failing.error = TransientError("server gone")
    run.deliver(0, 1)
    # Killed before Spark heard that batch 1 was taken: the query makes it again.
    later = Run(tmp_path)
    assert later.outlets[0].waiting == 2
    later.deliver(1, 2)
    assert later.failing.ids == [0, 1, 2]


def test_what_is_parked_goes_first_also_when_the_job_no_longer_parks(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.failing.error = TransientError("server gone")
    run.deliver(0, 1)
    later = Run(tmp_path, parks=False)
    later.failing.error = TransientError("still gone")
    with pytest.raises(TerminalError, match="store did not take batch 0"):
        later.deliver(2)
    later.failing.error = None
    later.deliver(2)
    assert later.failing.ids == [0, 1, 2]


def test_a_job_that_does_not_park_stops_at_the_batch_and_the_next_run_goes_on_there(tmp_path: Path) -> None:
    run = Run(tmp_path, parks=False)
    run.deliver(0)
    run.failing.error = TransientError("server gone")
    with pytest.raises(TerminalError, match=r"store did not take batch 1 .*it goes on at this batch"):
        run.deliver(1)
    assert (run.failing.ids, run.other.ids) == ([0], [0])
    later = Run(tmp_path, parks=False)
    later.deliver(1, 2)
    assert later.failing.ids == later.other.ids == [1, 2]


def test_a_batch_that_the_query_makes_again_is_not_written_again(tmp_path: Path) -> None:
    run = Run(tmp_path, parks=False)
    run.outlets.reverse()
    run.deliver(0)
    run.failing.error = TransientError("server gone")
    with pytest.raises(TerminalError):
        run.deliver(1)
    run.failing.error = None
    run.deliver(1, 2)
    assert run.failing.ids == run.other.ids == [0, 1, 2]
    # Ids of another checkpoint are others.
    for outlet in run.outlets:
        outlet.deliver(batch(0, {TABLE: [row()]}, generation=2))
    assert run.other.ids == [0, 1, 2, 0]


def test_a_sink_that_is_away_is_not_tried_at_every_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "PROBE_SECONDS", 3_600.0)
    run = Run(tmp_path)
    run.failing.error = TransientError("server gone")
    run.deliver(*range(20))
    assert run.failing.calls == 1
    assert run.outlets[0].waiting == 20


def test_what_is_parked_is_written_also_when_no_batch_comes(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.failing.error = TransientError("server gone")
    run.deliver(0, 1, 2)
    run.outlets[0].retry()
    assert (run.failing.ids, run.outlets[0].waiting) == ([], 3)
    run.failing.error = None
    run.outlets[0].retry()
    assert (run.failing.ids, run.outlets[0].waiting, run.notes[-1]) == ([0, 1, 2], 0, "")
    run.failing.error = ConfigurationError("another password")
    run.outlets[0].retry()  # nothing waits, so nothing is tried
    run.failing.error = TransientError("server gone")
    run.deliver(3)
    run.failing.error = ConfigurationError("another password")
    with pytest.raises(ConfigurationError, match="another password"):
        run.outlets[0].retry()


def test_a_retry_beside_the_batches_changes_nothing_in_their_order(tmp_path: Path) -> None:
    run = Run(tmp_path)
    [outlet, _], done = run.outlets, threading.Event()

    def retry() -> None:
        while not done.is_set():
            outlet.retry()

    with ThreadPoolExecutor(1) as beside:
        retrying = beside.submit(retry)
        for number in range(60):
            # Away for three batches, back for one.
            run.failing.error = TransientError("server gone") if number % 4 else None
            outlet.deliver(given(number))
        run.failing.error = None
        outlet.deliver(given(60))
        done.set()
        retrying.result()
    assert run.failing.ids == [*range(61)]
    assert outlet.waiting == 0


def test_a_sink_that_was_away_at_the_start_is_opened_before_its_first_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink, opened = Recorded(), [UnreachableError("refused"), None]

    def tried() -> None:
        error = opened.pop(0)
        if error is not None:
            raise error

    monkeypatch.setattr(outlet_module, "PROBE_SECONDS", 3_600.0)
    notes: list[str] = []
    rules = Rules(60.0, parks=True, stopping=threading.Event(), tell=notes.append)
    outlet = Outlet(sink, sink.write, rules, ParkedBatches(tmp_path), Unopened(tried, "refused at first"))
    outlet.deliver(given(0))
    assert (sink.calls, len(opened), notes) == (0, 2, [f"store: refused at first; {WAITS.format(1, tmp_path)}"])
    monkeypatch.setattr(outlet_module, "PROBE_SECONDS", 0.0)
    outlet._next_probe = 0.0
    outlet.deliver(given(1))
    assert (sink.calls, len(opened), notes[-1]) == (0, 1, f"store: refused; {WAITS.format(2, tmp_path)}")
    outlet.deliver(given(2))
    assert (sink.ids, opened, outlet.waiting) == ([0, 1, 2], [], 0)


@pytest.mark.parametrize("error", [ConfigurationError("another password"), TerminalError("full")])
def test_what_does_not_pass_stops_the_job_parking_or_not(tmp_path: Path, error: Exception) -> None:
    run = Run(tmp_path)
    run.failing.error = error
    with pytest.raises(type(error), match=str(error)):
        run.deliver(0)
    assert run.outlets[0].waiting == 0


def test_a_stop_leaves_what_waits_for_the_next_start(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.failing.error = TransientError("server gone")
    run.deliver(0, 1)
    run.stopping.set()
    run.failing.error = None
    run.deliver(2)
    assert run.failing.ids == []
    later = Run(tmp_path)
    later.deliver(3)
    assert later.failing.ids == [0, 1, 2, 3]


def test_a_batch_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    parked = ParkedBatches(tmp_path / "parked")
    whole = batch(5, {TABLE: awkward(), OTHER: []})
    said = Batch(whole.query, 5, whole.tables, {"live": 7}, whole.checkpoint, whole.generation, {"live": 9})
    empty = Batch("tests", 6, {})
    for one in (said, empty):
        parked.park(one)
    for path, expected in zip(parked.waiting(), (said, empty), strict=True):
        found = parked.read(path)
        assert (found.query, found.batch_id, found.checkpoint, found.generation) == (
            expected.query,
            expected.batch_id,
            expected.checkpoint,
            expected.generation,
        )
        assert (found.closed_until, found.newest_event_time) == (expected.closed_until, expected.newest_event_time)
        assert [*found.tables] == [*expected.tables]
        # NaN is not equal to itself.
        assert all(str(rows.to_pylist()) == str(expected.tables[table].to_pylist()) for table, rows in found.tables.items())
        assert parked.head(path).tables == {}


def test_a_file_that_was_never_finished_is_passed_over_and_a_broken_one_is_named(tmp_path: Path) -> None:
    parked = ParkedBatches(tmp_path)
    parked.park(given(0))
    (tmp_path / ".000000000002.arrow.unfinished").write_bytes(b"half")
    [path] = parked.waiting()
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(TerminalError, match=f"the parked batch {path} cannot be read"):
        parked.read(path)


def test_a_full_disk_stops_the_job_at_the_batch(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", megabytes=1) as disk:
        run = Run(disk.folder)
        run.failing.error = TransientError("server gone")
        run.deliver(0)
        disk.fill()
        with pytest.raises(TerminalError, match=r"batch 1 cannot be parked in .*: No space left on device"):
            run.deliver(1)
        disk.free()
        run.failing.error = None
        run.deliver(1)
        assert run.failing.ids == [0, 1]


def test_sinks_and_jobs_have_folders_of_their_own(tmp_path: Path) -> None:
    found = parking_folders(tmp_path, "ticker", ["database", "Kafka", "Parquet files", "Kafka"])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "parked/database/ticker",
        "parked/kafka/ticker",
        "parked/parquet-files/ticker",
        "parked/kafka-2/ticker",
    ]
