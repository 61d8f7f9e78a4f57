"""The prices that every market follows: coins that move together, currencies, and Korea's premium."""

from __future__ import annotations

import math
from random import Random

from src.collect.simulate.process import MeanRevertingWalk

_COINS = {"BTC": 65_000.0, "ETH": 1_920.0, "XRP": 1.2, "SOL": 85.0, "BNB": 640.0, "DOGE": 0.0705, "ADA": 0.31, "TRX": 0.27, "AVAX": 11.0}
_TURNOVERS = {"BTC": 900e6, "ETH": 500e6, "XRP": 250e6, "SOL": 200e6}
_CURRENCIES = {"KRW": 1 / 1450, "USD": 1 / 0.9996, "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "EUR": 1.08, "GBP": 1.27, "JPY": 1 / 152}
_CURRENCY_DEVIATIONS = {"KRW": 0.002, "USD": 0.0003, "EUR": 0.001, "GBP": 0.001, "JPY": 0.001}
_SHOCK_RETURN_SECONDS = 900
_PREMIUM_RANGE = (0.01, 0.04)


class Economy:
    """Prices in USDT over time. Every market asks the same economy, which is why they agree but for their own noise."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._whole_market = self._walk("market", 0.012, 6 * 3600)
        self._premium = MeanRevertingWalk(self._random("premium"), mean=0.023, deviation=0.005, return_seconds=1800)
        self._assets: dict[str, _Asset] = {}

    def price(self, asset: str, time: float) -> float:
        """USDT for one unit of a coin or currency."""
        known = self._asset(asset)
        moves = known.walk.at(time) + known.shock_at(time) + known.beta * self._whole_market.at(time)
        return known.base * math.exp(moves)

    def korean_premium(self, time: float) -> float:
        """How much dearer coins are in Korea, as a fraction of their price abroad at the KRW-USDT rate."""
        lowest, highest = _PREMIUM_RANGE
        return min(highest, max(lowest, self._premium.at(time)))

    def turnover(self, asset: str) -> float:
        """USDT that one market trades of it in a day."""
        return self._asset(asset).turnover

    def shock(self, asset: str, time: float, size: float) -> None:
        """Move a price by a fraction at once; the move fades away again within an hour."""
        known = self._asset(asset)
        known.shock = known.shock_at(time) + math.log1p(size)
        known.shock_time = time

    def _asset(self, name: str) -> _Asset:
        if name not in self._assets:
            self._assets[name] = self._currency(name) if name in _CURRENCIES else self._coin(name)
        return self._assets[name]

    def _currency(self, name: str) -> _Asset:
        return _Asset(base=_CURRENCIES[name], beta=0, turnover=150e6, walk=self._walk(name, _CURRENCY_DEVIATIONS.get(name, 0), 3600))

    def _coin(self, name: str) -> _Asset:
        random = self._random(f"{name}/kind")
        base = _COINS.get(name, float(f"{10 ** random.uniform(-3, 2):.4g}"))
        turnover = _TURNOVERS.get(name, 10 ** random.uniform(6.5, 8))
        return _Asset(base=base, beta=random.uniform(0.8, 1.3), turnover=turnover, walk=self._walk(name, 0.008, 3 * 3600))

    def _walk(self, name: str, deviation: float, return_seconds: float) -> MeanRevertingWalk:
        return MeanRevertingWalk(self._random(name), mean=0, deviation=deviation, return_seconds=return_seconds)

    def _random(self, purpose: str) -> Random:
        return Random(f"{self.seed}/economy/{purpose}")  # noqa: S311  a simulation, no secret


class _Asset:
    """One coin or currency: its usual price, how strongly it follows the whole market, and its own moves."""

    def __init__(self, *, base: float, beta: float, turnover: float, walk: MeanRevertingWalk) -> None:
        self.base = base
        self.beta = beta
        self.turnover = turnover
        self.walk = walk
        self.shock = 0.0
        self.shock_time = 0.0

    def shock_at(self, time: float) -> float:
        return self.shock and self.shock * math.exp((self.shock_time - time) / 1000 / _SHOCK_RETURN_SECONDS)
