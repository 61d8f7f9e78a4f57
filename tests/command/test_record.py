"""`record`: what it is asked for, in a folder that can be played and read again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.command.record import register
from tests.command.command_line import CommandLine
from tests.servers import ROOT, free_port

PROGRAM = """
import typer
from src.command.record import register

app = typer.Typer(pretty_exceptions_enable=False)
app.callback()(lambda: None)
register(app)
app()
"""


@pytest.fixture
def command() -> CommandLine:
    return CommandLine(register, {"COINSPARK_SIMULATE_RATE": "50"})


def test_what_was_asked_for_is_recorded(command: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--source", "simulate", "--markets", "okx", "--symbols", "BTC", "--channels", "ticker", "--seconds", "1", "--out", str(out))
    metadata = command.json("record", *words)
    assert json.loads((out / "metadata.json").read_bytes()) == metadata
    assert (metadata["source"], metadata["markets"], metadata["channels"], metadata["symbols"]) == ("simulated", ["okx"], ["ticker"], ["BTC"])
    assert metadata["ended_time"] >= metadata["began_time"]
    (tickers,) = [file for file in metadata["files"] if file["channel"] == "ticker"]
    assert tickers["path"] == "okx/ticker.jsonl"
    assert tickers["frames"] == len((out / "okx" / "ticker.jsonl").read_bytes().splitlines()) > 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_it_in_order(tmp_path: Path, stop: signal.Signals) -> None:
    out = tmp_path / "out"
    words = ["record", "--source", "simulate", "--markets", "okx", "--channels", "ticker", "--out", str(out), "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=ROOT,
        env=os.environ | {"COINSPARK_SIMULATE_RATE": "50"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (file := out / "okx" / "ticker.jsonl").exists() or not file.read_bytes():
            assert process.poll() is None, process.communicate()
        process.send_signal(stop)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    metadata = json.loads(output)
    assert metadata["ended_time"] is not None
    assert metadata["frames"] == sum(len((out / file["path"]).read_bytes().splitlines()) for file in metadata["files"])
    assert "recorded" in errors


def test_an_exchange_that_cannot_be_reached_gives_no_recording(tmp_path: Path) -> None:
    nobody = f'{{"okx":"ws://127.0.0.1:{free_port()}"}}'
    settings = {"COINSPARK_EXCHANGE_URLS": nobody, "COINSPARK_REST_URLS": '{"okx":""}', "COINSPARK_REACH_SECONDS": "0.2"}
    command = CommandLine(register, settings)
    answer = command.run("record", "--markets", "okx", "--channels", "ticker", "--seconds", "0.5", "--out", str(tmp_path / "out"))
    assert answer.status == 1
    assert "no exchange could be reached within 0.2 s" in answer.errors
    assert "not one frame came" in answer.errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "replay"), "--source replay: what can be recorded is live or simulate"),
        (("--seconds", "0"), "--seconds 0: must be a number above 0"),
        (("--seconds", "nan"), "--seconds nan: must be a number above 0"),
        (("--channels", "tickers"), "did you mean ticker?"),
        (("--source", "simulate", "--markets", "okex"), "did you mean okx?"),
        (("--source", "simulate", "--out", "/proc/nowhere"), "--out /proc/nowhere cannot be written"),
    ],
)
def test_wrong_use_exits_2(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    answer = command.run("record", *words)
    assert answer.status == 2
    assert said in answer.errors
