"""Kafka stops in the middle of a replay at 5,000 records a second and comes back: every trade arrives once, in the order of its key."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from src.broker.embedded import BrokerLease, EmbeddedBroker
from src.broker.java import find_java
from src.collect.exchanges import exchange
from src.config.settings import load_settings
from src.errors import MissingPartError
from src.schema.records import Region, Side, Source, Trade, trade_topic
from tests.collect.collectors import collector, messages, status_when
from tests.servers import ROOT, free_port, missing

pytestmark = pytest.mark.broker
RATE = 5_000
START = 1_790_000_000_000
SYMBOLS = ("BTC", "ETH", "XRP", "SOL", "DOGE")
OKX = exchange("okx")


def recording(folder: Path, seconds: int) -> str:
    """Trades of five coins, 5,000 a second, numbered from 1."""
    lines = []
    for number in range(seconds * RATE):
        time_ms = START + number * 1000 // RATE
        trade = Trade(
            region=OKX.region,
            market="okx",
            symbol=SYMBOLS[number % 7 % len(SYMBOLS)],
            quote="USDT",
            source=Source.REPLAY,
            event_time=time_ms,
            received_time=time_ms,
            trade_id=str(number + 1),
            price=100.0 + number % 50,
            size=0.5,
            side=Side.BUY,
        )
        lines.append(json.dumps({"received": time_ms / 1000, "message": OKX.simulate(trade)}))
    path = folder / "okx.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@contextmanager
def own_broker(home: Path) -> Iterator[tuple[EmbeddedBroker, BrokerLease]]:
    settings = load_settings(home=home, jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())
    try:
        find_java()
        lease = EmbeddedBroker(settings).acquire("a test of an outage")
    except MissingPartError as error:
        raise missing(str(error)) from None
    with lease:
        yield EmbeddedBroker(settings), lease


@pytest.mark.parametrize(("seconds", "length"), [pytest.param(4, 8, id="short"), pytest.param(60, 75, marks=pytest.mark.slow, id="a-minute")])
def test_a_replay_outlives_an_outage_of_kafka(tmp_path: Path, seconds: int, length: int) -> None:
    file = recording(tmp_path, length)
    with own_broker(tmp_path / "kafka") as (broker, lease):
        home = tmp_path / "home"
        with collector(home, lease.bootstrap_servers, "--source", "replay", "--channels", "trade", file) as process:
            status_when(home, process, sent=RATE, channel="trade")
            assert broker.stop(force=True) is not None
            time.sleep(seconds)  # the outage itself
            before = status_when(home, process, channel="trade")
            assert before.left
            assert lease.ensure_running()
            process.communicate(timeout=length + 120)
            assert process.returncode == 0
        found: dict[str, list[int]] = defaultdict(list)
        for place, there in messages(lease.bootstrap_servers, {}).items():
            if place.topic == trade_topic(Region.ASIA):
                for key, value, _ in there:
                    found[key.decode()].append(int(msgspec.json.decode(value, type=Trade).trade_id or 0))
        expected: dict[str, list[int]] = defaultdict(list)
        for symbol in SYMBOLS:
            expected[f"okx:{symbol}"].append(0)  # the mark before the first trade has no id
        for number in range(length * RATE):
            expected[f"okx:{SYMBOLS[number % 7 % len(SYMBOLS)]}"].append(number + 1)
        assert dict(found) == dict(expected)
