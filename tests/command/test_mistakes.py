"""A wrong word anywhere on the command line: one line that says what is wrong and what was meant, and exit status 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.command.app import run
from tests.servers import ROOT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tikcer",), "there is no command tikcer: did you mean ticker? The commands are up, down, status, ticker"),
        (("topics", "lits"), "there is no command lits: did you mean list? The commands are setup, list"),
        (("zzz",), "there is no command zzz: The commands are up, down"),
        (("ticker", "--symbol", "BTC"), "`coin_spark.py ticker` has no option --symbol: did you mean --symbols?"),
        (("collect", "--marktes", "upbit"), "`coin_spark.py collect` has no option --marktes: did you mean --markets?"),
        (("--verson",), "has no option --verson"),
        (("ticker", "--source", "simulated"), "--source simulated: did you mean simulate? It takes live, replay, simulate, none"),
        (("trade", "--on-sink-failure", "prk"), "--on-sink-failure prk: did you mean park? It takes stop, park"),
        (("normalise", "okx", "-", "--channel", "trades"), "--channel trades: did you mean trade? It takes ticker, trade, orderbook"),
        (("collect", "--speed", "fast"), "--speed fast: input should be a valid number"),
        (("dashboard", "--port", "70000"), "--port 70000: "),
        (("status", "now"), "`coin_spark.py status` takes no further word, and got now"),
        (("normalise", "okx"), "Missing argument"),
        (("normalise", "okex", "x.jsonl"), "there is no exchange named 'okex' (COINSPARK_MARKETS): did you mean okx?"),
        (("collect", "--channels", "trades"), "--channels trades: did you mean trade? The channels are ticker, trade, orderbook, or all"),
        (("collect", "--markets", "upbitt"), "there is no exchange named 'upbitt' (COINSPARK_MARKETS): did you mean upbit?"),
        (("record", "--markets", "krakn"), "did you mean kraken?"),
        (("up", "--jobs", "tickers"), "--jobs tickers: did you mean ticker? The channels are ticker, trade, orderbook, or all"),
        (("up", "--markets", "upbitt"), "did you mean upbit?"),
        (("up", "--speed", "2"), "FILES, --speed and --loop belong to --source replay"),
        (("up", "--source", "replay"), "a replay needs files"),
        (("doctor", "--check", "databse"), "there is no check named 'databse': did you mean database? The checks are java"),
        (("ticker", "--from", "earlyest"), "--from 'earlyest' is neither earliest nor latest: did you mean earliest?"),
        (("ticker", "--start-at", "noon", "--source", "replay", "x"), "--start-at noon: must be an ISO 8601 time"),
        (("collect", "--start-at", "9" * 20, "--source", "replay", "x"), "--start-at 99999999999999999999: no calendar reaches so far"),
        (("topics", "consume", "DeadLetter", "--from", "noon"), "--from noon: must be an ISO 8601 time"),
        (("deadletter", "list", "--since", "noon"), "--since noon: must be an ISO 8601 time"),
    ],
)
def test_it_is_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COINSPARK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    output = "".join(capsys.readouterr())
    assert ended.value.code == 2, output
    assert said in output
    assert len(output.strip().splitlines()) == 1, output
    assert not (tmp_path / "home").exists(), "nothing was started"


@pytest.mark.parametrize("name", ["COINSPARK_QUOTES", "COINSPARK_EXCHANGE_URLS", "COINSPARK_REST_URLS"])
def test_a_setting_by_market_that_names_none_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COINSPARK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(name, '{"krakn":"USDT"}')
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", "collect", "--source", "simulate"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert f"{name} is by market, and there is no krakn: did you mean kraken? There are binance" in capsys.readouterr().err


def test_a_group_without_a_command_shows_its_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", "topics"])
    with pytest.raises(SystemExit):
        run()
    output = "".join(capsys.readouterr())
    assert "consume" in output
    assert "coinspark:" not in output


def test_a_misspelt_setting_is_said_by_the_program(tmp_path: Path) -> None:
    environment = {"COINSPARK_HOME": str(tmp_path), "COINSPARK_SYMBOL": "BTC", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "coin_spark.py", "status"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    # Where there is no terminal, an error is a line of JSON.
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"].startswith("COINSPARK_SYMBOL is no setting: did you mean COINSPARK_SYMBOLS")
