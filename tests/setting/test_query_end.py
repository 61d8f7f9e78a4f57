"""The end of a run's queries: each of them is stopped, whatever becomes of another."""

from __future__ import annotations

from typing import Any

from src.monitoring.queries import Queries
from src.setting.query_end import stop_queries


class SparksQuery:
    """What the end of a run uses of Spark's queries. `fault` is what the JVM answers to a stop."""

    def __init__(self, run: str, heard: Queries, fault: Exception | None = None) -> None:
        self.runId, self._heard, self._fault = run, heard, fault
        self.is_stopped = False

    def stop(self) -> None:
        if self._fault is not None:
            raise self._fault
        self.is_stopped = True
        self._heard.ended(self.runId)


def test_one_that_cannot_be_stopped_leaves_no_other_running() -> None:
    heard = Queries()
    first, second, third = SparksQuery("a", heard), SparksQuery("b", heard, RuntimeError("no answer")), SparksQuery("c", heard)
    queries: list[Any] = [first, second, third]
    stop_queries(queries, heard)
    assert (first.is_stopped, second.is_stopped, third.is_stopped) == (True, False, True)


def test_when_the_jvm_is_gone_nothing_is_waited_for() -> None:
    heard = Queries()
    gone: list[Any] = [SparksQuery(run, heard, ConnectionRefusedError()) for run in "ab"]
    stop_queries(gone, heard)
    assert not heard.await_ended(["a"], 0.0)
