"""The command line of a job of one's own: the options of the job that it is made of, its own help, and its sinks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from src.setting import SparkStreamingTicker, run_job
from src.storage.memory import MemorySink


class Mine(SparkStreamingTicker):
    """The ticker job with a metric of my own."""

    def run(self, *, debug: bool = False) -> None:
        sys.stdout.write(f"{self.settings.symbols} {[sink.name for sink in self.extra_sinks]} {debug}\n")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COINSPARK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def ended_with(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit status of the program with these words."""
    monkeypatch.setattr(sys, "argv", ["mine.py", *words])
    with pytest.raises(SystemExit) as ended:
        run_job(Mine, MemorySink())
    return int(ended.value.code or 0)


def test_its_help_is_that_of_its_class(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(monkeypatch, "--help") == 0
    output = capsys.readouterr().out
    assert "The ticker job with a metric of my own." in output
    assert "--source" in output


def test_it_runs_by_the_options_and_with_the_sinks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(monkeypatch, "--source", "none", "--symbols", "BTC,ETH", "--debug") == 0
    assert capsys.readouterr().out == "('BTC', 'ETH') ['memory'] True\n"


@pytest.mark.parametrize(("words", "said"), [(("--raw",), "the ticker job keeps no raw records"), (("--symbol", "BTC"), "did you mean --symbols?")])
def test_what_is_wrong_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, words: tuple[str, ...], said: str
) -> None:
    assert ended_with(monkeypatch, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not home.exists()
