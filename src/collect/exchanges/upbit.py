"""Upbit, Korea's largest market (KRW).

Peculiar: its day begins at 00:00 UTC (09:00 in Seoul), and `trade_date`/`trade_time` are UTC too. An idle socket is closed after
60 s, not the 120 s of its documentation. An `Origin` header limits a client to one request in 10 s, so none is sent. It takes
5 connections a second from one address.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from src.collect.exchange import Channel
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.schema.records import Region


class Upbit(UpbitProtocol):
    """Upbit's public socket."""

    name: ClassVar[str] = "upbit"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {Channel.TICKER: ("wss://api.upbit.com/websocket/v1",)}
    utc_offset: ClassVar[timedelta] = timedelta(0)
