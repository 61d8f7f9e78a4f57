"""Upbit, Korea's largest market (KRW).

Peculiar: its day begins at 00:00 UTC (09:00 in Seoul), and `trade_date`/`trade_time` are UTC too. An `Origin` header limits a client to one
request in 10 s, so none is sent. Books have 30 levels and come every 100 ms. A market is on the list or not: it has no state there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from src.collect.exchange import Channel, RateLimit
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.schema.records import Region


class Upbit(UpbitProtocol):
    """Upbit's public socket."""

    name: ClassVar[str] = "upbit"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://api.upbit.com/websocket/v1",))
    quotes: ClassVar[tuple[str, ...]] = ("KRW", "USDT", "BTC")
    # No limit is published; one request for all of its 855 pairs was served.
    pairs_per_connection: ClassVar[int] = 855
    connects: ClassVar[RateLimit] = RateLimit(5, 1.0)
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.upbit.com",)
    rest_requests: ClassVar[RateLimit] = RateLimit(10, 1.0)
    utc_offset: ClassVar[timedelta] = timedelta(0)
