"""Technical indicators over candles in order: RSI, MACD, Bollinger bands, moving averages, average true range.

Definitions, seeds and warm-up are those of TA-Lib (RSI, MACD, BBANDS, SMA, EMA, ATR with its default compatibility), after J. Welles Wilder,
New Concepts in Technical Trading Systems (1978), for RSI and ATR. An RSI of prices that did not change is null here, 0 there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from src.preprocess.admission import LARGEST
from src.preprocess.candles import PRICE_KEYS
from src.preprocess.metric import INTERVAL
from src.preprocess.series import Row, Series, SeriesMetric
from src.schema.kinds import Kind

MEAN_LENGTH = 20
BAND_DEVIATIONS = 2.0
WILDER_LENGTH = 14
FAST, SLOW, SIGNAL = 12, 26, 9
COLUMNS = (
    "close",
    "sma_20",
    "ema_20",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "bollinger_upper",
    "bollinger_middle",
    "bollinger_lower",
    "atr_14",
)


def indicators() -> SeriesMetric:
    """`indicators`; TradeQueryOrganization.cal_indicators says what the columns mean."""
    return SeriesMetric(
        "indicators",
        of=("candles",),
        keys=(*PRICE_KEYS, INTERVAL),
        columns=dict.fromkeys(COLUMNS, Kind.DOUBLE),
        series=IndicatorSeries(),
        headline=("close", "sma_20", "ema_20", "rsi_14", "macd", "macd_signal", "atr_14"),
    )


class Smoothed(msgspec.Struct, frozen=True, array_like=True):
    """An exponential mean that begins as the plain mean of its first `length` values. Until it has them, `value` is their sum."""

    count: int = 0
    value: float = 0.0

    def then(self, value: float, length: int, weight: float) -> Smoothed:
        """After one more value, which counts `weight` (0 to 1) once the mean has begun."""
        if self.count >= length:
            return Smoothed(self.count, self.value + weight * (value - self.value))
        total = self.value + value
        return Smoothed(self.count + 1, total / length if self.count + 1 == length else total)

    def mean(self, length: int) -> float | None:
        """The mean; None before `length` values."""
        return self.value if self.count >= length else None


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the candles so far."""

    candles: int = 0
    closes: tuple[float, ...] = ()
    """The last 20, oldest first."""
    mean: Smoothed = Smoothed()
    fast: Smoothed = Smoothed()
    slow: Smoothed = Smoothed()
    signal: Smoothed = Smoothed()
    gain: Smoothed = Smoothed()
    loss: Smoothed = Smoothed()
    true_range: Smoothed = Smoothed()


class IndicatorSeries(Series):
    """One row of indicators for each candle. The state is `Known` as lists of numbers."""

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        known = Known() if state is None else msgspec.convert(state, Known)
        made = []
        for candle in rows["candles"]:
            prices = candle["high"], candle["low"], candle["close"]
            # The square of one that is larger is no number, and once it were among the closes no band would be one for 20 candles.
            if not all(abs(price) < LARGEST for price in prices):
                raise ValueError(f"a price of {LARGEST:g} or more")
            known = after(known, *prices)
            made.append(values(known))
        return msgspec.to_builtins(known), made


def after(known: Known, high: float, low: float, close: float) -> Known:
    """What is known after one more candle."""
    fast, slow, signal = known.fast, _exponential(known.slow, close, SLOW), known.signal
    # Both means of MACD begin at the same candle: the fast one leaves out the first 14.
    if known.candles >= SLOW - FAST:
        fast = _exponential(fast, close, FAST)
    macd = _difference(fast.mean(FAST), slow.mean(SLOW))
    if macd is not None:
        signal = _exponential(signal, macd, SIGNAL)
    gain, loss, true_range = known.gain, known.loss, known.true_range
    if known.closes:
        before = known.closes[-1]
        gain = _wilder(gain, max(close - before, 0.0))
        loss = _wilder(loss, max(before - close, 0.0))
        true_range = _wilder(true_range, max(high, before) - min(low, before))
    return Known(
        candles=known.candles + 1,
        closes=(*known.closes, close)[-MEAN_LENGTH:],
        mean=_exponential(known.mean, close, MEAN_LENGTH),
        fast=fast,
        slow=slow,
        signal=signal,
        gain=gain,
        loss=loss,
        true_range=true_range,
    )


def values(known: Known) -> dict[str, float | None]:
    """The indicators by column name; None while there are too few candles."""
    signal = known.signal.mean(SIGNAL)
    macd = None if signal is None else _difference(known.fast.mean(FAST), known.slow.mean(SLOW))
    upper, middle, lower = _bands(known.closes)
    return {
        "close": known.closes[-1],
        "sma_20": middle,
        "ema_20": known.mean.mean(MEAN_LENGTH),
        "rsi_14": _relative_strength_index(known.gain.mean(WILDER_LENGTH), known.loss.mean(WILDER_LENGTH)),
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": _difference(macd, signal),
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "atr_14": known.true_range.mean(WILDER_LENGTH),
    }


def _exponential(mean: Smoothed, value: float, length: int) -> Smoothed:
    return mean.then(value, length, 2.0 / (length + 1))


def _wilder(mean: Smoothed, value: float) -> Smoothed:
    return mean.then(value, WILDER_LENGTH, 1.0 / WILDER_LENGTH)


def _difference(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _relative_strength_index(gain: float | None, loss: float | None) -> float | None:
    if gain is None or loss is None or gain + loss == 0.0:
        return None
    return 100.0 * gain / (gain + loss)


def _bands(closes: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Upper, middle and lower Bollinger band."""
    if len(closes) < MEAN_LENGTH:
        return None, None, None
    middle = math.fsum(closes) / MEAN_LENGTH
    deviation = math.sqrt(math.fsum((close - middle) ** 2 for close in closes) / MEAN_LENGTH)
    return middle + BAND_DEVIATIONS * deviation, middle, middle - BAND_DEVIATIONS * deviation
