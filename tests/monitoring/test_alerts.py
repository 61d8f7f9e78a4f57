"""Each alert rule over made-up measures, by Prometheus' own tool: it fires where it should, and does not where it should not."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from src.monitoring.names import FAMILIES
from tests.monitoring.configured import FOLDER, alerts, promtool
from tests.servers import ROOT

Series = dict[str, str]
"""By name and labels, the values of minute after minute, as promtool writes them: 0+60x10 is 0, 60, 120, ..., 600."""
_JOB = 'instance="ticker:9109"'
_COLLECTOR = 'instance="collect-ticker:9108"'
_UPBIT = f'{_COLLECTOR},market="upbit",source="live"'


@dataclass(frozen=True)
class Case:
    """What a rule makes of measures."""

    alert: str
    minute: int
    fires: Series
    labels: str
    """Of the alert, besides its name and severity."""
    quiet: Series
    """Measures of the same names that are well."""


CASES = (
    Case(
        "CoinSparkDown",
        5,
        {f'up{{job="coinspark-jobs",{_JOB}}}': "1x1 0x10"},
        f'job="coinspark-jobs",{_JOB}',
        {f'up{{job="coinspark-jobs",{_JOB}}}': "1x10", 'up{job="of-others",instance="a"}': "0x10"},
    ),
    Case(
        "CoinSparkJobStandsStill",
        6,
        {f'coinspark_query_last_progress_timestamp_seconds{{{_JOB},query="ticker"}}': "0x10"},
        f'{_JOB},query="ticker"',
        {f'coinspark_query_last_progress_timestamp_seconds{{{_JOB},query="ticker"}}': "0+60x10"},
    ),
    Case(
        "CoinSparkLagGrows",
        35,
        {f'coinspark_query_lag_records{{{_JOB},query="ticker",topic="t",partition="{number}"}}': "0+1000x40" for number in (0, 1)},
        f'{_JOB},query="ticker"',
        {
            # One that is large and shrinks, one that grows and is small.
            f'coinspark_query_lag_records{{{_JOB},query="ticker",topic="t",partition="0"}}': "90000-2000x40",
            f'coinspark_query_lag_records{{{_JOB},query="series-ticker",topic="t",partition="0"}}': "0+10x40",
        },
    ),
    Case(
        "CoinSparkBehind",
        8,
        {f'coinspark_query_lag_seconds{{{_JOB},query="ticker",source="live"}}': "90x10"},
        f'{_JOB},query="ticker",source="live"',
        {
            f'coinspark_query_lag_seconds{{{_JOB},query="ticker",source="live"}}': "5x10",
            # A recording that has been played to its end.
            f'coinspark_query_lag_seconds{{{_JOB},query="ticker",source="replay"}}': "90000x10",
        },
    ),
    Case(
        "CoinSparkQueryRestarts",
        7,
        {f'coinspark_job_query_restarts_total{{{_JOB},kind="ticker"}}': "0 0 1 2 3 4 4 4"},
        f'{_JOB},kind="ticker"',
        {f'coinspark_job_query_restarts_total{{{_JOB},kind="ticker"}}': "0 0 1 1 1 1 1 1"},
    ),
    Case(
        "CoinSparkLateRecords",
        12,
        {f'coinspark_job_left_out_records_total{{{_JOB},kind="ticker",market="upbit",reason="late"}}': "0+50x15"},
        'kind="ticker",market="upbit"',
        {
            f'coinspark_job_left_out_records_total{{{_JOB},kind="ticker",market="upbit",reason="late"}}': "0+5x15",
            f'coinspark_job_left_out_records_total{{{_JOB},kind="ticker",market="upbit",reason="not_comparable"}}': "0+500x15",
        },
    ),
    Case(
        "CoinSparkRowsDropped",
        8,
        {f'coinspark_query_rows_dropped_by_watermark_total{{{_JOB},query="ticker"}}': "0x4 3x10"},
        f'{_JOB},query="ticker"',
        {f'coinspark_query_rows_dropped_by_watermark_total{{{_JOB},query="ticker"}}': "3x10"},
    ),
    Case(
        "CoinSparkDeadLetters",
        8,
        {f'coinspark_job_dead_letters_total{{{_JOB},kind="ticker"}}': "0x4 1x10"},
        _JOB,
        {f'coinspark_job_dead_letters_total{{{_JOB},kind="ticker"}}': "7x10", f"coinspark_collector_dead_letters_total{{{_UPBIT}}}": "7x10"},
    ),
    Case(
        "CoinSparkDeadLetters",
        8,
        {f"coinspark_collector_dead_letters_total{{{_UPBIT}}}": "2x4 5x10", f'coinspark_job_dead_letters_total{{{_JOB},kind="ticker"}}': "7x10"},
        _COLLECTOR,
        {},
    ),
    Case(
        "CoinSparkGroupNotCommitted",
        12,
        {f'coinspark_group_commit_failures_total{{{_JOB},group="coinspark-ticker"}}': "0+6x15"},
        f'{_JOB},group="coinspark-ticker"',
        {f'coinspark_group_commit_failures_total{{{_JOB},group="coinspark-ticker"}}': "0+1x15"},
    ),
    Case(
        "CoinSparkSinkFails",
        8,
        {f'coinspark_sink_failures_total{{{_JOB},kind="ticker",sink="database"}}': "0+2x10"},
        f'{_JOB},kind="ticker",sink="database"',
        {f'coinspark_sink_failures_total{{{_JOB},kind="ticker",sink="database"}}': "0 0 0 0 1 2 2 2 2"},
    ),
    Case(
        "CoinSparkParkedBatches",
        5,
        {f'coinspark_sink_parked_batches{{{_JOB},kind="ticker",sink="database"}}': "1+1x10"},
        f'{_JOB},kind="ticker",sink="database"',
        {f'coinspark_sink_parked_batches{{{_JOB},kind="ticker",sink="database"}}': "0 0 0 2 0 0 0"},
    ),
    Case(
        "CoinSparkMarketSilent",
        9,
        {f"coinspark_collector_frames_total{{{_UPBIT}}}": "0+10x3 30x10"},
        f'{_COLLECTOR},market="upbit"',
        {
            f"coinspark_collector_frames_total{{{_UPBIT}}}": "0+10x10",
            f'coinspark_collector_frames_total{{{_COLLECTOR},market="okx",source="replay"}}': "9x10",
        },
    ),
    Case(
        "CoinSparkMarketDisconnected",
        5,
        {f"coinspark_collector_connected{{{_UPBIT}}}": "1 0x10"},
        _UPBIT,
        {f"coinspark_collector_connected{{{_UPBIT}}}": "1 1 1 0 1 1"},
    ),
    Case(
        "CoinSparkGaps",
        12,
        {f"coinspark_collector_gaps_total{{{_UPBIT}}}": "0+2x15", f"coinspark_collector_gaps_filled_total{{{_UPBIT}}}": "0x15"},
        f'{_COLLECTOR},market="upbit"',
        {f"coinspark_collector_gaps_total{{{_UPBIT}}}": "0+2x15", f"coinspark_collector_gaps_filled_total{{{_UPBIT}}}": "0+2x15"},
    ),
    Case(
        "CoinSparkRecordsDropped",
        8,
        {f"coinspark_collector_records_dropped_total{{{_UPBIT}}}": "0x4 100x10"},
        _UPBIT,
        {f"coinspark_collector_records_dropped_total{{{_UPBIT}}}": "100x10"},
    ),
    Case(
        "CoinSparkKafkaTakesNothing",
        5,
        {f"coinspark_collector_messages_waiting{{{_COLLECTOR}}}": "60000x10"},
        _COLLECTOR,
        {f"coinspark_collector_messages_waiting{{{_COLLECTOR}}}": "400x10"},
    ),
    Case(
        "CoinSparkDiskFull",
        8,
        {f"coinspark_home_free_bytes{{{_JOB}}}": "9000000000x10", f"coinspark_home_size_bytes{{{_JOB}}}": "100000000000x10"},
        _JOB,
        {f"coinspark_home_free_bytes{{{_JOB}}}": "11000000000x10", f"coinspark_home_size_bytes{{{_JOB}}}": "100000000000x10"},
    ),
    Case(
        "CoinSparkDiskFull",
        8,
        {f"coinspark_home_free_bytes{{{_JOB}}}": "2000000000x10", f"coinspark_home_size_bytes{{{_JOB}}}": "4000000000x10"},
        _JOB,
        {},
    ),
)


def test_each_rule_is_tried() -> None:
    assert {case.alert for case in CASES if case.quiet} == set(alerts())


def test_the_rules_are_what_promtool_takes() -> None:
    done = promtool("check", "rules", FOLDER / "alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout


@pytest.mark.parametrize("name", list(alerts()))
def test_a_rule_says_how_bad_it_is_and_what_to_do(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_a_rule_fires_and_is_quiet(case: Case, tmp_path: Path) -> None:
    known = {name for family in FAMILIES for name in family.names} | {"up"}
    assert {re.split(r"[{]", series)[0] for series in (*case.fires, *case.quiet)} <= known
    firing = f'ALERTS{{alertname="{case.alert}",alertstate="firing"'
    fired = {"labels": f'{firing},severity="{alerts()[case.alert]["labels"]["severity"]}",{case.labels}}}', "value": 1}
    at = f"{case.minute}m"

    def tried(measures: Series, expected: list[dict[str, object]]) -> dict[str, object]:
        return {
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in measures.items()],
            "promql_expr_test": [{"expr": f"{firing}}}", "eval_time": at, "exp_samples": expected}],
        }

    tests = [tried(case.fires, [fired]), *([tried(case.quiet, [])] if case.quiet else [])]
    # What promtool reads is YAML, and JSON is YAML.
    (tmp_path / "tests.yml").write_text(json.dumps({"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": "30s", "tests": tests}))
    done = promtool("test", "rules", tmp_path / "tests.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    # And it can fail: what fires does not pass for quiet.
    (tmp_path / "wrong.yml").write_text(
        json.dumps({"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": "30s", "tests": [tried(case.fires, [])]})
    )
    assert promtool("test", "rules", tmp_path / "wrong.yml").returncode != 0


def test_the_documentation_lists_them_as_they_are() -> None:
    listed = re.findall(r"^\| `(CoinSpark\w+)` \| .* \| (\w+) \|$", (ROOT / "docs" / "monitoring.md").read_text(), re.MULTILINE)
    assert listed == [(name, rule["labels"]["severity"]) for name, rule in alerts().items()]
