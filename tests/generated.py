"""Generated ticker records, with the awkward ones in: late, equal times, out of order, other instruments and quotes, missing values."""

from __future__ import annotations

import random

from src.schema.records import Instrument, Region, Source, Ticker

VENUES = (
    ("upbit", Region.KOREA, "KRW"),
    ("bithumb", Region.KOREA, "KRW"),
    ("okx", Region.ASIA, "USDT"),
    ("bybit", Region.ASIA, "USDT"),
    ("binance", Region.NORTH_AMERICA_EUROPE, "USDT"),
    ("kraken", Region.NORTH_AMERICA_EUROPE, "USD"),
)
START_MS = 1_790_000_010_000


def tickers(seed: int, count: int, *, span_ms: int = 420_000, symbols: tuple[str, ...] = ("BTC", "ETH")) -> list[Ticker]:
    """`count` records in arrival order over `span_ms`; about one in ten is awkward in some way. All values are exact in JSON."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        market, region, quote = rng.choice(VENUES)
        # Times on a coarse grid, so that many are equal.
        event_time = START_MS + rng.randrange(0, span_ms, 250)
        delay = rng.choice([20, 50, 250, 250, 1_000, 20_000, 59_999, 60_000, 60_001, 90_000])
        rate = 1 / 1450 if quote == "KRW" else 1.0
        korean = market in {"upbit", "bithumb"}
        found.append(
            Ticker(
                region=region,
                market=market,
                symbol=rng.choice(symbols),
                quote=quote if rng.random() > 0.05 else "BTC",
                instrument=Instrument.SPOT if rng.random() > 0.05 else Instrument.PERPETUAL,
                source=Source.SIMULATED if rng.random() > 0.2 else Source.REPLAY,
                event_time=event_time,
                received_time=event_time + delay,
                usd_rate=rate if rng.random() > 0.1 else None,
                rate_source="generated" if rng.random() > 0.1 else None,
                # By the time and not by chance, which would move all that comes after.
                bank_usd_rate=1 / 1_420 if quote == "KRW" and event_time % 1_000 else None,
                backfilled=rng.random() < 0.05,
                price=round(rng.gauss(65_000, 900), 1) / (1 if rate == 1.0 else rate) if rng.random() > 0.05 else None,
                volume_24h=round(rng.uniform(900, 1_000), 3) if rng.random() > 0.1 else None,
                traded_volume=round(rng.expovariate(3), 4) if korean and rng.random() > 0.02 else None,
            )
        )
    return sorted(found, key=lambda ticker: (ticker.received_time, rng.random()))
