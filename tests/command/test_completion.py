"""What bash offers when the tabulator is pressed: by the script that the documentation names, in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from src.command import completers
from tests.servers import ROOT, missing

SCRIPT = """
source install/completion.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_coin_spark_completion "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str) -> list[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    if bash is None:
        raise missing("no bash on this machine")
    environment = os.environ | {"COINSPARK_SYMBOLS": "BTC,ETH,ETC"}
    done = subprocess.run([bash, "--norc", "-c", SCRIPT, "bash", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("program", [("./coin_spark.py",), (sys.executable, "coin_spark.py")])
def test_commands_are_offered(program: tuple[str, ...]) -> None:
    assert {"ticker", "topics", "trade"} == set(offered(*program, "t"))


def test_options_and_their_values_are_offered() -> None:
    assert offered(sys.executable, "coin_spark.py", "collect", "--mark") == ["--markets"]
    assert offered(sys.executable, "coin_spark.py", "ticker", "--markets", "upbit,bi") == ["upbit,binance", "upbit,binance_futures", "upbit,bithumb"]


def test_python_itself_is_left_alone() -> None:
    assert offered(sys.executable, "other.py", "t") == []
    assert offered(sys.executable, "co") == []


@pytest.mark.parametrize(
    ("complete", "begun", "found"),
    [
        (completers.markets, "ko", ["korbit"]),
        (completers.markets, "okx,", None),
        (completers.market, "bybit", ["bybit", "bybit_linear"]),
        (completers.symbols, "btc,et", ["btc,ETH"]),
        (completers.symbol, "x", ["XRP"]),
        (completers.channels, "t", ["ticker", "trade"]),
        (completers.tables, "can", ["candles"]),
        (completers.topics, "RegionKorea_T", ["RegionKorea_TickerPreprocessing", "RegionKorea_TradePreprocessing"]),
        (completers.topics, "Candles", ["CandlesProcessedCoin"]),
        (completers.regions, "", ["korea", "asia", "ne"]),
        (completers.intervals, "1w", ["1w", "1w_kst"]),
        (completers.checks, "ja", ["java", "jars"]),
    ],
)
def test_values_that_the_program_knows(complete: Callable[[str], list[str]], begun: str, found: list[str] | None) -> None:
    offers = complete(begun)
    if found is None:
        assert offers
        assert all(offer.startswith(begun) for offer in offers)
        assert "okx,okx" not in offers, "what is in the list is not offered again"
        assert "okx,all" not in offers
    else:
        assert sorted(offers) == sorted(found)


def test_what_settings_decide_is_not_offered_where_they_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINSPARK_BROKER_PORT", "none")
    assert completers.symbols("B") == []
    assert completers.tables("can") == []
    assert completers.topics("Candles") == []
    assert completers.topics("RegionKorea_Tr") == ["RegionKorea_TradePreprocessing"]
