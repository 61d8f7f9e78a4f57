"""How a failing sink is written to again, and when the job gives up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from src.errors import ConfigurationError, TerminalError, TransientError
from src.schema.tables import TableSchema
from src.storage import delivery
from src.storage.delivery import deliver
from src.storage.sink import Batch, Sink

BATCH = Batch("tests", 7, {})
FOREVER = 3_600.0
"""More seconds than a test may take: one that waits for them fails."""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 0.05)


class Failing(Sink):
    """A store that raises these errors, one a call, and then takes what it is given."""

    name = "store"

    def __init__(self, *errors: Exception) -> None:
        self._errors = [*errors]
        self.calls = 0

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables

    def write(self, batch: Batch) -> None:
        assert batch is BATCH
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)


def delivered(sink: Failing, seconds: float = FOREVER, tell: Callable[[str], None] = print, stopping: threading.Event | None = None) -> None:
    deliver(sink, sink.write, BATCH, seconds, stopping or threading.Event(), tell)


def test_a_batch_that_is_taken_is_written_once_and_nobody_hears_of_it() -> None:
    sink, notes = Failing(), list[str]()
    delivered(sink, tell=notes.append)
    assert (sink.calls, notes) == (1, [])


def test_it_is_written_again_until_it_is_stored_and_the_note_goes() -> None:
    sink, notes = Failing(TransientError("server gone"), TransientError("still gone")), list[str]()
    delivered(sink, tell=notes.append)
    assert sink.calls == 3
    assert notes == ["store: server gone; trying again (attempt 2)", "store: still gone; trying again (attempt 3)", ""]


def test_after_the_allowed_time_the_job_stops_with_what_to_do() -> None:
    sink = Failing(*(TransientError("server gone") for _ in range(100)))
    with pytest.raises(
        TerminalError, match=r"store did not take batch 7 for 0\.2 s: server gone\. Nothing is lost: mend it and start the same command"
    ):
        delivered(sink, seconds=0.2)
    assert sink.calls >= 2, "the last attempt is at the end of the time"


def test_no_time_allowed_is_one_attempt() -> None:
    sink = Failing(TransientError("server gone"))
    with pytest.raises(TerminalError):
        delivered(sink, seconds=0.0)
    assert sink.calls == 1


def test_a_stop_ends_the_wait_without_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", FOREVER)
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", FOREVER)
    sink, stopping = Failing(*(TransientError("server gone") for _ in range(100))), threading.Event()
    with pytest.raises(TerminalError, match="stopped while store did not take batch 7: server gone"):
        delivered(sink, tell=lambda note: stopping.set() if "attempt 2" in note else None, stopping=stopping)
    assert sink.calls == 1


def test_a_batch_that_is_there_when_the_stop_comes_is_still_written() -> None:
    sink, stopping = Failing(), threading.Event()
    stopping.set()
    delivered(sink, stopping=stopping)
    assert sink.calls == 1


@pytest.mark.parametrize("error", [ConfigurationError("another password"), TerminalError("full"), ValueError("a mistake of ours")])
def test_what_does_not_pass_is_not_tried_again(error: Exception) -> None:
    sink = Failing(TransientError("server gone"), error)
    with pytest.raises(type(error), match=str(error)):
        delivered(sink)
    assert sink.calls == 2
