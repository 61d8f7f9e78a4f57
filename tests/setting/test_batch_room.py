"""A job says of each batch how much room its rows needed, and begins with a batch that finds room whatever is in it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from src.config.settings import Settings
from src.setting import organization
from src.setting.jobs import JOBS, SparkStreamingTicker
from src.setting.streaming import SparkStreamingCoinAverage
from tests.generated import tickers
from tests.panes.aggregated import aggregated
from tests.setting.streamed import messages


def test_the_next_batch_follows_from_what_the_last_one_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = SparkStreamingTicker(Settings(home=tmp_path))
    table = aggregated(job.plan, [[messages("raw", tickers(9, 200))]])
    monkeypatch.setattr(organization, "_computed", Mock(return_value=table))
    monkeypatch.setattr(job, "_deliver_everywhere", delivered := Mock())
    assert job.room.messages(200) == job.room.least
    job._write_batch(Mock(), 0)
    delivered.assert_called_once()
    assert job.room.least < job.room.messages(200) == 200 * job.room.room // table.nbytes < job.largest_batch


@pytest.mark.parametrize("job_class", JOBS)
def test_the_first_batch_has_fewer_messages_the_more_rows_and_columns_may_come_of_one(job_class: type[SparkStreamingCoinAverage]) -> None:
    job = job_class(Settings())
    layout = job.plan.layout
    # A heap of a gigabyte had room for 50,000 trades that were each alone in all of their windows.
    assert 20_000_000 < job.room.least * layout.windows * (len(layout.keys) + len(layout.slots)) <= 50_000_000


def test_a_subclass_sets_what_a_batch_may_have_at_most() -> None:
    class Small(SparkStreamingTicker):
        largest_batch = 7

    assert Small(Settings()).room.messages(0) == 7
