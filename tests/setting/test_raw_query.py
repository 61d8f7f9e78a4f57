"""When raw records are kept, and what a person hears who asks for them in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.command import ticker, trade
from src.config.settings import load_settings
from src.errors import ConfigurationError
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.raw_query import check_raw
from src.setting.streaming import SparkStreamingCoinAverage
from tests.command.command_line import CommandLine

HINT = "set COINSPARK_CLICKHOUSE_URL to http://user:password@host:8123/database, or to embedded"


@pytest.mark.parametrize("job", [SparkStreamingTrade, SparkStreamingOrderbook])
def test_without_a_clickhouse_it_is_said_what_to_set(job: type[SparkStreamingCoinAverage], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none is set") as raised:
        job(load_settings(home=tmp_path, raw=True)).run()
    assert HINT in str(raised.value)
    assert not list(tmp_path.iterdir()), "before anything is begun"


def test_it_is_off_by_default_and_the_ticker_job_has_none(tmp_path: Path) -> None:
    check_raw(SparkStreamingTrade(load_settings(home=tmp_path)))
    check_raw(SparkStreamingTicker(load_settings(home=tmp_path, raw=True)))


def test_the_option_is_the_setting(tmp_path: Path) -> None:
    environment = {"COINSPARK_HOME": str(tmp_path / "home")}
    asked = CommandLine(trade.register, environment).run("trade", "--raw", "--source", "none")
    assert (asked.status, HINT in asked.errors) == (2, True), asked
    asked = CommandLine(trade.register, environment | {"COINSPARK_RAW": "true"}).run("trade", "--source", "none")
    assert (asked.status, HINT in asked.errors) == (2, True), asked
    asked = CommandLine(ticker.register, environment).run("ticker", "--raw", "--source", "none")
    assert (asked.status, "--raw is for trade and orderbook" in asked.errors) == (2, True), asked
