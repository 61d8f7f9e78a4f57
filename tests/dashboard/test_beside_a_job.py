"""`--dashboard`: the page beside a job, its port, its end, and the job that goes on without it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from src.config.settings import Settings, load_settings
from src.dashboard.child import DashboardProcess
from src.dashboard.serving import listening
from src.errors import ConfigurationError
from tests.dashboard.browsing import command
from tests.dashboard.served import served
from tests.servers import LOOPBACK, ROOT, free_port
from tests.system.jobs import Home, family, stopped

PATIENCE = 90


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it does not become so"
        threading.Event().wait(0.05)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}api/v1/health", trust_env=False, timeout=30).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home")


def test_it_runs_for_the_length_of_the_block(settings: Settings) -> None:
    told: list[str] = []
    beside = DashboardProcess(settings, free_port(), told.append)
    with beside.running() as line:
        assert line == f"the dashboard is at {beside.address}"
        wait_for(lambda: answers(beside.address))
    assert not answers(beside.address)
    assert told == []
    assert not beside.log.exists()


def test_a_dashboard_over_the_same_database_is_used_and_left_running(settings: Settings, tmp_path: Path) -> None:
    with served(settings) as there:
        beside = DashboardProcess(settings, there.port, pytest.fail)
        with beside.running() as line:
            assert line == f"the dashboard is at {beside.address}, started before this job"
        assert answers(beside.address)
        other = load_settings(home=tmp_path / "other")
        taken = f"--dashboard: port {there.port} is taken by"
        with pytest.raises(ConfigurationError, match=taken), DashboardProcess(other, there.port, pytest.fail).running():
            pass


def test_a_dashboard_that_dies_is_said_and_ends_nothing_else(settings: Settings) -> None:
    told: list[str] = []
    port = free_port()
    with ExitStack() as stack:
        beside = DashboardProcess(settings, port, told.append)
        stack.enter_context(beside.running())
        wait_for(lambda: answers(beside.address))
        (child,) = [each for each in psutil.Process().children() if str(port) in each.cmdline()]
        child.kill()
        wait_for(lambda: bool(told))
        assert told[0].startswith("the dashboard has ended (The dashboard is at http://127.0.0.1:")
        assert told[0].endswith("); the job goes on without it")


def test_it_ends_with_a_job_that_is_killed(settings: Settings) -> None:
    port = free_port()
    program = (
        "import sys; from pathlib import Path; from src.config.settings import load_settings; from src.dashboard.child import DashboardProcess\n"
        f"with DashboardProcess(load_settings(home=Path({str(settings.home)!r})), {port}, print).running() as line:\n"
        "    print(line, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        job.stdout.readline()
        address = f"http://127.0.0.1:{port}/"
        wait_for(lambda: answers(address))
        job.kill()
    wait_for(lambda: not answers(address))


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with listening(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        refused = command("ticker", "--dashboard", "--dashboard-port", str(port), "--source", "simulate", home=tmp_path)
        output, said = refused.communicate(timeout=PATIENCE)
    assert refused.returncode == 2
    assert output == ""
    assert said.startswith(f"coinspark: --dashboard: port {port} is taken by ")
    assert said.endswith("set --dashboard-port to a free port; without --dashboard the job needs no such port\n")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_shows_the_address_and_stops_its_dashboard(tmp_path: Path) -> None:
    home, port = Home(tmp_path), free_port()
    address = f"http://127.0.0.1:{port}/"
    with home.started("ticker", "--source", "simulate", "--dashboard", "--dashboard-port", str(port), "--trigger", "2s") as job:
        home.wait_for(lambda: f"the dashboard is at {address}" in home.output, job)
        home.wait_for(lambda: answers(address), job)
        wait_for(lambda: bool(httpx.get(f"{address}api/v1/prices", trust_env=False, timeout=30).json().get("prices")))
        relatives = family(job, home)
        assert any("dashboard" in each.cmdline() for each in relatives)
        assert stopped(job, signal.SIGINT) == 0, home.output
    assert not answers(address)
    assert "Traceback" not in home.output
