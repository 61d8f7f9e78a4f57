"""Which parts there are, and by which words they run."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from src.collect.options import SourceChoice
from src.collect.parsed import Channel
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError
from src.parts.plan import DERIVATIVES, Wanted, environment_of, up_plan
from src.setting.jobs import JOBS
from tests.servers import free_port

ALL = tuple(Channel)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, markets="upbit,okx", symbols="BTC")


def test_one_collector_collects_what_those_of_the_jobs_would(settings: Settings) -> None:
    plan = up_plan(Wanted(ALL, SourceChoice.SIMULATE), settings)
    assert plan.collector is not None
    words = plan.collector.words[2:]
    assert words[:3] == ("collect", "--channels", "ticker,trade,orderbook")
    assert (words[3], words[4]) == ("--source", "simulate")
    assert words[words.index("--markets") + 1] == "upbit,okx,binance_futures"
    assert words[words.index("--with-parent") + 1] == str(os.getpid())
    assert [(part.name, part.words[2:]) for part in plan.jobs] == [(name, (name, "--source", "none")) for name in ("ticker", "trade", "orderbook")]
    assert (plan.dashboard, plan.source) == (None, "simulate")


def test_derivatives_are_those_of_the_jobs() -> None:
    assert {*DERIVATIVES} == {market for job in JOBS for market in job.derivatives}
    assert {job.channel for job in JOBS if job.derivatives} == {Channel.TRADE, Channel.ORDERBOOK}


def test_no_derivatives_for_the_ticker_job_alone_nor_where_markets_are_named(settings: Settings) -> None:
    for wanted in (Wanted((Channel.TICKER,)), Wanted(ALL, markets_given=True)):
        collector = up_plan(wanted, settings).collector
        assert collector is not None
        assert "binance_futures" not in " ".join(collector.words)


def test_source_none_has_no_collector_and_a_bare_home_may_fall_back(settings: Settings) -> None:
    assert up_plan(Wanted(ALL, SourceChoice.NONE), settings).collector is None
    assert up_plan(Wanted(ALL), settings).source == "live or simulate"


def test_the_dashboard_has_its_port(settings: Settings) -> None:
    port = free_port()
    plan = up_plan(Wanted(ALL, SourceChoice.SIMULATE, dashboard_port=port), settings)
    assert plan.dashboard is not None
    assert plan.dashboard.words[2:] == ("dashboard", "--port", str(port))
    assert plan.dashboard_address == f"http://127.0.0.1:{port}/"
    assert [part.name for part in plan.parts] == ["collector", "ticker", "trade", "orderbook", "dashboard"]


def test_a_taken_port_is_said_before_anything_starts(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} is taken by .*set --port"):
            up_plan(Wanted(ALL, dashboard_port=port), settings)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(()), "--jobs is empty"),
        (Wanted(ALL, speed=2.0), "belong to --source replay"),
        (Wanted(ALL, SourceChoice.REPLAY), "a replay needs files"),
        (Wanted(ALL, SourceChoice.REPLAY, files=("/nowhere.jsonl",)), "there is no recording /nowhere.jsonl"),
    ],
)
def test_what_cannot_work_is_said(settings: Settings, wanted: Wanted, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        up_plan(wanted, settings)


def test_jobs_that_end_by_themselves_are_not_for_up(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_TRIGGER=available-now ends a job"):
        up_plan(Wanted(ALL), settings.model_copy(update={"trigger": "available-now"}))


def test_parts_get_the_settings_of_the_run(settings: Settings) -> None:
    environment = environment_of(settings)
    assert (environment["COINSPARK_MARKETS"], environment["COINSPARK_SYMBOLS"]) == ("upbit,okx", "BTC")
    assert environment["COINSPARK_HOME"] == str(settings.home)
    assert environment["PATH"] == os.environ["PATH"]
