"""Every captured frame of every market, read once by the market's own parser."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Frame, TickerChange
from src.errors import MalformedFrame
from src.schema.records import Ticker, Trade
from tests.captures import captures_folder, read_frames

MarketData = Ticker | Trade | BookUpdate
_RETIRED = (".v1.", ".legacy.")


@dataclass(frozen=True)
class Read:
    """One captured frame and what the parser made of it."""

    file: str
    """`binance/ticker.doc.jsonl`"""
    line: int
    """From 0."""
    frame: Frame
    text: str
    received: float | None
    """Unix seconds; None for frames quoted from documentation."""
    parsed: tuple[Parsed, ...]
    refusal: str | None
    """Why the parser refused it; None where it did not."""

    @property
    def market(self) -> str:
        return self.frame.market

    @property
    def is_retired(self) -> bool:
        """Whether it is of a socket that nothing subscribes to any more."""
        return any(part in self.file for part in _RETIRED)

    @property
    def data(self) -> list[MarketData]:
        """Its market data; a change of a ticker counts as the ticker in it."""
        plain = [said.ticker if isinstance(said, TickerChange) else said for said in self.parsed]
        return [said for said in plain if isinstance(said, Ticker | Trade | BookUpdate)]

    def __str__(self) -> str:
        return f"{self.file}:{self.line + 1}"


@functools.cache
def everything() -> tuple[Read, ...]:
    """All frames, in the order of the files. What clients sent (`requests*.jsonl`) is no frame."""
    folder = captures_folder()
    return tuple(
        read(path.parent.name, path.name)[line]
        for path in sorted(folder.glob("*/*.jsonl"))
        if not path.name.startswith("requests")
        for line in range(len(read(path.parent.name, path.name)))
    )


@functools.cache
def read(market: str, file: str) -> tuple[Read, ...]:
    """The frames of one file."""
    found = []
    for number, line in enumerate(read_frames(captures_folder() / market / file)):
        frame = line.frame(market)
        parsed, refusal = parse(frame)
        found.append(Read(f"{market}/{file}", number, frame, line.message or "", line.received, parsed, refusal))
    return tuple(found)


def parse(frame: Frame) -> tuple[tuple[Parsed, ...], str | None]:
    """What a frame holds, or nothing and why it was refused."""
    try:
        return tuple(EXCHANGES[frame.market].parse(frame)), None
    except MalformedFrame as refused:
        return (), refused.reason


def frames_of(market: str) -> list[Read]:
    """All frames of a market."""
    found = [frame for frame in everything() if frame.market == market]
    assert found, f"there are no captures of {market}"
    return found


def channel_of(said: MarketData) -> Channel:
    """The channel that market data comes on."""
    match said:
        case Ticker():
            return Channel.TICKER
        case Trade():
            return Channel.TRADE
        case BookUpdate():
            return Channel.ORDERBOOK
