"""Generated trades, with the awkward ones in: late, equal times, out of order, other instruments and quotes, missing values, lost ids, gap marks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import msgspec

from src.preprocess.gap_marks import spread_gap_mark
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade
from tests.equality import plain_rows

VENUES = (
    ("upbit", Region.KOREA, "KRW", Instrument.SPOT),
    ("okx", Region.ASIA, "USDT", Instrument.SPOT),
    ("binance", Region.NORTH_AMERICA_EUROPE, "USDT", Instrument.SPOT),
    ("binance", Region.NORTH_AMERICA_EUROPE, "USDC", Instrument.SPOT),
    ("binance_futures", Region.NORTH_AMERICA_EUROPE, "USDT", Instrument.PERPETUAL),
    ("kraken", Region.NORTH_AMERICA_EUROPE, "USD", Instrument.SPOT),
)
"""Ids: only unique at Upbit, consecutive at Binance, rising elsewhere."""
START_MS = 1_790_000_010_000
_RATES = {"KRW": 1 / 1450, "USDT": 1.0, "USD": 0.999}


def trades(seed: int, count: int, *, span_ms: int = 420_000, symbols: tuple[str, ...] = ("BTC", "ETH")) -> list[Trade]:
    """`count` records in arrival order over `span_ms`; about one in ten is awkward in some way. All values are exact in JSON."""
    rng = random.Random(seed)
    ids = {(venue, symbol): rng.randrange(10**9, 10**17) for venue in VENUES for symbol in symbols}
    found = []
    # Times on a coarse grid, so that many are equal.
    for event_time in sorted(START_MS + rng.randrange(0, span_ms, 250) for _ in range(count)):
        venue, symbol = rng.choice(VENUES), rng.choice(symbols)
        market, region, quote, instrument = venue
        ids[venue, symbol] += 1 if rng.random() > 0.01 else 3
        delay = rng.choice([20, 50, 250, 250, 1_000, 20_000, 59_999, 60_000, 60_001])
        rate = _RATES.get(quote)
        trade = Trade(
            region=region,
            market=market,
            symbol=symbol,
            quote=quote,
            instrument=instrument,
            source=Source.SIMULATED if rng.random() > 0.2 else Source.REPLAY,
            event_time=event_time,
            received_time=event_time + delay,
            usd_rate=rate if rng.random() > 0.05 else None,
            rate_source="generated",
            backfilled=rng.random() < 0.05,
            trade_id=str(ids[venue, symbol]) if rng.random() > 0.02 else None,
            price=round(rng.gauss(65_000, 30), 1) / (rate or 1.0) if rng.random() > 0.02 else None,
            size=round(rng.paretovariate(0.7) * 0.001, 5) if rng.random() > 0.02 else None,
            side=rng.choice(list(Side)) if rng.random() > 0.02 else None,
        )
        found.append(trade if rng.random() > 0.01 else gap_mark(trade, event_time - rng.choice([0, 400, 30_000, 150_000])))
    return sorted(found, key=lambda trade: (trade.received_time, rng.random()))


def aggregate_messages(seed: int, count: int, *, span_ms: int = 120_000) -> list[RawMessage]:
    """`count` payloads of `binance-aggtrade` in arrival order, some of them marks that others are missing."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        symbol = rng.choice(("BTCUSDT", "1000SHIBUSDT", "ETHUSDC"))
        time = START_MS + number * span_ms // count
        price, size = f"{rng.uniform(1, 100):.4f}", f"{rng.uniform(0.001, 9):.3f}"
        payload = {
            "e": "aggTrade",
            "E": time + 3,
            "a": 10**12 + number,
            "s": symbol,
            "p": price,
            "q": size,
            "f": 1,
            "l": 2,
            "T": time,
            "m": rng.random() < 0.5,
        }
        is_mark = rng.random() < 0.05
        found.append(
            RawMessage(
                symbol=symbol,
                stream=f"{symbol.lower()}@aggTrade",
                data=msgspec.Raw(b"null" if is_mark else msgspec.json.encode(payload)),
                ts=time + rng.choice([20, 250, 60_001]),
                market="binance_futures",
                source=Source.REPLAY,
                gap_since=time - rng.choice([500, 90_000]) if is_mark else None,
            )
        )
    return sorted(found, key=lambda message: message.ts)


def gap_mark(trade: Trade, gap_since: int) -> Trade:
    """The mark that trades between `gap_since` and that trade may be missing."""
    return msgspec.structs.replace(trade, trade_id=None, price=None, size=None, side=None, backfilled=True, gap_since=gap_since)


def trade_rows(records: Iterable[Trade], organization: SparkCoinAverageQueryOrganization) -> list[dict[str, Any]]:
    """Records as the oracle reads them, marks cut at the minutes."""
    return plain_rows((part for each in records for part in spread_gap_mark(each)), organization)
