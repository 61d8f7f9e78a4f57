"""The ticker job over recordings: values written out, and the same rows whatever was killed and wherever they are kept."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from src.broker.cluster import cluster
from src.broker.embedded import EmbeddedBroker
from src.clickhouse.embedded import EmbeddedClickHouse
from src.collect.status import read_status
from src.storage.clickhouse import current_view
from tests.equality import assert_equal_rows, keyed
from tests.servers import free_port
from tests.storage.clickhouse_store import ClickHouseStore, require_engine
from tests.system.captured import Captured
from tests.system.jobs import RAW_TOPICS, Home, Tables, assert_equal_oracle, assert_tables_equal_oracle, records_of, stopped
from tests.system.recorded import START_AT, record

pytestmark = pytest.mark.timeout(600)
DRAIN = ("ticker", "--source", "none", "--trigger", "available-now")


def test_captured_okx_and_bybit_frames_give_these_rows(captured: Captured) -> None:
    """Values out of captures/bybit/ticker.jsonl by hand: 20 BTCUSDT and 21 ETHUSDT spot frames within 21 s, lastPrice only moving as below."""
    november = 1_793_491_200_000
    arbitrage, signals, windows = (captured.tables[name] for name in ("market_arbitrage", "market_arbitrage_signal", "time_metrics"))
    bitcoin = signals["replay", "BTC", "bybit", "asia", november - 240_000]
    assert (bitcoin["first_price"], bitcoin["last_price"], bitcoin["records"], bitcoin["signal"]) == (65140.5, 65140.4, 20, None)
    assert bitcoin["price_change_percent"] == pytest.approx((65140.4 - 65140.5) / 65140.5 * 100)
    ether = signals["replay", "ETH", "bybit", "asia", november - 240_000]
    assert (ether["first_price"], ether["last_price"], ether["records"]) == (1923.27, 1923.28, 21)
    window = windows["replay", "BTC", "asia", november - 30_000]
    assert (window["high_price_usd"], window["low_price_usd"], window["records"]) == (65140.5, 65140.4, 20)
    assert window["mean_price_usd"] == pytest.approx((17 * 65140.5 + 3 * 65140.4) / 20)
    assert window["volume"] is None, "Bybit sends no accumulated volume, so what was traded is not known"
    assert window["volume_24h_change"] == pytest.approx(-2.460043)
    last = arbitrage["replay", "ETH", november - 240_000]
    assert last["last_price_usd_bybit"] == 1923.28
    assert last["last_price_usd_okx"] is None, "no ETH-USDT frame of OKX is in the capture"
    assert last["best_premium_percent"] is None, "one market has nobody to be compared with"

    quality = captured.tables["input_quality"]["replay", "ticker", "okx", november]
    assert (quality["records"], quality["not_comparable"], quality["late"]) == (47, 38, 0), "BTC quotes, swaps, futures and options are told apart"
    assert not {"XMR", "OKT", "PAY"} & {key[1] for key in windows}, "a swap and BTC-quoted pairs are in no USD metric"
    assert_equal_oracle(captured.home, captured.tables, captured.records)


def assert_clickhouse_holds(home: Home, tables: Tables) -> None:
    """The embedded ClickHouse of a stopped home shows these rows, each once."""
    assert EmbeddedClickHouse(home.settings).status() == (None, []), "who leaves last stops it"
    with EmbeddedClickHouse(home.settings).acquire("tests") as lease:
        store = ClickHouseStore(lease.reader_url)
        for metric in home.plan.metrics:
            there = keyed(store.read(f"SELECT * FROM {current_view(metric.name)}"), metric)  # noqa: S608
            assert_equal_rows(there, tables[metric.name], metric)


def test_clickhouse_holds_the_same_rows_as_the_database(captured: Captured) -> None:
    assert_clickhouse_holds(captured.home, captured.tables)


@pytest.mark.slow
@pytest.mark.mysql
def test_killed_or_not_and_in_either_database_the_rows_are_the_same(tmp_path: Path, mysql_url: str) -> None:
    require_engine()
    files = record(tmp_path / "frames", seconds=180)
    replay = ("ticker", "--source", "replay", *files, "--start-at", START_AT)

    undisturbed = Home(tmp_path / "undisturbed", mysql_url)
    status, output = undisturbed.run(*replay, "--speed", "inf", "--trigger", "available-now")
    assert status == 0, output
    raw = undisturbed.messages(*RAW_TOPICS)
    records = records_of(raw)
    assert len(records) > 3_000
    assert_tables_equal_oracle(undisturbed, records)
    malformed = undisturbed.dead_letters()
    assert malformed, "the simulator breaks frames on purpose"

    killed = Home(tmp_path / "killed", clickhouse_url="embedded", clickhouse_port=str(free_port()))
    # At the recording's own pace, so that on a busy machine too the kills come before its end.
    with killed.started(*replay, "--speed", "1") as job:
        killed.wait_for(lambda: killed.rows("market_arbitrage"), job)
        job.send_signal(signal.SIGKILL)
        job.wait()
    with killed.started(*replay, "--speed", "1") as job:
        before = max(row["newest_event_time"] for row in killed.rows("input_quality"))
        killed.wait_for(lambda: max(row["newest_event_time"] for row in killed.rows("input_quality")) > before, job)
        collector = read_status(killed.settings.home, "ticker")
        assert collector is not None
        assert collector.state == "running", "nothing is proven by a kill after the end"
        os.kill(collector.pid, signal.SIGKILL)
        killed.wait_for(lambda: "the collector was ended by SIGKILL" in killed.output, job)
        clickhouse, _ = EmbeddedClickHouse(killed.settings).status()
        assert clickhouse is not None
        os.kill(clickhouse.pid, signal.SIGKILL)
        killed.wait_for(lambda: "the embedded ClickHouse was gone and has been started again" in killed.output, job)
        broker, _ = EmbeddedBroker(killed.settings).status()
        assert broker is not None
        os.kill(broker.pid, signal.SIGKILL)
        killed.wait_for(lambda: "the embedded Kafka broker was gone and has been started again" in killed.output, job)
        killed.wait_for(lambda: getattr(read_status(killed.settings.home, "ticker"), "state", "") == "finished", job)
        assert stopped(job) == 0, killed.output
    status, output = killed.run(*DRAIN)
    assert status == 0, output

    again = killed.messages(*RAW_TOPICS)
    assert again == raw, "no record lost, none twice, in the same order"
    assert_tables_equal_oracle(killed, records)
    assert_clickhouse_holds(killed, killed.tables())
    assert {letter.origin for letter in killed.dead_letters()} == {letter.origin for letter in malformed}


@pytest.mark.slow
def test_a_job_killed_when_all_was_sent_but_not_read_does_not_send_it_again(tmp_path: Path) -> None:
    files = record(tmp_path / "frames", seconds=20)
    home = Home(tmp_path)
    replay = ("ticker", "--source", "replay", *files, "--speed", "inf", "--start-at", START_AT, "--trigger", "available-now")
    with cluster(home.settings, "tests"):
        with home.started(*replay) as job:
            home.wait_for(lambda: getattr(read_status(home.settings.home, "ticker"), "state", "") == "finished", job)
            job.send_signal(signal.SIGKILL)
            job.wait()
        sent = home.messages(*RAW_TOPICS)
        assert not home.rows("time_metrics"), "killed before the first batch was stored"
        status, output = home.run(*replay)
        assert status == 0, output
        assert home.messages(*RAW_TOPICS) == sent
    assert_tables_equal_oracle(home, records_of(sent))
