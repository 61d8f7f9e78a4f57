"""The trades of one simulated pair: each takes the best bid or the best ask."""

from __future__ import annotations

from random import Random

from src.collect.simulate.market import Market
from src.schema.records import Side, Source, Trade

_FEWEST_DIGITS = 8


class TradeFlow:
    """Makes a market's trades, with consecutive ids."""

    def __init__(self, market: Market, seed: int, start_time: float) -> None:
        self._market = market
        self._random = Random(f"{seed}/trades/{market.exchange.name}/{market.pair.symbol}/{market.pair.quote}")  # noqa: S311  a simulation, no secret
        # Two simulations of different days do not give the same id to different trades.
        self._number = int(start_time) * 1000

    def next(self, time: float) -> Trade:
        """The trade at `time`, ms."""
        market = self._market
        bid, ask = market.best(time)
        side = self._random.choice((Side.BUY, Side.SELL))
        self._number += 1
        return Trade(
            region=market.exchange.region,
            market=market.exchange.name,
            symbol=market.pair.symbol,
            quote=market.pair.quote,
            instrument=market.exchange.instrument,
            source=Source.SIMULATED,
            event_time=int(time),
            received_time=int(time),
            trade_id=str(self._number),
            price=ask if side is Side.BUY else bid,
            size=round(market.mean_trade * self._random.expovariate(1) + 10**-_FEWEST_DIGITS, _FEWEST_DIGITS),
            side=side,
        )
