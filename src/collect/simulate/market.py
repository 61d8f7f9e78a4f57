"""One pair at one venue: its own noise, spread, activity and volumes around the price that the economy gives."""

from __future__ import annotations

import math
from random import Random

from src.collect.exchange import Exchange, Pair
from src.collect.exchanges.upbit_protocol import UpbitProtocol
from src.collect.simulate.economy import Economy
from src.collect.simulate.process import Episodes, MeanRevertingWalk
from src.collect.simulate.statistics_of_day import DaySinceMidnight, RollingDay
from src.schema.records import Region, Source, Ticker

_BURST_INTENSITY = 6
_BURST_EVERY_SECONDS = 116
_BURST_SECONDS = (2, 6)
_SHARE_OF_TIME_IN_BURSTS = 4 / 120
_MEAN_INTENSITY = 1 + _SHARE_OF_TIME_IN_BURSTS * (_BURST_INTENSITY - 1)
_DAY = 86_400_000
_TRADES_A_DAY = 200_000
_SIGNIFICANT_DIGITS = 6


class Market:
    """Makes the tickers of one pair. Times are ms and never go back."""

    def __init__(self, exchange: Exchange, pair: Pair, economy: Economy, *, start_time: float, rate: float) -> None:
        """`rate` is the mean number of tickers a second, bursts included."""
        seed = economy.seed
        self.exchange = exchange
        self.pair = pair
        self._economy = economy
        self._random = Random(f"{seed}/market/{exchange.name}/{pair.symbol}/{pair.quote}")  # noqa: S311  a simulation, no secret
        self._calm_rate = rate / _MEAN_INTENSITY
        shortest, longest = _BURST_SECONDS
        self._bursts = Episodes(
            # Of the coin, not of the market: news reaches every venue at the same time.
            Random(f"{seed}/bursts/{pair.symbol}"),  # noqa: S311
            start_time=start_time,
            every_seconds=_BURST_EVERY_SECONDS,
            shortest_seconds=shortest,
            longest_seconds=longest,
        )
        self._noise = MeanRevertingWalk(self._random, mean=0, deviation=0.0003, return_seconds=20)
        self._half_spread = self._random.uniform(0.00005, 0.0004)
        price = self._fair_price(start_time)
        self._daily_volume = economy.turnover(pair.symbol) * self._random.uniform(0.3, 1.5) / economy.price(pair.symbol, start_time)
        self._rolling = RollingDay(self._random, start_time, price, self._daily_volume, calm=pair == exchange.rate_pair)
        self._since_midnight: DaySinceMidnight | None = None
        if isinstance(exchange, UpbitProtocol):
            self._since_midnight = DaySinceMidnight(exchange.midnight, start_time, price, self._daily_volume)
        self._last_time = start_time

    def next_time(self, time: float) -> float:
        """When the ticker after the one of `time` comes."""
        rate = self._calm_rate * (_BURST_INTENSITY if self._bursts.active(time) else 1)
        return time + self._random.expovariate(rate) * 1000

    def whale(self, time: float) -> None:
        """A single order large enough to move the price everywhere, by half a percent to 3.5 percent."""
        self._economy.shock(self.pair.symbol, time, self._random.choice((-1, 1)) * self._random.uniform(0.005, 0.035))
        self._trade(time, self._fair_price(time), self._daily_volume * self._random.uniform(0.005, 0.04))

    def ticker(self, time: float) -> Ticker:
        """What the venue says at `time`; it has every field, and the venue's frame keeps those that the venue sends."""
        bid, ask = self.best(time)
        price = self._random.choice((bid, ask))
        mean_volume = self._daily_volume * (time - self._last_time) / _DAY
        self._last_time = time
        self._trade(time, price, mean_volume * self._random.expovariate(1))
        day = self._since_midnight or self._rolling
        return Ticker(
            region=self.exchange.region,
            market=self.exchange.name,
            symbol=self.pair.symbol,
            quote=self.pair.quote,
            instrument=self.exchange.instrument,
            source=Source.SIMULATED,
            event_time=int(time),
            received_time=int(time),
            price=price,
            open=_rounded(day.open),
            high=_rounded(day.high),
            low=_rounded(day.low),
            prev_close=_rounded(self._since_midnight.prev_close if self._since_midnight else day.open),
            volume_24h=round(self._rolling.volume, 8),
            quote_volume_24h=round(self._rolling.quote_volume, 4),
            bid=bid,
            bid_size=round(mean_volume * self._random.uniform(0.5, 20), 8),
            ask=ask,
            ask_size=round(mean_volume * self._random.uniform(0.5, 20), 8),
            acc_volume=round(self._since_midnight.volume, 8) if self._since_midnight else None,
            acc_since=self._since_midnight.since if self._since_midnight else None,
        )

    def best(self, time: float) -> tuple[float, float]:
        """Best bid and best ask at `time`, quote currency."""
        mid = self._fair_price(time)
        bid = _rounded(mid * (1 - self._half_spread))
        return bid, _rounded(max(mid * (1 + self._half_spread), bid + _tick(bid)))

    @staticmethod
    def tick(price: float) -> float:
        """Distance between two prices that the venue takes, quote currency."""
        return _tick(price)

    @property
    def mean_trade(self) -> float:
        """What a trade is worth on average, base coin."""
        return self._daily_volume / _TRADES_A_DAY

    def _fair_price(self, time: float) -> float:
        price = self._economy.price(self.pair.symbol, time) / self._economy.price(self.pair.quote, time)
        if self.exchange.region is Region.KOREA and self.pair != self.exchange.rate_pair:
            price *= 1 + self._economy.korean_premium(time)
        return price * math.exp(self._noise.at(time))

    def _trade(self, time: float, price: float, volume: float) -> None:
        self._rolling.trade(time, price, volume)
        if self._since_midnight:
            self._since_midnight.trade(time, price, volume)


def _rounded(price: float) -> float:
    return round(price, _decimals(price))


def _tick(price: float) -> float:
    return 10.0 ** -_decimals(price)


def _decimals(price: float) -> int:
    return _SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(price))
