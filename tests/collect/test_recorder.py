"""What is recorded is what came, where it belongs, whatever ends the recording; and it can be read again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from src.collect import recorder as recorder_module
from src.collect.arrival import Arrival, Happening, Need
from src.collect.exchanges import EXCHANGES
from src.collect.normalise import Normaliser
from src.collect.parsed import Channel, Frame, Pair
from src.collect.recorder import Recorder
from src.collect.recording import index_recordings, read_line
from src.collect.recording_folder import RecordingFolder, RecordingMetadata
from src.collect.simulated import SimulatedSource
from src.collect.simulator import MarketSimulator
from src.collect.source import Coming
from src.collect.status import MarketStatus
from src.errors import ConfigurationError, TerminalError
from src.schema.records import EventKind, Source
from tests.collect.scripted import Script

TIME = 1_672_515_782_136
OKX_TICKER = (
    '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"16800.5","ts":"1672515782136"}]}'
)
# https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#diff-depth-stream (its example, by the combined stream's name)
BINANCE_CHANGE = json.dumps(
    {
        "stream": "btcusdt@depth@100ms",
        "data": {"e": "depthUpdate", "E": TIME, "s": "BTCUSDT", "U": 157, "u": 160, "b": [["99", "10"]], "a": [["101", "100"]]},
    }
)
BINANCE_SNAPSHOT = json.dumps({"lastUpdateId": 160, "bids": [["99", "10"]], "asks": [["101", "100"]]})
BINANCE_URL = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000"


def arrival(market: str, message: str | bytes, time: int = TIME, url: str | None = None) -> Arrival:
    return Arrival(frame=Frame(market, Source.LIVE, time, message, url), received_time=time)


def folder(path: Path, source: Source = Source.LIVE) -> RecordingFolder:
    return RecordingFolder(path, source, markets=["okx"], channels=["ticker"], symbols=["BTC"], began_time=TIME)


def recorder(into: RecordingFolder) -> Recorder:
    return Recorder(EXCHANGES, into, defaultdict(MarketStatus), lambda _: None)


def recorded(path: Path, coming: Sequence[Coming]) -> tuple[RecordingMetadata, Script]:
    async def run() -> tuple[RecordingMetadata, Script]:
        source = Script(coming)
        return await recorder(folder(path)).run(source, asyncio.Event()), source

    return asyncio.run(run())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_frames_go_to_the_file_of_their_market_and_channel(tmp_path: Path) -> None:
    metadata, source = recorded(
        tmp_path / "out",
        [
            arrival("okx", '{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}'),
            arrival("okx", OKX_TICKER, TIME + 1),
            arrival("okx", "{broken", TIME + 2),
            arrival("binance", BINANCE_CHANGE, TIME + 3),
            arrival("binance", BINANCE_SNAPSHOT, TIME + 4, BINANCE_URL),
        ],
    )
    out = tmp_path / "out"
    assert lines(out / "okx" / "ticker.jsonl") == [{"received": 1672515782.137, "message": OKX_TICKER}]
    assert [line["message"] for line in lines(out / "okx" / "control.jsonl")][1] == "{broken"
    assert lines(out / "binance" / "orderbook.jsonl") == [
        {"received": 1672515782.139, "message": BINANCE_CHANGE},
        {"received": 1672515782.14, "message": BINANCE_SNAPSHOT, "url": BINANCE_URL},
    ]
    assert [(file.path, file.frames) for file in metadata.files] == [
        ("binance/orderbook.jsonl", 2),
        ("okx/control.jsonl", 2),
        ("okx/ticker.jsonl", 1),
    ]
    assert source.saw == [{("BTC", "USDT")}] * 3


def test_the_metadata_says_what_is_in_the_files(tmp_path: Path) -> None:
    metadata, _ = recorded(tmp_path / "out", [arrival("okx", OKX_TICKER), arrival("okx", OKX_TICKER)])
    assert msgspec.json.decode((tmp_path / "out" / "metadata.json").read_bytes(), type=RecordingMetadata) == metadata
    (file,) = metadata.files
    content = (tmp_path / "out" / file.path).read_bytes()
    assert (file.sha256, file.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (metadata.frames, metadata.source, metadata.began_time, metadata.symbols) == (2, Source.LIVE, TIME, ["BTC"])
    assert metadata.ended_time is not None
    assert metadata.ended_time >= TIME


def test_a_book_that_begins_with_a_request_is_asked_for_until_it_has_come(tmp_path: Path) -> None:
    change = BINANCE_CHANGE.replace("157", "161").replace("160", "165")
    _, source = recorded(
        tmp_path / "out",
        [
            arrival("binance", BINANCE_CHANGE),
            arrival("binance", BINANCE_CHANGE, TIME + 2000),
            arrival("binance", BINANCE_SNAPSHOT, TIME + 2500, BINANCE_URL),
            arrival("binance", change, TIME + 5000),
        ],
    )
    need = Need(market="binance", channel=Channel.ORDERBOOK, pair=Pair("BTC", "USDT"))
    assert source.asked == [need, need]


def test_a_lost_connection_is_in_the_events_and_the_book_is_asked_for_anew(tmp_path: Path) -> None:
    change = BINANCE_CHANGE.replace("157", "161").replace("160", "165")
    lost = Happening(
        kind=EventKind.DISCONNECTED,
        market="binance",
        source=Source.LIVE,
        received_time=TIME + 3000,
        channel=Channel.ORDERBOOK,
        pairs=(Pair("BTC", "USDT"),),
        detail="no close frame",
    )
    metadata, source = recorded(
        tmp_path / "out",
        [
            arrival("binance", BINANCE_CHANGE),
            arrival("binance", BINANCE_SNAPSHOT, TIME + 100, BINANCE_URL),
            lost,
            arrival("binance", change, TIME + 4000),
        ],
    )
    assert len(source.asked) == 2
    (event,) = lines(tmp_path / "out" / "events.jsonl")
    assert (event["kind"], event["market"], event["detail"]) == ("disconnected", "binance", "no close frame")
    assert metadata.events == 1


def test_what_is_no_text_is_written_as_near_as_it_can_be_and_counted(tmp_path: Path) -> None:
    metadata, _ = recorded(tmp_path / "out", [arrival("upbit", b"\xff{}"), arrival("upbit", b'{"status":"UP"}')])
    assert [line["message"] for line in lines(tmp_path / "out" / "upbit" / "control.jsonl")] == ["\ufffd{}", '{"status":"UP"}']
    assert metadata.altered == 1


def test_frames_of_no_exchange_are_left_out(tmp_path: Path) -> None:
    metadata, _ = recorded(tmp_path / "out", [arrival("bank", "{}"), arrival("okx", OKX_TICKER)])
    assert [file.path for file in metadata.files] == ["okx/ticker.jsonl"]


def test_a_stop_ends_the_files_and_the_metadata(tmp_path: Path) -> None:
    async def run() -> RecordingMetadata:
        source, stop = Script([arrival("okx", OKX_TICKER)], ends=False), asyncio.Event()
        running = asyncio.create_task(recorder(folder(tmp_path / "out")).run(source, stop))
        await source.given.wait()
        stop.set()
        return await running

    assert asyncio.run(run()).ended_time is not None
    assert len(lines(tmp_path / "out" / "okx" / "ticker.jsonl")) == 1


def test_the_seconds_end_it(tmp_path: Path) -> None:
    async def run() -> RecordingMetadata:
        return await recorder(folder(tmp_path / "out")).run(Script([arrival("okx", OKX_TICKER)], ends=False), asyncio.Event(), 0.2)

    assert asyncio.run(run()).frames == 1


def test_a_source_that_fails_leaves_what_came_before(tmp_path: Path) -> None:
    async def run() -> None:
        await recorder(folder(tmp_path / "out")).run(Script([arrival("okx", OKX_TICKER)], fails=TerminalError("gone")), asyncio.Event())

    with pytest.raises(TerminalError, match="gone"):
        asyncio.run(run())
    assert len(lines(tmp_path / "out" / "okx" / "ticker.jsonl")) == 1
    assert json.loads((tmp_path / "out" / "metadata.json").read_bytes())["ended_time"] is None


def test_a_disk_that_takes_no_more_is_one_clear_error(tmp_path: Path) -> None:
    async def run() -> None:
        into = folder(tmp_path / "out")
        (tmp_path / "out" / "okx").touch()  # where the market's folder must be
        await recorder(into).run(Script([arrival("okx", OKX_TICKER)]), asyncio.Event())

    with pytest.raises(TerminalError, match=r"the recording in .*out cannot be written: File exists"):
        asyncio.run(run())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(ConfigurationError, match=r"--out .*out holds files already"):
        folder(tmp_path / "out")
    with pytest.raises(ConfigurationError, match=r"--out .*notes\.txt/out cannot be written"):
        folder(tmp_path / "out" / "notes.txt" / "out")


def test_a_simulated_market_is_recorded_and_read_again(tmp_path: Path) -> None:
    """Ticks in a few hundred milliseconds of the wall clock; each file is read as a recording and by `normalise`, without a fault."""

    async def run() -> RecordingMetadata:
        now = time.time_ns() // 1_000_000
        simulator = MarketSimulator(seed=3, exchanges=[EXCHANGES["okx"], EXCHANGES["upbit"]], symbols=("BTC",), start_time_ms=now, rate=50)
        return await recorder(folder(tmp_path / "out", Source.SIMULATED)).run(SimulatedSource(simulator), asyncio.Event(), 1.0)

    metadata = asyncio.run(run())
    tickers = [file for file in metadata.files if file.channel == "ticker"]
    assert [file.path for file in tickers] == ["okx/ticker.jsonl", "upbit/ticker.jsonl"]
    for file in tickers:
        path = tmp_path / "out" / file.path
        (recording,) = index_recordings([str(path)], EXCHANGES)
        assert (recording.market, recording.digest, len(recording.times)) == (file.market, file.sha256, file.frames)
        normaliser = Normaliser(EXCHANGES[file.market])
        written = path.read_bytes().splitlines()
        found = [record for line in written for record in normaliser.read(line)]
        assert len(found) >= file.frames
        assert [record.received_time for record in found] == [round((read_line(line).received or 0) * 1000) for line in written]


def test_beside_a_bar_what_went_wrong_is_said_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "_FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(recorder_module, "_REPORT_EVERY", 1)
    said, figures = list[str](), list[int]()

    async def run() -> None:
        stop = asyncio.Event()

        def show(metadata: RecordingMetadata) -> bool:
            figures.append(metadata.frames)
            if len(figures) == 3:
                stop.set()
            return True

        source = Script([arrival("okx", "{broken")], ends=False)
        await Recorder(EXCHANGES, folder(tmp_path / "out"), defaultdict(MarketStatus), said.append, show).run(source, stop)

    asyncio.run(run())
    assert set(figures) == {1}
    assert [line[:5] for line in said] == ["okx: "]
