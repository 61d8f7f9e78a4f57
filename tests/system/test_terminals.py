"""What a person at one or two terminals sees: simulated data said aloud, a second look on, an orderly end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from src.collect.exchanges import EXCHANGES
from src.command.app import run
from tests.servers import ROOT, free_port
from tests.system.jobs import Home, family, stopped

pytestmark = pytest.mark.timeout(600)
METRICS = ("time_metrics", "arbitrage", "market_arbitrage", "market_arbitrage_signal")


class SecondTerminal(Home):
    """Another terminal on the same home, with an output of its own."""

    def __init__(self, first: Home, name: str) -> None:
        self.__dict__.update(first.__dict__)
        self.folder = first.folder / name


@pytest.mark.slow
def test_no_exchange_in_reach_a_look_on_and_an_orderly_end(tmp_path: Path) -> None:
    nowhere = f'"ws://127.0.0.1:{free_port()}"'
    urls = "{" + ",".join(f'"{market}":{nowhere}' for market in EXCHANGES) + "}"
    home = Home(tmp_path, exchange_urls=urls, reach_seconds="2")
    # A second job starts beside this one, on two cores.
    with home.started("ticker", "--trigger", "4s") as job:
        home.wait_for(lambda: "no exchange could be reached" in home.output, job)
        home.wait_for(lambda: all(home.rows(metric) for metric in METRICS), job)
        assert {row["source"] for metric in METRICS for row in home.rows(metric)} == {"simulated"}
        home.wait_for(lambda: "source simulated (running)" in home.output, job)

        twice = SecondTerminal(home, "twice")
        status, output = twice.run("ticker")
        assert status == 2
        assert f"already runs here as pid {job.pid}" in output
        assert "Traceback" not in output

        looking_on = SecondTerminal(home, "debug")
        with looking_on.started("ticker", "--debug") as debug:
            for metric in METRICS:
                looking_on.wait_for(lambda metric=metric: f"{metric}: batch" in looking_on.output, debug)
            assert "already collected by pid" in looking_on.output
            assert stopped(debug, signal.SIGINT) == 0
        assert not list((home.settings.home / "debug").glob("*")), "a look on leaves nothing"

        before = newest_event(home)
        home.wait_for(lambda: newest_event(home) > before, job)
        relatives = family(job, home)
        everywhere = [address for process in [psutil.Process(job.pid), *relatives] for address in listening(process)]
        assert everywhere, "the broker listens at least"
        assert set(everywhere) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, "nothing listens to the outside"
        assert any("kafka.Kafka" in " ".join(words_of(each)) for each in relatives)
        assert stopped(job, signal.SIGINT) == 0, home.output
        assert not [each for each in relatives if lives(each)], "nothing is left running"
    assert "Traceback" not in home.output


def newest_event(home: Home) -> int:
    return max(row["newest_event_time"] for row in home.rows("input_quality"))


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def words_of(process: psutil.Process) -> list[str]:
    """The command line of a process; none when it has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def listening(process: psutil.Process) -> list[str]:
    """The addresses that a process listens on; none when it has ended, as Spark's short-lived children do."""
    try:
        return [each.laddr.ip for each in process.net_connections() if each.status == "LISTEN"]
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (("ticker", "--trigger", "often"), {}, "--trigger 'often' is neither an interval such as 1s"),
        (("ticker", "--from", "yesterday"), {}, "--from 'yesterday' is neither earliest nor latest"),
        (("ticker", "--markets", "upbitt"), {}, "upbit"),
        (("ticker",), {"allowed_lateness_seconds": "-1"}, "ALLOWED_LATENESS_SECONDS"),
        (("ticker", "--source", "replay", "/nowhere/okx.jsonl"), {}, "/nowhere/okx.jsonl"),
        (("ticker", "--source", "replay"), {}, "replay"),
    ],
)
def test_a_wrong_word_is_one_clear_line(
    tmp_path: Path,
    words: tuple[str, ...],
    settings: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, as none of them starts anything: a process each would take seconds."""
    for name, value in {**Home(tmp_path).environment, **{f"COINSPARK_{name.upper()}": value for name, value in settings.items()}}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    output = "".join(capsys.readouterr())
    assert ended.value.code == 2, output
    lines = [line for line in output.splitlines() if said in line]
    assert len(lines) == 1, output
    assert "Traceback" not in output


def test_a_wrong_password_is_said_before_anything_starts_and_never_shown(tmp_path: Path, mysql_url: str) -> None:
    wrong = sa.make_url(mysql_url).set(username="nobody", password="canary-secret")
    home = Home(tmp_path, wrong.render_as_string(hide_password=False))
    status, output = home.run("ticker", "--source", "simulate")
    assert status == 2, output
    assert len(output.strip().splitlines()) == 1, output
    assert "password" in output
    assert "canary-secret" not in output


def test_help_names_every_command_and_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, "coin_spark.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(word in done.stdout for word in ("ticker", "collect", "up", "down", "status")), done.stdout
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", "ticker", "--help"])
    with pytest.raises(SystemExit, match="0"):
        run()
    output = capsys.readouterr().out
    assert all(word in output for word in ("--source", "--debug", "--trigger", "--speed", "Examples")), output
