"""From a frame to what goes on Kafka: records with USD rate and traded volume, and dead letters with their reason."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from src.collect.arrival import Arrival, Unreadable
from src.collect.clock import ClockGuard
from src.collect.exchange import Control, ControlKind, Exchange, Frame, Pair
from src.collect.exchanges.decoding import not_finite_numbers
from src.collect.rates import UsdRates
from src.collect.status import MarketStatus
from src.collect.volume import TradedVolume
from src.errors import BadInput, MalformedFrame
from src.schema.records import RAW_LIMIT, DeadLetter, Source, Ticker

FRAME_LIMIT = 8 * 1024 * 1024
"""Bytes. The largest frame an exchange was ever seen to send is under 100 KB."""


class Pipeline:
    """All that happens to a frame between its source and Kafka. A pure function of the frames fed, in their order.

    `symbols` are the base coins asked for; None asks for all. `say` gets a line that the user must read.
    """

    def __init__(
        self, exchanges: Mapping[str, Exchange], symbols: AbstractSet[str] | None, rates: UsdRates, clock: ClockGuard, say: Callable[[str], None]
    ) -> None:
        self.markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
        self._exchanges = exchanges
        self._symbols = symbols
        self._rates = rates
        self._clock = clock
        self._say = say
        self._volumes = TradedVolume()

    def process(self, arrival: Arrival | Unreadable) -> Sequence[Ticker | DeadLetter]:
        """What to send for one arrival, in order. Counts are kept in `markets`."""
        if isinstance(arrival, Unreadable):
            self.markets[arrival.market].frames += 1
            return [self._dead_letter(arrival.market, arrival.source, arrival.received_time, arrival.raw, arrival.reason)]
        if arrival.starts_pass:
            # A looped recording begins again, and with it the volume that it counted.
            self._volumes = TradedVolume()
        frame = arrival.frame
        status = self.markets[frame.market]
        status.frames += 1
        try:
            parsed = self._parse(frame)
        except MalformedFrame as error:
            return [self._dead_frame(arrival, error.reason)]
        status.not_finite += not_finite_numbers(frame.message)
        tickers = [record for record in parsed if isinstance(record, Ticker)]
        for control in parsed:
            if isinstance(control, Control):
                _note_control(status, control)
        return self._records(arrival, tickers) if tickers else []

    def _parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        if _size(frame.message) > FRAME_LIMIT:
            raise MalformedFrame("frame too large")
        return self._exchanges[frame.market].parse(frame)

    def _records(self, arrival: Arrival, tickers: Sequence[Ticker]) -> Sequence[Ticker | DeadLetter]:
        market = arrival.frame.market
        newest = max(ticker.event_time for ticker in tickers)
        shift = arrival.received_time - (newest if arrival.undated else arrival.frame.received_time)
        line = self._clock.observe(market, newest + shift, arrival.received_time)
        if line:
            self._say(line)
        received_time = self._clock.corrected(arrival.received_time)
        records: list[Ticker | DeadLetter] = []
        refused: str | None = None
        for ticker in tickers:
            try:
                self._clock.check(ticker.event_time + shift, received_time)
            except BadInput as error:
                refused = refused or error.reason
                continue
            record = self._completed(ticker, shift, received_time)
            if self._asked_for(record):
                records.append(record)
        if refused:
            records.append(self._dead_frame(arrival, refused))
        return records

    def _completed(self, ticker: Ticker, shift: int, received_time: int) -> Ticker:
        moved = msgspec.structs.replace(
            ticker,
            event_time=ticker.event_time + shift,
            received_time=received_time,
            acc_since=None if ticker.acc_since is None else ticker.acc_since + shift,
        )
        self._rates.observe(moved)
        rate = self._rates.rate(moved.quote)
        # The day that volume is counted from is the recording's own, so the ticker is asked, not the moved one.
        return msgspec.structs.replace(moved, usd_rate=rate.value, rate_source=rate.source, traded_volume=self._volumes.traded(ticker))

    def _asked_for(self, record: Ticker) -> bool:
        status = self.markets[record.market]
        status.newest_event_time = max(status.newest_event_time or 0, record.event_time)
        if self._symbols is None or record.symbol in self._symbols:
            status.records += 1
            return True
        if Pair(record.symbol, record.quote) != self._exchanges[record.market].rate_pair:
            status.unknown_symbols += 1
            status.note = f"{record.symbol} was not asked for"
        return False

    def _dead_frame(self, arrival: Arrival, reason: str) -> DeadLetter:
        frame = arrival.frame
        return self._dead_letter(frame.market, frame.source, arrival.received_time, _bytes(frame.message), reason)

    def _dead_letter(self, market: str, source: Source, received_time: int, raw: bytes, reason: str) -> DeadLetter:
        status = self.markets[market]
        status.malformed += 1
        status.note = reason
        return DeadLetter(
            reason=reason,
            origin=f"{market}/{source}/{received_time}/{hashlib.sha256(raw).hexdigest()[:16]}",
            market=market,
            source=source,
            received_time=received_time,
            raw=raw[:RAW_LIMIT],
            raw_size=len(raw),
        )


def _note_control(status: MarketStatus, control: Control) -> None:
    if control.kind is ControlKind.REFUSED:
        status.note = f"the exchange refused: {control.text}"
    elif control.kind is ControlKind.NOTICE:
        status.note = f"the exchange says: {control.text}"


def _bytes(message: str | bytes) -> bytes:
    # A recording can hold half of a surrogate pair; it is kept as it is rather than refused.
    return message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")


def _size(message: str | bytes) -> int:
    certainly_small = 4 * len(message) <= FRAME_LIMIT
    return len(message) if certainly_small or isinstance(message, bytes) else len(_bytes(message))
