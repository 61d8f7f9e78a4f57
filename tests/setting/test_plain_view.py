"""A job without a terminal: lines of the log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from src.collect.status import CollectorStatus, MarketStatus
from src.schema.records import Source
from src.setting.plain_view import PlainView
from src.setting.progress import Progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    said = capsys.readouterr()
    assert said.out == ""
    return [json.loads(line) for line in said.err.splitlines()]


def test_what_a_job_says_is_for_a_person_and_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    markets = {"okx": MarketStatus(note="no answer")}
    status = CollectorStatus(
        pid=1, channels=("ticker",), source=Source.REPLAY, state="running", started_time=0, updated_time=0, left=70, markets=markets
    )
    view = PlainView()
    view.began("ticker", (), ["Kafka 127.0.0.1:29092 (embedded)", "goes on from its checkpoint"])
    looked = Progress(
        batch_id=4, batch_seconds=0.5, records=30, records_per_second=60.0, rows=7, lag_records=2, quality={"late": 3}, collector=status
    )
    view.show(looked, {})
    view.show(looked, {})
    began, note, progress = lines(capsys)
    assert began["event"] == "ticker: Kafka 127.0.0.1:29092 (embedded); goes on from its checkpoint"
    assert (note["event"], note["market"], note["level"]) == ("no answer", "okx", "warning")
    assert progress["event"] == (
        "source replay (running); batch 4: 30 records, 7 window rows in 0.5 s; 60 records/s; lag 2 records; late 3; replay: 0 of 70 frames"
    )
    wanted = {"batch_id": 4, "records": 30, "rows": 7, "lag_records": 2, "left_out": {"late": 3}, "source": "replay", "frames_left": 70}
    assert {name: progress[name] for name in wanted} == wanted
    assert progress["works"]["replay"]["left"] == 70


def test_a_replay_is_seen_before_the_first_batch(capsys: pytest.CaptureFixture[str]) -> None:
    status = CollectorStatus(pid=1, channels=("ticker",), source=Source.REPLAY, state="running", started_time=0, updated_time=0, left=70)
    PlainView().show(Progress(collector=status), {})
    [line] = lines(capsys)
    assert line["event"] == "source replay (running); replay: 0 of 70 frames"


def test_trouble_is_a_warning_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    for _ in range(2):
        view.show(Progress(message="MySQL: gone; trying again (attempt 2)"), {})
    [line] = lines(capsys)
    assert (line["level"], line["event"]) == ("warning", "MySQL: gone; trying again (attempt 2)")


def test_what_went_wrong_has_its_level(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    view.say("goes on")
    view.say("the broker was gone", "warning")
    assert [(line["level"], line["event"]) for line in lines(capsys)] == [("info", "goes on"), ("warning", "the broker was gone")]
