"""A part as a process: started again a bounded number of times with growing pauses, its last words kept, stopped in order or by force."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.parts import child as module
from src.parts.child import Child, Patience

QUICK = Patience(restarts=2, first_pause_seconds=0.01, longest_pause_seconds=0.02, proven_seconds=0.0)
SECONDS = 60.0


class Part:
    """Parts of a test, none of which outlives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.made: list[Child] = []

    def __call__(self, program: str, patience: Patience = QUICK, finished: Callable[[], None] | None = None) -> Child:
        made = Child("part", (sys.executable, "-c", program), os.environ, self._folder / "part.log", patience, finished)
        self.made.append(made)
        made.start()
        return made


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    parts = Part(tmp_path)
    yield parts
    for made in parts.made:
        made.kill()
        wait(made.is_gone)


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def watched(child: Child, state: str) -> None:
    def reached() -> bool:
        child.watch()
        return child.state == state

    wait(reached)


def test_pauses_grow_up_to_the_longest() -> None:
    patience = Patience()
    assert [patience.pause(number) for number in (1, 2, 3, 5, 6, 20)] == [1.0, 2.0, 4.0, 16.0, 30.0, 30.0]


def test_a_part_that_dies_again_and_again_is_failed_with_its_last_words(part: Part) -> None:
    child = part("print('one'); print('coinspark: the well is dry'); exit(1)")
    watched(child, "failed")
    assert child.record.restarts == 2
    assert child.record.process is None
    assert child.message == "ended with exit status 1: the well is dry"
    assert Path(child.record.log).read_text().count("one") == 3


def test_the_last_words_of_a_structured_log_are_its_event(part: Part) -> None:
    child = part("""print('{"event": "the well is dry", "level": "error"}'); exit(1)""")
    watched(child, "failed")
    assert child.message == "ended with exit status 1: the well is dry"


def test_what_cannot_be_started_is_tried_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    child = Child("part", (str(tmp_path / "nowhere"),), os.environ, tmp_path / "part.log", QUICK)
    child.start()
    assert (child.state, child.record.process) == ("restarting", None)
    watched(child, "failed")
    assert child.record.restarts == 2
    assert child.message.startswith("cannot be started: [Errno 2] ")


def test_a_killed_part_says_by_what(part: Part) -> None:
    child = part("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    watched(child, "failed")
    assert child.message == "was ended by SIGKILL"


def test_wrong_use_is_not_tried_again_before_it_has_worked_once(part: Part) -> None:
    child = part("print('error: no such market'); exit(2)", Patience(restarts=2, first_pause_seconds=0.01, proven_seconds=1_000))
    watched(child, "failed")
    assert (child.record.restarts, child.message) == (0, "ended with exit status 2: no such market")


def test_what_has_worked_is_tried_again(part: Part, tmp_path: Path) -> None:
    """The second run goes on, and says of the first why it is there."""
    flag = tmp_path / "flag"
    program = f"""
import pathlib, sys, time
flag = pathlib.Path({str(flag)!r})
if flag.exists():
    time.sleep(1000)
flag.touch()
sys.exit('the well is dry')
"""
    child = part(program)
    watched(child, "restarting")
    watched(child, "running")
    wait(lambda: flag.exists() and child.runs)
    assert child.message == "started again, for the 1st time in a row: ended with exit status 1: the well is dry"
    identity = child.record.process
    assert identity is not None
    assert identity.lives


def test_the_end_of_a_source_is_no_fault(part: Part) -> None:
    told: list[str] = []
    child = part("pass", finished=lambda: told.append("finished"))
    watched(child, "finished")
    child.watch()
    assert told == ["finished"]


def test_a_part_that_should_go_on_is_started_again_though_it_ended_well(part: Part) -> None:
    child = part("pass")
    watched(child, "failed")
    assert child.message == "ended with exit status 0"


def test_it_stops_in_order_or_by_force(part: Part) -> None:
    orderly = part("import time; time.sleep(1000)")
    orderly.ask_to_stop()
    assert orderly.state == "stopping"
    wait(orderly.is_gone)
    assert (orderly.state, orderly.message) == ("stopped", "")

    stubborn = part("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(1000)")
    wait(lambda: "deaf" in Path(stubborn.record.log).read_text())
    stubborn.ask_to_stop()
    assert not stubborn.is_gone()
    stubborn.kill()
    wait(stubborn.is_gone)
    assert stubborn.message == "was killed, as it did not stop"


def test_a_part_that_waits_for_its_restart_is_stopped_at_once(part: Part) -> None:
    child = part("exit(1)", Patience(first_pause_seconds=1_000))
    watched(child, "restarting")
    child.ask_to_stop()
    assert child.is_gone()
    child.watch()
    assert child.state == "stopped"


def test_a_log_does_not_grow_for_ever(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT_BYTES", 1_000)
    child = part("import time\nwhile True:\n    print('x' * 99, flush=True)\n    time.sleep(0.001)")
    log = Path(child.record.log)

    def put_aside() -> bool:
        child.watch()
        return log.with_suffix(".log.1").exists()

    wait(put_aside)
    assert log.with_suffix(".log.1").stat().st_size > 1_000

    def is_cut() -> bool:
        child.watch()
        return log.stat().st_size < log.with_suffix(".log.1").stat().st_size

    wait(is_cut)
