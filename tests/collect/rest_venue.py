"""A venue with a REST interface for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from src.collect.arrival import Need
from src.collect.exchange import RateLimit
from src.collect.exchanges.okx import Okx
from src.collect.parsed import Channel, Pair
from src.config import Settings, load_settings

BTC = Pair("BTC", "USDT")
TRADES = {"code": "0", "data": [{"instId": "BTC-USDT", "tradeId": "7", "px": "60000", "sz": "0.1", "side": "buy", "ts": "1780000000000"}]}
NEED = Need(market="okx", channel=Channel.TRADE, pair=BTC)


class Venue(Okx):
    """OKX, and a book whose snapshot comes by REST."""

    rest_requests: ClassVar[RateLimit] = RateLimit(1000, 1.0)

    def __init__(self, *bases: str) -> None:
        self.bases = bases

    @property
    def rest_urls(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.bases

    def book_path(self, pair: Pair) -> str:
        return f"/book?{pair.symbol}"


def settings(home: Path, **values: object) -> Settings:
    return load_settings(home=home, **values)
