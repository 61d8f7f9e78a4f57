"""Who runs: known by id and start, and what a killed `up` has left is stopped by that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from src.errors import ConfigurationError
from src.parts.identity import ProcessIdentity, identity_of, who_said, writer_of
from src.parts.leftover import stop_leftovers
from src.parts.record import PartRecord, UpRecord, alone, read_record, refuse_second, up_folder, write_record

Started = Callable[[], "subprocess.Popen[bytes]"]
NOBODY = ProcessIdentity(os.getpid(), 1)


@pytest.fixture
def started() -> Iterator[Started]:
    """Processes of a test's own."""
    made: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def up(*parts: PartRecord, supervisor: ProcessIdentity = NOBODY) -> UpRecord:
    return UpRecord(supervisor=supervisor, started_time=1, state="running", source="simulate", parts=parts)


def test_a_process_is_known_by_its_id_and_its_start(started: Started) -> None:
    process = started()
    identity = identity_of(process.pid)
    assert identity is not None
    assert identity.lives
    assert not ProcessIdentity(process.pid, identity.began_time - 60_000).lives, "another one of the same id"
    process.kill()
    assert process.wait() != 0
    assert not identity.lives
    assert identity_of(process.pid) is None


def test_a_process_that_only_waits_to_be_asked_for_is_gone(started: Started) -> None:
    process = started()
    identity = identity_of(process.pid)
    assert identity is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
    assert not identity.lives


def test_who_wrote_a_lock_file(tmp_path: Path, started: Started) -> None:
    lock = tmp_path / "ticker.lock"
    assert writer_of(lock) is None
    process = started()
    lock.write_text(str(process.pid))
    found = writer_of(lock)
    assert found is not None
    assert found.pid == process.pid
    os.utime(lock, (1, 1))
    assert writer_of(lock) is None, "the file is older than the process: it is of another one"
    assert who_said(process.pid, 1) is None


def test_one_up_in_a_home(tmp_path: Path) -> None:
    identity = identity_of(os.getpid())
    assert identity is not None
    with alone(tmp_path):
        write_record(tmp_path, up(supervisor=identity))
        with pytest.raises(ConfigurationError, match=rf"up already as pid {os.getpid()}: `status` shows it, `down` stops it"), alone(tmp_path):
            pass
    with alone(tmp_path):
        pass


def test_a_second_up_is_told_of_the_first_before_it_looks_at_ports(tmp_path: Path) -> None:
    identity = identity_of(os.getpid())
    assert identity is not None
    refuse_second(tmp_path)
    up_folder(tmp_path).mkdir()
    write_record(tmp_path, up(supervisor=NOBODY))
    refuse_second(tmp_path)
    write_record(tmp_path, up(supervisor=identity))
    with pytest.raises(ConfigurationError, match=rf"^everything is up already as pid {os.getpid()}: `status` shows it, `down` stops it$"):
        refuse_second(tmp_path)


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose another COINSPARK_HOME"), alone(tmp_path / "file"):
        pass


def test_what_a_killed_up_has_left_is_stopped_and_nothing_else(tmp_path: Path, started: Started) -> None:
    left, others = started(), started()
    identity, other = identity_of(left.pid), identity_of(others.pid)
    assert identity is not None
    assert other is not None
    up_folder(tmp_path).mkdir()
    parts = (
        PartRecord(name="ticker", state="running", process=identity, log="ticker.log"),
        PartRecord(name="trade", state="running", process=ProcessIdentity(other.pid, other.began_time - 60_000), log="trade.log"),
        PartRecord(name="dashboard", state="failed", log="dashboard.log"),
    )
    write_record(tmp_path, up(*parts))
    said: list[str] = []
    assert stop_leftovers(tmp_path, said.append) == ["ticker"]
    assert said == [f"ticker (pid {left.pid}) was left by an `up` that was killed: it is stopped"]
    assert not identity.lives
    assert others.poll() is None, "its id was given to another process"
    assert read_record(tmp_path) is None
    assert stop_leftovers(tmp_path, said.append) == []


def test_a_record_of_another_version_is_none(tmp_path: Path) -> None:
    up_folder(tmp_path).mkdir()
    (up_folder(tmp_path) / "up.json").write_text('{"parts": 5}')
    assert read_record(tmp_path) is None
