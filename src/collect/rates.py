"""US dollars per unit of a quote currency, found in the market data itself. There is no constant to fall back on.

`usd` means USDT taken at par. KRW converts by the KRW price of USDT on the Korean exchanges, USD by the USD price of USDT.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from src.schema.records import Instrument, Region, Ticker


@dataclass(frozen=True, slots=True)
class UsdRate:
    """USD per unit of the quote currency, and how it was found; both None where no fresh price gives one."""

    value: float | None = None
    source: str | None = None


UNKNOWN = UsdRate()
_USDT_PAR = UsdRate(1.0, "usdt_par")
_USD_PAR = UsdRate(1.0, "usd_par")


@dataclass(frozen=True, slots=True)
class _LastPrice:
    time: int
    price: float


class UsdRates:
    """The USD rates of one source's records, fed in frame order. A pure function of what it was fed: it reads no clock.

    Ages are taken against the newest event time seen. An event time ahead of its reception counts as its reception, so one record
    from the future neither makes the rest stale nor stays fresh for ever; a record older than the last of its market changes nothing.
    """

    def __init__(self, max_age_seconds: float) -> None:
        self._max_age = max_age_seconds * 1000
        self._newest = 0
        self._krw_per_usdt: dict[str, _LastPrice] = {}
        self._usd_per_usdt: dict[str, _LastPrice] = {}

    def observe(self, record: Ticker) -> None:
        """Take a record into account; any record moves the newest time, a spot USDT price moves a rate."""
        time = min(record.event_time, record.received_time)
        self._newest = max(self._newest, time)
        if record.symbol != "USDT" or record.instrument is not Instrument.SPOT or record.price is None or record.price <= 0:
            return
        if record.quote == "KRW" and record.region is Region.KOREA:
            prices = self._krw_per_usdt
        elif record.quote == "USD" and record.market == "kraken":
            prices = self._usd_per_usdt
        else:
            return
        last = prices.get(record.market)
        if last is None or time >= last.time:
            prices[record.market] = _LastPrice(time, record.price)

    def rate(self, quote: str) -> UsdRate:
        """The rate of a quote currency now, that is after the last record observed."""
        match quote:
            case "USDT":
                return _USDT_PAR
            case "KRW":
                fresh = self._fresh(self._krw_per_usdt)
                return UsdRate(1 / median(fresh), "krw_usdt_median") if fresh else UNKNOWN
            case "USD":
                fresh = self._fresh(self._usd_per_usdt)
                return UsdRate(1 / median(fresh), "kraken_usdt_usd") if fresh else _USD_PAR
            case _:
                return UNKNOWN

    def _fresh(self, prices: dict[str, _LastPrice]) -> list[float]:
        return [last.price for last in prices.values() if self._newest - last.time <= self._max_age]
