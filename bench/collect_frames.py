"""Which frames the collector's speed is measured with: captured ones where they are, beside them what our simulator makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Frame, TickerChange
from src.collect.simulator import MarketSimulator
from src.errors import MalformedFrame
from src.schema.records import Instrument, Source, Ticker, Trade

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "exchanges" / "captures"
SIMULATED_FRAMES = 1_000
_START = 1_790_000_000_000  # 2026-09-21, ms
_BINARY_MARKETS = frozenset({"upbit", "bithumb"})
_OLD_FORMATS = frozenset({("kraken", channel) for channel in Channel} | {("upbit", channel) for channel in Channel} | {("bithumb", Channel.TRADE)})
"""Captured in a format that the venue has left since; cryptofeed reads these, and today's are measured with simulated frames."""
_WITHOUT_SNAPSHOT = frozenset({("binance", "orderbook.2.jsonl"), ("bithumb", "orderbook.legacy.jsonl")})
"""Changes of books whose beginning nobody captured: no client can apply them."""
_DATED = frozenset({Instrument.FUTURE, Instrument.OPTION})
"""Several contracts have one name in a record, so that their books cannot be told apart."""
_DATA = {Channel.TICKER: (Ticker, TickerChange), Channel.TRADE: (Trade,), Channel.ORDERBOOK: (BookUpdate,)}


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Frames of one channel of one market in the order in which they came, each of which holds market data."""

    market: str
    channel: Channel
    origin: str
    """`captured`, `captured, old format` or `simulated`."""
    frames: Sequence[Frame]

    @property
    def counted(self) -> int:
        """How many came by the socket. The REST snapshots that books begin with are read as well, but are not counted as updates."""
        return sum(frame.url is None for frame in self.frames)


class _Line(msgspec.Struct, frozen=True):
    """One line of a capture."""

    message: str | None
    received: float | None = None
    url: str | None = None


def frame_sets() -> Iterator[FrameSet]:
    """For each channel of each market the captured frames, and simulated ones where none are captured in today's format."""
    for channel in Channel:
        for market, exchange in EXCHANGES.items():
            captured = tuple(_with_data(_captured(market, channel), channel))
            is_old = (market, channel) in _OLD_FORMATS
            if captured:
                yield FrameSet(market, channel, "captured, old format" if is_old else "captured", captured)
            if channel in exchange.urls and (is_old or not captured) and (simulated := tuple(_with_data(_simulated(market, channel), channel))):
                yield FrameSet(market, channel, "simulated", simulated)


def _captured(market: str, channel: Channel) -> Sequence[Frame]:
    paths = sorted(path for path in (CAPTURES / market).glob(f"{channel}*.jsonl") if not path.name.endswith(".doc.jsonl"))
    lines = [
        msgspec.json.decode(line, type=_Line)
        for path in paths
        if (market, path.name) not in _WITHOUT_SNAPSHOT
        for line in path.read_bytes().splitlines()
    ]
    lines.sort(key=lambda line: line.received or 0)
    return [_frame(market, line) for line in lines if line.message is not None]


def _frame(market: str, line: _Line) -> Frame:
    message = line.message or ""
    received_time = int((line.received or 0) * 1000)
    return Frame(market, Source.REPLAY, received_time, message.encode() if market in _BINARY_MARKETS else message, line.url)


def _simulated(market: str, channel: Channel) -> Iterable[Frame]:
    simulator = MarketSimulator(seed=1, exchanges=[EXCHANGES[market]], symbols=("BTC", "ETH", "XRP"), channels=(channel,), start_time_ms=_START)
    return islice(simulator, SIMULATED_FRAMES)


def _with_data(frames: Iterable[Frame], channel: Channel) -> Iterator[Frame]:
    """Without heartbeats, acknowledgements, frames that the simulator damaged, streams that we do not read and books of dated contracts."""
    for frame in frames:
        try:
            parsed = EXCHANGES[frame.market].parse(frame)
        except MalformedFrame:
            continue
        if parsed and all(isinstance(item, _DATA[channel]) and not _is_dated_book(item) for item in parsed):
            yield frame


def _is_dated_book(item: Parsed) -> bool:
    return isinstance(item, BookUpdate) and item.instrument in _DATED
