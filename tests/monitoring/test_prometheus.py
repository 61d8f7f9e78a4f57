"""The real Prometheus looks at a real job and a real collector: no expression of a dashboard or an alert rule is empty, or refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pytest

from src.broker.cluster import cluster
from src.broker.group_lag import group_lags
from src.monitoring.job_status import read_job_status
from tests.monitoring.configured import Prometheus, alerts, programs, prometheus, selectors
from tests.monitoring.dashboards import expressions, filled_in
from tests.monitoring.scraped import scraped
from tests.servers import LOOPBACK, free_port
from tests.system.jobs import Home

pytestmark = pytest.mark.timeout(900)
SIMULATED = ("--source", "simulate", "--symbols", "BTC,ETH")
JOB, COLLECTOR = "coinspark-jobs", "coinspark-collectors"
OF_TWO_CLOCKS = {"Delay", "Age of the newest event", "Lag in seconds"}
"""Panels that compare this clock with the simulator's, which may be ahead."""
SHARES = {"Uneven partitions", "Free disk"}


class Watched:
    """A job with its collector, another collector that stands alone, and the Prometheus that looks at them."""

    def __init__(self, home: Home, server: Prometheus, job_port: int, collector_port: int) -> None:
        self.home, self.server = home, server
        self.job_port, self.collector_port = job_port, collector_port

    def has_seen_enough(self) -> bool:
        """Rates want two looks at a value that was there before, and a job two batches."""
        looks = self.server.values(f'count_over_time(coinspark_group_commits_total{{job="{JOB}"}}[5m])')
        alone = self.server.values(f'count_over_time(coinspark_collector_records_total{{job="{COLLECTOR}"}}[5m])')
        written = self.server.values(f'min by (sink) (coinspark_sink_write_duration_seconds_count{{job="{JOB}"}})')
        return all(found and min(found.values()) > 4 for found in (looks, alone, written))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    programs()
    folder = tmp_path_factory.mktemp("watched")
    job_port, collector_port = free_port(), free_port()
    home = Home(folder / "job")
    alone = Home(folder / "collector")
    # In the same home, so that both have one broker.
    alone.environment = home.environment
    (folder / "server").mkdir()
    targets = {JOB: [f"{LOOPBACK}:{job_port}"], COLLECTOR: [f"{LOOPBACK}:{collector_port}"]}
    with (
        prometheus(folder / "server", targets) as server,
        home.started("ticker", *SIMULATED, "--metrics-port", str(job_port)) as job,
        alone.started("collect", "--channels", "trade", *SIMULATED, "--metrics-port", str(collector_port)) as collector,
    ):
        found = Watched(home, server, job_port, collector_port)
        home.wait_for(found.has_seen_enough, job)
        assert collector.poll() is None, alone.output
        yield found
        assert job.poll() is None, home.output
        for process in (job, collector):
            process.terminate()
            assert process.wait(120) == 0, home.output + alone.output


def test_both_are_up(watched: Watched) -> None:
    assert {dict(labels)["job"]: value for labels, value in watched.server.values("up").items()} == {JOB: 1.0, COLLECTOR: 1.0}
    for target in watched.server.ask("targets")["activeTargets"]:
        assert (target["health"], target["lastError"]) == ("up", "")


@pytest.mark.parametrize(("dashboard", "panel", "expression"), expressions())
def test_each_panel_shows_something(watched: Watched, dashboard: str, panel: str, expression: str) -> None:
    values = watched.server.values(filled_in(expression, "30s"))
    assert values, f"{dashboard}, {panel}: {expression}"
    assert any(math.isfinite(value) for value in values.values()), values
    assert panel in OF_TWO_CLOCKS or not any(value < 0 for value in values.values()), values
    assert panel not in SHARES or not any(value > 1 for value in values.values()), values


@pytest.mark.parametrize("name", list(alerts()))
def test_what_each_rule_looks_at_is_there(watched: Watched, name: str) -> None:
    """A rule that finds nothing wrong gives nothing, so its parts are asked for. The market is a simulated one here: that word alone is another."""
    expression = alerts()[name]["expr"]
    looked_at = [selector.replace('source="live"', 'source="simulated"') for selector in selectors(expression)]
    assert looked_at
    for selector in looked_at:
        assert watched.server.values(selector), selector
    watched.server.values(expression)


def test_prometheus_itself_runs_the_rules_without_errors(watched: Watched) -> None:
    rules = [rule for group in watched.server.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == set(alerts())
    assert {(rule["health"], rule.get("lastError", "")) for rule in rules} <= {("ok", "")}
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert not firing - {"CoinSparkDeadLetters"}, "the simulator breaks frames on purpose, and else all is well"


def test_the_figures_are_those_of_the_job(watched: Watched) -> None:
    """Whatever goes on meanwhile, counts grow: what was shown before is at most what is there after."""
    before = scraped(watched.job_port)
    status = read_job_status(watched.home.settings.home, "ticker")
    assert status is not None
    assert (status.kind, status.state) == ("ticker", "running")
    (reads,) = watched.server.values('sum(max_over_time(coinspark_query_records_total{query="ticker"}[10m]))').values()
    after = scraped(watched.job_port)
    assert 0 < reads <= after["coinspark_query_records_total", "ticker"]
    place = ("coinspark_query_offset", "0", "ticker", "RegionAsia_TickerPreprocessing")
    with cluster(watched.home.settings, "tests") as kafka:
        lags = {(lag.topic, lag.partition): lag for lag in group_lags(kafka.bootstrap_servers, "coinspark-ticker")}
    committed = lags["RegionAsia_TickerPreprocessing", 0]
    assert committed.end is not None
    assert 0 < before[place] <= committed.end
    assert 0 < committed.committed <= committed.end
    read = sum(value for (name, *labels), value in after.items() if name == "coinspark_query_offset" and labels[1] == "ticker")
    assert after["coinspark_query_records_total", "ticker"] == read, "all messages on the topics, from the first one on"


def test_a_job_tells_of_its_own_collector_and_not_of_the_one_that_stands_alone(watched: Watched) -> None:
    frames = watched.server.values("sum by (job) (coinspark_collector_frames_total)")
    assert {dict(labels)["job"] for labels in frames} == {JOB, COLLECTOR}
    own, alone = scraped(watched.job_port), scraped(watched.collector_port)
    assert not {key for key in alone if re.match("coinspark_(job|query|sink)", key[0])}
    assert own["coinspark_collector_frames_total", "upbit", "simulated"] > 0
    assert alone["coinspark_collector_frames_total", "upbit", "simulated"] > 0


def test_the_panels_that_are_looked_at_more_closely_are_there() -> None:
    assert {panel for _, panel, _ in expressions()} >= OF_TWO_CLOCKS | SHARES
