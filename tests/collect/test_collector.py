"""The collector as a process, against a real Kafka: what it sends, what it says, and how it stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import EXCHANGES
from src.collect.lease import collect_lease
from src.collect.options import CollectOptions, SourceChoice
from src.collect.status import read_status
from src.command.app import run
from src.errors import ConfigurationError
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter, Source, Ticker
from tests.captures import captures_folder, read_frames
from tests.collect.collectors import PATIENCE, PROGRAM, ROOT, collected, collector, ends, finished, messages, sent_to, status_when, terminated
from tests.collect.tickers import START, ticker
from tests.loopback import NOTHING_OUTSIDE

pytestmark = pytest.mark.broker
UNREACHABLE = json.dumps(dict.fromkeys(EXCHANGES, "ws://127.0.0.1:1"))
AT = ("--start-at", "2026-01-31T09:00:00Z")


def test_a_closed_terminal_stops_it_in_order(broker: Cluster, tmp_path: Path) -> None:
    before = ends(broker.bootstrap_servers)
    with collector(tmp_path, broker.bootstrap_servers, "--source", "simulate") as process:
        status_when(tmp_path, process, sent=20)
        process.send_signal(signal.SIGHUP)
        exit_status, _ = finished(process)
    assert exit_status == 0
    status = read_status(tmp_path, "ticker")
    assert status is not None
    assert (status.state, status.sent) == ("stopped", sent_to(broker.bootstrap_servers, before))


def test_under_nohup_a_closed_terminal_stops_nothing(broker: Cluster, tmp_path: Path) -> None:
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with collector(tmp_path, broker.bootstrap_servers, "--source", "simulate") as process:
            sent = status_when(tmp_path, process, sent=1).sent
            process.send_signal(signal.SIGHUP)
            status_when(tmp_path, process, sent=sent + 50)
            assert terminated(process)[0] == 0
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_the_captured_frames_of_okx_and_bybit_all_arrive(broker: Cluster, tmp_path: Path) -> None:
    files = [captures_folder() / market / "ticker.jsonl" for market in ("okx", "bybit")]
    before = ends(broker.bootstrap_servers)
    assert collected(tmp_path, broker.bootstrap_servers, "--source", "replay", "--speed", "inf", *AT, *map(str, files)) == (0, "")
    found = [message for there in messages(broker.bootstrap_servers, before).values() for message in there]
    assert len(found) == sum(len(read_frames(file)) for file in files)
    bitcoin = [msgspec.json.decode(value, type=Ticker) for key, value, _ in found if key == b"bybit:BTC"]
    # The first line of the capture: received 1786310819.526088, ts 1786310819126, lastPrice 65140.5.
    assert (bitcoin[0].quote, bitcoin[0].price, bitcoin[0].usd_rate, bitcoin[0].source) == ("USDT", 65140.5, 1.0, Source.REPLAY)
    assert (bitcoin[0].received_time, bitcoin[0].received_time - bitcoin[0].event_time) == (1_769_850_000_000, 400)


def test_bad_frames_are_counted_shown_and_kept_and_the_rest_goes_on(broker: Cluster, tmp_path: Path) -> None:
    good = EXCHANGES["okx"].simulate(ticker("okx", "BTC", "USDT", price=60_000.0))
    unknown = EXCHANGES["okx"].simulate(ticker("okx", "DOGE", "USDT", price=0.1))
    frames = [good, "{", '{"arg":{"channel":"tickers"},"data":"x"}', "[]", "x" * 10_000_000, unknown, good]
    lines = [json.dumps({"received": START / 1000 + number, "message": frame}) for number, frame in enumerate(frames)]
    path = tmp_path / "okx.jsonl"
    path.write_text("\n".join([*lines[:2], "no json at all", *lines[2:]]))
    before = ends(broker.bootstrap_servers)
    home = tmp_path / "home"
    assert collected(home, broker.bootstrap_servers, "--source", "replay", "--speed", "inf", "--symbols", "BTC", str(path))[0] == 0
    found = messages(broker.bootstrap_servers, before)
    letters = [
        msgspec.json.decode(value, type=DeadLetter) for place, there in found.items() if place.topic == DEAD_LETTER_TOPIC for _, value, _ in there
    ]
    records = [msgspec.json.decode(value, type=Ticker) for place, there in found.items() if place.topic != DEAD_LETTER_TOPIC for _, value, _ in there]
    assert [record.price for record in records] == [60_000.0, 60_000.0]
    assert {letter.raw[:20] for letter in letters} >= {b"{", b"no json at all", b"x" * 20}
    assert Counter(letter.reason for letter in letters)["frame too large"] == 1
    status = read_status(home, "ticker")
    assert status is not None
    okx = status.markets["okx"]
    assert (status.state, status.left, okx.frames, okx.records, okx.malformed, okx.unknown_symbols) == ("finished", 0, 8, 2, len(letters), 1)
    assert okx.note


def test_without_any_exchange_simulated_data_is_shown_and_said(broker: Cluster, tmp_path: Path) -> None:
    home = tmp_path / "home"
    before = ends(broker.bootstrap_servers)
    unreachable = {"COINSPARK_EXCHANGE_URLS": UNREACHABLE, "COINSPARK_REACH_SECONDS": "1"}
    with collector(home, broker.bootstrap_servers, "--may-simulate", **unreachable) as process:
        running = status_when(home, process, sent=20, source="simulated")
        exit_status, printed = terminated(process)
    assert exit_status == 0
    assert running.message == "no exchange could be reached within 1 s: simulated data"
    assert running.message in printed
    stopped = read_status(home, "ticker")
    assert stopped is not None
    there = messages(broker.bootstrap_servers, before)
    assert stopped.sent == sum(market.records + market.malformed for market in stopped.markets.values()) == sum(map(len, there.values()))
    records = [msgspec.json.decode(value, type=Ticker) for place, found in there.items() if place.topic != DEAD_LETTER_TOPIC for _, value, _ in found]
    assert {record.source for record in records} == {Source.SIMULATED}
    assert {record.symbol for record in records} <= {"BTC", "ETH", "XRP", "SOL"}


def test_where_the_user_has_a_kafka_nothing_is_simulated_by_itself(broker: Cluster, tmp_path: Path) -> None:
    home = tmp_path / "home"
    unreachable = {"COINSPARK_EXCHANGE_URLS": UNREACHABLE, "COINSPARK_REACH_SECONDS": "0.2"}
    with collector(home, broker.bootstrap_servers, **unreachable) as process:
        status = status_when(home, process)
        while not status.message:
            status = status_when(home, process)
        exit_status, _ = terminated(process)
    assert exit_status == 0
    assert (status.source, sum(market.records for market in status.markets.values())) == (Source.LIVE, 0)
    assert "still trying" in status.message
    assert "--source simulate" in status.message
    assert all("cannot be reached" in market.note for market in status.markets.values())


def test_a_second_collector_is_told_who_collects(broker: Cluster, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with collector(home, broker.bootstrap_servers, "--source", "simulate") as first:
        status_when(home, first, sent=1)
        exit_status, printed = collected(home, broker.bootstrap_servers, "--source", "simulate")
        assert exit_status == 2
        assert f"ticker is already collected by pid {first.pid} (source simulate)" in printed
        assert terminated(first)[0] == 0
    with collector(home, broker.bootstrap_servers, "--source", "simulate") as next_one:
        status_when(home, next_one, sent=1)


def test_a_lease_of_a_collector_that_is_stopping_is_waited_for(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as others:
        with collect_lease(tmp_path, ["ticker"], ["okx"], "live") as first:
            with pytest.raises(ConfigurationError, match="already collected"), collect_lease(tmp_path, ["ticker"], ["okx"], "replay"):
                pass
            first.stopping()
            next_one = others.submit(_take_lease, tmp_path)
        assert next_one.result(PATIENCE) == "taken"


def _take_lease(home: Path) -> str:
    with collect_lease(home, ["ticker"], ["okx"], "replay"):
        return "taken"


def test_a_collector_lives_with_its_parent(broker: Cluster, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with collector(home, broker.bootstrap_servers, "--source", "simulate", "--with-parent", "1") as orphan:
        assert finished(orphan)[0] == 0
    with collector(home, broker.bootstrap_servers, "--source", "simulate", "--with-parent", str(os.getpid())) as child:
        status_when(home, child, sent=1)
        assert child.poll() is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--source", "replay"), "a replay needs files"),
        (("--source", "replay", "nothing.jsonl"), "nothing.jsonl"),
        (("--source", "simulate", "--loop"), "--source replay"),
        (("--markets", "upbiit"), "upbit"),
        (("--source", "simulate", "--symbols", ""), "nothing to collect"),
        (("--source", "replay", "--start-at", "soon", "okx.jsonl"), "--start-at soon"),
        (("--source", "simulate", "--home", "/dev/null/home"), "COINSPARK_HOME"),
    ],
)
def test_a_wrong_word_is_one_clear_line(
    tmp_path: Path, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, as none of them starts anything: a process each would take seconds."""
    for name, value in {**NOTHING_OUTSIDE, "COINSPARK_HOME": str(tmp_path), "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["coin_spark.py", "collect", *words])
    with pytest.raises(SystemExit, match="2"):
        run()
    printed = "".join(capsys.readouterr())
    assert says in printed
    assert len(printed.strip().splitlines()) == 1


def test_source_none_collects_nothing(tmp_path: Path) -> None:
    exit_status, printed = collected(tmp_path / "home", "127.0.0.1:1", "--source", "none")
    assert exit_status == 0
    assert "nothing to collect" in printed


def test_the_help_shows_examples() -> None:
    shown = subprocess.run([sys.executable, "-c", PROGRAM, "collect", "--help"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert "collect --source simulate" in shown.stdout
    assert "--with-parent" not in shown.stdout


def test_options_are_the_words_that_give_them() -> None:
    options = CollectOptions(
        source=SourceChoice.REPLAY, files=("-a.jsonl", "okx=b.jsonl"), speed=float("inf"), symbols=("BTC", "ETH"), may_simulate=False
    )
    assert options.arguments() == [
        "--channels", "ticker", "--source", "replay", "--speed", "inf", "--symbols", "BTC,ETH", "--no-may-simulate", "--", "-a.jsonl", "okx=b.jsonl",
    ]  # fmt: skip
    assert options.command()[1:3] == [str(Path(__file__).resolve().parents[2] / "coin_spark.py"), "collect"]
