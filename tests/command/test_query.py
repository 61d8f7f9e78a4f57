"""`query` as it is typed."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from src.command.query import register
from tests.command.command_line import CommandLine
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, trades


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Settings of a home whose database has candles of the last minutes."""
    home = tmp_path_factory.mktemp("home")
    now = round(time.time() * 1000)
    with closing(Filled(f"sqlite:///{home / 'coin.db'}")) as filled:
        filled.trades(trades(now - 12 * MINUTE, now), ("candles",))
        filled.event(event_id="1", kind="gap", market="binance", channel="trade", source="simulated", event_time=now, detail="lost")
    return {"COINSPARK_HOME": str(home), "COINSPARK_MARKETS": ",".join(SETTINGS.markets)}


@pytest.fixture
def command(environment: Mapping[str, str]) -> CommandLine:
    return CommandLine(register, environment)


def test_the_example_of_the_readme_gives_an_hour_of_candles(command: CommandLine) -> None:
    answer = command.run("query", "candles", "BTC", "--market", "upbit", "--last", "1h")
    assert answer.status == 0, answer
    assert "open" in answer.output
    assert "KRW" in answer.output
    assert answer.errors.startswith("candles of 1m: --interval names another\n")


def test_csv_and_json_have_all_columns(command: CommandLine) -> None:
    words = ("query", "candles", "btc", "--market", "upbit", "--limit", "5")
    lines = [*csv.reader(command.run(*words, "--csv").output.splitlines())]
    assert (len(lines), lines[0][0], lines[1][0]) == (6, "source", "simulated")
    assert "quote_volume (KRW)" in lines[0]
    found = json.loads(command.run(*words, "--json").output)
    assert len(found["rows"]) == 5
    assert found["more"] is True
    assert isinstance(found["rows"][0]["window_start"], int)


def test_rows_that_were_left_out_are_said_beside_those_that_are_shown(command: CommandLine) -> None:
    said = "the first 5 rows: --limit shows more\n"
    words = ("query", "candles", "BTC", "--market", "upbit", "--interval", "1m")
    for form in ("--csv", "--plot", "--columns=window_start,close"):
        assert command.run(*words, "--limit", "5", form).errors.endswith(said), form
        assert said not in command.run(*words, "--limit", "100", form).errors
    assert command.run("query", "select close from candles", "--limit", "5", "--csv").errors == said


def test_nothing_is_drawn_where_there_are_no_rows(command: CommandLine) -> None:
    answer = command.run("query", "candles", "BTC", "--market", "okx", "--plot")
    assert (answer.status, answer.output) == (0, "")
    assert answer.errors.endswith("there are no rows to draw\n")


def test_a_statement(command: CommandLine) -> None:
    answer = command.run("query", "select distinct market from candles order by market", "--csv")
    assert (answer.status, answer.output) == (0, "market\nbinance\nupbit\n")


def test_the_ledger_is_a_table_too(command: CommandLine) -> None:
    found = json.loads(command.run("query", "collector_events", "--where", "market=binance", "--columns", "kind,detail", "--json").output)
    assert found["rows"] == [{"kind": "gap", "detail": "lost"}]


def test_a_plot(command: CommandLine) -> None:
    answer = command.run("query", "candles", "BTC", "--market", "upbit", "--plot")
    assert answer.status == 0, answer
    assert "KRW" in answer.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("candels",), "there is no table candels: did you mean candles?"),
        (("candles", "BTCC"), "candles has no rows of BTCC: did you mean BTC?"),
        (("candles", "BTC", "--market", "upbitt"), "there is no market upbitt: did you mean upbit?"),
        (("candles", "BTC", "--interval", "1min"), "there is no interval 1min: did you mean 1m"),
        (("candles", "BTC", "--last", "1hour"), "--last 1hour: a number above 0 and a unit"),
        (("candles", "--columns", "clsoe"), "candles has no column clsoe: did you mean close?"),
        (("candles", "--where", "market"), "--where market: it is NAME=VALUE"),
        (("candles", "--region", "korea"), "candles has no column region"),
        (("candles", "BTC", "--where", "symbol=ETH"), "symbol is given twice"),
        (("candles", "--csv", "--json"), "--csv, --json and --plot: one of them"),
        (("delete from candles",), "DELETE is refused"),
        (("select 1", "BTC"), "a statement says itself which rows it wants"),
        (("select 1 as a", "--columns", "b"), "the answer has no column b"),
        (("select clsoe from candles",), "did you mean close?"),
    ],
)
def test_what_is_wrong_is_one_line(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    answer = command.run("query", *words)
    assert answer.status == 2, answer
    assert len([line for line in answer.errors.splitlines() if said in line]) == 1, answer.errors


def test_no_such_rows_are_said_and_are_no_mistake(command: CommandLine) -> None:
    answer = command.run("query", "candles", "BTC", "--market", "okx", "--csv")
    assert answer.status == 0
    assert "has no such rows" in answer.errors
    assert len(answer.output.splitlines()) == 1


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    command = CommandLine(register, {"COINSPARK_HOME": str(tmp_path / "home")})
    assert command.run("query", "candles", "BTC").status == 0
    assert command.run("query", "select 1").status == 2
    assert not (tmp_path / "home").exists()


def test_the_secret_of_an_address_is_never_shown(tmp_path: Path) -> None:
    secret = SecretStr("canary-secret")
    url = f"mysql://nobody:{secret.get_secret_value()}@127.0.0.1:1/coin"
    command = CommandLine(register, {"COINSPARK_HOME": str(tmp_path), "DATABASE_URL": url})
    answer = command.run("query", "select 1")
    assert answer.status != 0
    assert "cannot be reached" in answer.errors
    assert "canary-secret" not in answer.errors + answer.output
