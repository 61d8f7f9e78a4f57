"""Lines of the ledger in the log: what a person should see, and at `debug` all the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from src.collect.event_log import log_event
from src.logs import configure_logs
from src.schema.records import CollectorEvent, EventKind, Source


@pytest.fixture(autouse=True)
def _everything_is_said() -> Iterator[None]:
    configure_logs("debug", "json")
    yield
    configure_logs()


def said(capsys: pytest.CaptureFixture[str], *events: CollectorEvent) -> list[dict[str, Any]]:
    for event in events:
        log_event(event)
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_happened_where_and_how_often(capsys: pytest.CaptureFixture[str]) -> None:
    event = CollectorEvent(
        kind=EventKind.DROPPED, market="okx", channel="trade", symbol="BTC", source=Source.LIVE, event_time=1_000, count=7, detail="no room"
    )
    [line] = said(capsys, event)
    assert line.pop("time")
    places = {"market": "okx", "channel": "trade", "symbol": "BTC", "count": 7}
    assert line == {"level": "warning", "event": "dropped: no room", "kind": "dropped", "source": "live", **places}


def test_what_is_not_known_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = said(capsys, CollectorEvent(kind=EventKind.CLOCK_SKEW, market="okx", source=Source.REPLAY, event_time=0))
    assert set(line) == {"time", "level", "event", "kind", "source", "market"}
    assert (line["event"], line["source"]) == ("clock skew", "replay")


def test_what_comes_with_every_start_is_for_debug_alone(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, *(CollectorEvent(kind=kind, market="okx", source=Source.LIVE, event_time=0) for kind in EventKind))
    levels = {line["kind"]: line["level"] for line in lines}
    assert {kind: level for kind, level in levels.items() if level != "debug"} == {
        "dropped": "warning",
        "disconnected": "info",
        "halted": "info",
        "trading": "info",
    }
    assert set(levels) == {kind.value for kind in EventKind}
