"""Bithumb, Korea (KRW), by its v1 socket.

Peculiar: its day begins at 00:00 in Seoul (15:00 UTC), and `trade_date`/`trade_time` are Seoul's, which is why only the millisecond
timestamps are read. The time of a book is in us. Sizes have four decimals, so that a small order shows as a size of 0 at a live price. Books have
15 levels. Options are camelCase here where Upbit's are snake_case. More than 10 connections a second from one address are answered by a
10 minute block. Its REST interface gives refusals with status 200, and times of tickers that are Seoul's clock counted as if it were UTC; where a
trade's is so too, its date and time in UTC tell. Recordings of the former socket (`pubwss`) are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from src.collect.exchange import Channel, Parsed, RateLimit
from src.collect.exchanges.bithumb_legacy import parse_legacy
from src.collect.exchanges.fields import milliseconds
from src.collect.exchanges.upbit_messages import TickMessage
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.collect.parsed import Frame
from src.errors import MalformedFrame
from src.schema.records import Region


class Bithumb(UpbitProtocol):
    """Bithumb's public v1 socket."""

    name: ClassVar[str] = "bithumb"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://ws-api.bithumb.com/websocket/v1",))
    quotes: ClassVar[tuple[str, ...]] = ("KRW", "BTC")
    # No limit is published; one request for all of its 493 pairs was served.
    pairs_per_connection: ClassVar[int] = 493
    connects: ClassVar[RateLimit] = RateLimit(10, 1.0)
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.bithumb.com",)
    rest_requests: ClassVar[RateLimit] = RateLimit(150, 1.0)
    utc_offset: ClassVar[timedelta] = timedelta(hours=9)

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """As of Upbit's protocol; what is not of it may be a frame of the former socket."""
        try:
            return super().parse(frame)
        except MalformedFrame as refused:
            if frame.url is not None:
                raise
            legacy = parse_legacy(frame, self.name, self.region)
            if legacy is None:
                raise refused from None
            return legacy

    def time_of_tick(self, tick: TickMessage) -> int:
        if tick.trade_date_utc is None or tick.trade_time_utc is None:
            return tick.timestamp
        ahead = tick.timestamp - milliseconds(f"{tick.trade_date_utc}T{tick.trade_time_utc}Z")
        return tick.timestamp - _SEOUL if abs(ahead - _SEOUL) < _A_MINUTE else tick.timestamp


_SEOUL = timedelta(hours=9) // timedelta(milliseconds=1)
_A_MINUTE = timedelta(minutes=1) // timedelta(milliseconds=1)
