"""Bithumb, Korea (KRW), by its v1 socket.

Peculiar: its day begins at 00:00 in Seoul (15:00 UTC), and `trade_date`/`trade_time` are Seoul's, which is why only the millisecond
timestamps are read. Options are camelCase here where Upbit's are snake_case. More than 10 connections a second from one address
are answered by a 10 minute block. The retired socket (`pubwss`) and the SIMPLE format are not read: neither is subscribed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from src.collect.exchange import Channel
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.schema.records import Region


class Bithumb(UpbitProtocol):
    """Bithumb's public v1 socket."""

    name: ClassVar[str] = "bithumb"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {Channel.TICKER: ("wss://ws-api.bithumb.com/websocket/v1",)}
    utc_offset: ClassVar[timedelta] = timedelta(hours=9)
