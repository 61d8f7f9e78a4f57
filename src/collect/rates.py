"""US dollars per unit of a quote currency, found in the market data itself. There is no constant to fall back on.

`usd` means USDT taken at par. KRW converts by the KRW price of USDT on the Korean exchanges, USD by the USD price of USDT. What a bank
publishes is a second basis, in columns of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from src.collect.bank_rate import BankRate
from src.schema.records import Instrument, OrderBook, Record, Region, Ticker, Trade

_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class UsdRate:
    """USD per unit of the quote currency, and how it was found; both None where no fresh price gives one."""

    value: float | None = None
    source: str | None = None


UNKNOWN = UsdRate()
USDT_PAR = UsdRate(1.0, "usdt_par")
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

    def __init__(self, max_age_seconds: float, bank_max_age_hours: float = 96.0) -> None:
        self._max_age = max_age_seconds * 1000
        self._bank_max_age = bank_max_age_hours * _HOUR
        self._newest = 0
        self._krw_per_usdt: dict[str, _LastPrice] = {}
        self._usd_per_usdt: dict[str, _LastPrice] = {}
        self._bank: BankRate | None = None
        # A rate is asked for with every record, and changes only with a new price of USDT or when one becomes stale.
        self._found: dict[str, UsdRate] = {}
        self._found_until = math.inf

    def observe(self, record: Record) -> None:
        """Take a record into account; any record moves the newest time, a spot USDT price moves a rate."""
        time = min(record.event_time, record.received_time)
        self._newest = max(self._newest, time)
        if self._newest > self._found_until:
            self._forget()
        if record.symbol != "USDT" or record.instrument is not Instrument.SPOT:
            return
        price = _price(record)
        if price is None or price <= 0:
            return
        if record.quote == "KRW" and record.region is Region.KOREA:
            prices = self._krw_per_usdt
        elif record.quote == "USD" and record.market == "kraken":
            prices = self._usd_per_usdt
        else:
            return
        last = prices.get(record.market)
        if last is None or time >= last.time:
            prices[record.market] = _LastPrice(time, price)
            self._forget()

    def observe_bank(self, rate: BankRate) -> None:
        """Take what a bank says into account."""
        self._bank = rate

    def rate(self, quote: str) -> UsdRate:
        """The rate of a quote currency now, that is after the last record observed."""
        if quote == "USDT":
            return USDT_PAR
        found = self._found.get(quote)
        if found is None:
            found = self._found[quote] = self._rate(quote)
        return found

    def bank_rate(self, quote: str) -> UsdRate:
        """The same by the bank's rate, which is of KRW alone."""
        if quote != "KRW" or self._bank is None or self._newest - self._bank.time > self._bank_max_age:
            return UNKNOWN
        return UsdRate(1 / self._bank.krw_per_usd, self._bank.publisher)

    def _rate(self, quote: str) -> UsdRate:
        match quote:
            case "KRW":
                fresh = self._fresh(self._krw_per_usdt)
                return UsdRate(1 / median(fresh), "krw_usdt_median") if fresh else UNKNOWN
            case "USD":
                fresh = self._fresh(self._usd_per_usdt)
                return UsdRate(1 / median(fresh), "kraken_usdt_usd") if fresh else _USD_PAR
            case _:
                return UNKNOWN

    def _fresh(self, prices: dict[str, _LastPrice]) -> list[float]:
        fresh = [last for last in prices.values() if self._newest - last.time <= self._max_age]
        self._found_until = min([self._found_until, *(last.time + self._max_age for last in fresh)])
        return [last.price for last in fresh]

    def _forget(self) -> None:
        self._found.clear()
        self._found_until = math.inf


def _price(record: Record) -> float | None:
    """Last price, or the mid of a whole book."""
    match record:
        case Ticker() | Trade():
            return record.price
        case OrderBook() if record.valid and record.bids and record.asks:
            return (record.bids[0][0] + record.asks[0][0]) / 2
        case _:
            return None
