"""What a frame says, sorted: market data, refusals, an announced end; bank rates are taken aside, ticker changes are made whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from src.collect.bank_rate import BANK, parse_bank_rate
from src.collect.exchange import Exchange
from src.collect.exchanges.decoding import not_finite_numbers
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, TickerChange
from src.collect.rates import UsdRates
from src.collect.status import MarketStatus
from src.collect.ticker_changes import TickerChanges
from src.errors import MalformedFrame
from src.schema.records import Ticker, Trade

FRAME_LIMIT = 8 * 1024 * 1024
"""Bytes. The largest frame an exchange was ever seen to send is under 100 KB."""
_CERTAINLY_SMALL = FRAME_LIMIT // 4
Data = Ticker | Trade | BookUpdate


@dataclass(slots=True)
class Reading:
    """What one frame held."""

    data: list[Data] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """The exchange's own words."""
    is_closing: bool = False
    """The exchange announced the end of the connection."""


class FrameReader:
    """Reads the frames of all markets in their order. Its only state is the tickers that later changes are merged into."""

    def __init__(self, exchanges: Mapping[str, Exchange], rates: UsdRates) -> None:
        self._exchanges = exchanges
        self._rates = rates
        self._ticker_changes = TickerChanges()

    def start_pass(self) -> None:
        """A looped recording begins again."""
        self._ticker_changes = TickerChanges()

    def read(self, frame: Frame, status: MarketStatus) -> Reading:
        """What the frame holds; what a person should know of it is noted in `status`. Raises `MalformedFrame`."""
        reading = Reading()
        if len(frame.message) > _CERTAINLY_SMALL and len(bytes_of(frame.message)) > FRAME_LIMIT:
            raise MalformedFrame("frame too large")
        if frame.market == BANK:
            self._rates.observe_bank(parse_bank_rate(frame))
            return reading
        for item in self._exchanges[frame.market].parse(frame):
            match item:
                case Ticker() | Trade() | BookUpdate():
                    reading.data.append(item)
                case TickerChange():
                    reading.data.append(self._ticker_changes.merged(item))
                case Control():
                    _note(item, reading, status)
        status.not_finite += not_finite_numbers(frame.message)
        return reading


def bytes_of(message: str | bytes) -> bytes:
    """A message as it came. A recording can hold half of a surrogate pair; it is kept as it is rather than refused."""
    return message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")


def _note(control: Control, reading: Reading, status: MarketStatus) -> None:
    match control.kind:
        case ControlKind.REFUSED:
            reading.refusals.append(control.text)
            status.note = f"the exchange refused: {control.text}"
        case ControlKind.CLOSING:
            reading.is_closing = True
            status.note = f"the exchange says: {control.text}"
        case _:
            return
