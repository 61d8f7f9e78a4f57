"""`up`, `status` and `down` over the simulator: everything in one process tree, and nothing left of it."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from src.parts.look import PartStatus, all_well, look
from src.parts.record import read_record
from src.setting.jobs import SparkStreamingTrade
from tests.servers import free_port
from tests.system.jobs import PATIENCE, Home, family, stopped
from tests.system.test_terminals import SecondTerminal, lives

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]


def parts(home: Home) -> Mapping[str, PartStatus]:
    return {part.name: part for part in look(home.settings)}


def test_up_runs_everything_again_what_dies_and_stops_it_in_order(tmp_path: Path) -> None:
    home, port = Home(tmp_path, symbols="BTC", markets="upbit,okx,binance"), free_port()
    words = ("up", "--source", "simulate", "--jobs", "ticker,trade", "--port", str(port))
    with home.started(*words) as process:
        home.wait_for(lambda: all_well(look(home.settings)), process)
        assert [*parts(home)] == ["broker", "collector", "ticker", "trade", "dashboard"]
        home.wait_for(lambda: home.rows("arbitrage") and home.seen_by(SparkStreamingTrade).rows("candles"), process)
        assert {row["source"] for row in home.rows("arbitrage")} == {"simulated"}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as page:
            assert page.status == 200

        status, output = SecondTerminal(home, "status").run("status", "--json")
        shown: dict[str, Any] = json.loads(output)
        assert (status, shown["well"]) == (0, True)
        assert {part["state"] for part in shown["parts"]} == {"running"}
        assert {user["purpose"] for user in shown["users"]} >= {"up", "ticker job", "trade job", "collect ticker,trade"}
        status, output = SecondTerminal(home, "twice").run(*words[:-1], str(free_port()))
        assert status == 2
        assert f"everything is up already as pid {process.pid}" in output

        killed = parts(home)["collector"].pid
        assert killed is not None
        psutil.Process(killed).kill()
        home.wait_for(lambda: parts(home)["collector"].pid not in {None, killed} and all_well(look(home.settings)), process)
        assert "was ended by SIGKILL" in home.output
        relatives = family(process, home)
        assert len(relatives) > 5
        assert stopped(process, signal.SIGINT) == 0, home.output
    assert not [each for each in relatives if lives(each)], "nothing is left running"
    assert "Traceback" not in home.output
    assert read_record(home.settings.home) is None
    assert "Traceback" not in "".join(log.read_text() for log in (home.settings.home / "up").glob("*.log"))


def test_detached_it_is_stopped_by_down(tmp_path: Path) -> None:
    home = Home(tmp_path, symbols="BTC", markets="upbit,okx")
    status, output = home.run("up", "--detach", "--source", "simulate", "--jobs", "ticker", "--no-dashboard")
    record = read_record(home.settings.home)
    assert record is not None, output
    try:
        assert status == 0, output
        assert "Everything is up (pid " in output
        assert all_well(look(home.settings))
        status, output = home.run("status")
        assert status == 0, output
        assert all(word in output for word in ("broker", "collector", "ticker", "running")), output
        status, output = home.run("down")
        assert (status, output) == (0, "Stopped collector, ticker.\n")
        assert not record.lives
        assert not any(part.process is not None and part.process.lives for part in record.parts)
        status, output = home.run("status")
        assert status == 1
        assert "Nothing runs" in output
        assert home.run("down") == (0, "No broker runs.\n")
    finally:
        if record.lives:
            psutil.Process(record.supervisor.pid).kill()
