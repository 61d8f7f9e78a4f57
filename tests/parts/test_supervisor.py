"""The order in which `up` stops, what a second signal does, and that nothing outlives an `up` that was killed. Real broker, small parts."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.broker.embedded import EmbeddedBroker
from src.config.settings import Settings, load_settings
from src.parts.leftover import stop_leftovers
from src.parts.plan import PartPlan, UpPlan
from src.parts.record import UpRecord, read_record, up_folder
from src.parts.supervisor import Supervisor
from tests.command.command_line import CommandLine, running
from tests.command.homes import environment
from tests.servers import ROOT, free_port

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]
SECONDS = 240.0
NAMES = ("collector", "ticker", "trade", "dashboard")


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    found = load_settings(home=tmp_path / "home", jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())
    yield found
    stop_leftovers(found.home, lambda _: None)
    EmbeddedBroker(found).stop(force=True)


@contextmanager
def up(settings: Settings, kind: str) -> Iterator[subprocess.Popen[str]]:
    words = [str(settings.home), str(settings.broker_port), str(settings.controller_port), kind]
    program = [sys.executable, "-m", "tests.parts.small_up", *words]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ready(settings: Settings) -> UpRecord:
    """The record once every part has said that it is ready."""
    logs = [up_folder(settings.home) / f"{name}.log" for name in NAMES]
    wait(lambda: all(log.exists() and "ready" in log.read_text() for log in logs))
    wait(lambda: (found := read_record(settings.home)) is not None and found.lives and found.state == "running")
    record = read_record(settings.home)
    assert record is not None
    assert [part.name for part in record.parts] == [*NAMES]
    return record


def none_lives(record: UpRecord) -> bool:
    return not any(part.process is not None and part.process.lives for part in record.parts)


def ended(settings: Settings) -> list[str]:
    return (settings.home / "ends").read_text().split()


def test_jobs_stop_first_then_collector_dashboard_and_broker(settings: Settings) -> None:
    with up(settings, "orderly") as process:
        record = ready(settings)
        assert EmbeddedBroker(settings).status()[0] is not None
        assert (record.state, record.lives) == ("running", True)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    order = ended(settings)
    assert {*order[:2]} == {"ticker", "trade"}
    assert order[2:] == ["collector", "dashboard"]
    assert none_lives(record)
    assert EmbeddedBroker(settings).status() == (None, [])
    assert read_record(settings.home) is None


def test_a_second_signal_ends_by_force_and_still_in_order(settings: Settings) -> None:
    with up(settings, "deaf") as process:
        record = ready(settings)
        process.send_signal(signal.SIGINT)
        wait(lambda: (settings.home / "ends").exists() and {*ended(settings)} == {"ticker", "trade"})
        assert process.poll() is None, "it waits for its jobs"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert ended(settings)[2:] in (["collector", "dashboard"], []), "those that had no time were killed"
    assert none_lives(record)
    assert EmbeddedBroker(settings).status() == (None, [])


def test_down_by_force_ends_parts_that_do_not_listen(settings: Settings) -> None:
    with up(settings, "deaf") as process:
        record = ready(settings)
        answer = CommandLine(running, environment(settings)).run("down", "--force")
        assert (answer.status, answer.output) == (0, "Stopped collector, ticker, trade, dashboard.\n"), answer
        assert process.wait(SECONDS) == 0
    assert none_lives(record)
    assert EmbeddedBroker(settings).status() == (None, [])


def test_it_stops_in_order_though_nobody_reads_it_any_more(settings: Settings) -> None:
    """Its terminal was closed, or it is one end of a pipe whose other end has gone."""
    with up(settings, "told") as process:
        record = ready(settings)
        assert process.stdout is not None
        process.stdout.close()
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        # 120 is Python's own, for what it could not write.
        assert process.wait(SECONDS) in {0, 120}
    order = ended(settings)
    assert {*order[:2]} == {"ticker", "trade"}
    assert order[2:] == ["collector", "dashboard"]
    assert none_lives(record)
    assert EmbeddedBroker(settings).status() == (None, [])


@pytest.mark.parametrize(("source", "state"), [("replay", "finished"), ("live", "restarting"), ("simulate", "restarting")])
def test_a_collector_that_ends_by_itself_is_wanted_again_but_after_a_replay(settings: Settings, source: str, state: str) -> None:
    plan = UpPlan(PartPlan("collector", (sys.executable, "-c", "pass")), (), None, source, None)
    up_folder(settings.home).mkdir(parents=True)
    collector = Supervisor(plan, settings, lambda _: None, lambda _: None)._made()["collector"]
    collector.start()

    def has_ended() -> bool:
        collector.watch()
        return collector.state != "running"

    wait(has_ended)
    assert collector.state == state


def test_nothing_outlives_an_up_that_was_killed(settings: Settings) -> None:
    with up(settings, "orderly") as process:
        record = ready(settings)
        process.kill()
        process.wait(SECONDS)
        # Collectors know their parent by an option of their own; this one is a small program without it.
        parts = [part for part in record.parts if part.name != "collector"]
        wait(lambda: not any(part.process is not None and part.process.lives for part in parts))
    left = read_record(settings.home)
    assert left is not None
    assert not left.lives
    with up(settings, "orderly") as process:
        ready(settings)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS)
    assert "collector (pid" in output
    assert "was left by an `up` that was killed: it is stopped" in output
    assert none_lives(record)


def test_when_no_job_is_left_all_is_stopped_and_said(settings: Settings) -> None:
    with up(settings, "dying") as process:
        output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert output.startswith("no job is left: ticker ended with exit status 1: the well is dry (all of it in ")
    assert ended(settings) == ["collector", "dashboard"]
    assert EmbeddedBroker(settings).status() == (None, [])
