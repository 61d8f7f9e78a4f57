"""Generated order books and depth payloads, with the awkward ones in, and any of them as the oracle reads them."""

from __future__ import annotations

import random

import msgspec

from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import Instrument, Level, OrderBook, RawMessage, Record, Source
from tests.generated import START_MS, VENUES

DEPTH_SYMBOLS = ("BTCUSDT", "1000SHIBUSDT", "ETHUSDC", "BTCUSDT_261225")


def books(seed: int, count: int, *, span_ms: int = 130_000, symbols: tuple[str, ...] = ("BTC", "ETH")) -> list[OrderBook]:
    """`count` books in arrival order over `span_ms`. All values are exact in JSON.

    About one in four is awkward: invalid, crossed, without one side or both, thin, late, at equal times, of another quote or instrument,
    without a rate, much deeper than the rest, or backfilled.
    """
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        market, region, quote = rng.choice(VENUES)
        event_time = START_MS + rng.randrange(0, span_ms, 250)
        rate = 1 / 1450 if quote == "KRW" else 1.0
        bids, asks = _levels(rng, rate)
        valid = rng.random() > 0.05
        found.append(
            OrderBook(
                region=region,
                market=market,
                symbol=rng.choice(symbols),
                quote=quote if rng.random() > 0.05 else "BTC",
                instrument=Instrument.SPOT if rng.random() > 0.05 else Instrument.PERPETUAL,
                source=Source.SIMULATED if rng.random() > 0.2 else Source.REPLAY,
                event_time=event_time,
                received_time=event_time + rng.choice([20, 50, 250, 250, 1_000, 20_000, 59_999, 60_000, 60_001, 90_000]),
                usd_rate=rate if rng.random() > 0.05 else None,
                rate_source="generated",
                backfilled=rng.random() < 0.05,
                bids=bids if valid else (),
                asks=asks if valid else (),
                valid=valid,
            )
        )
    return sorted(found, key=lambda book: (book.received_time, rng.random()))


def depth_messages(seed: int, count: int, *, span_ms: int = 30_000) -> list[RawMessage]:
    """`count` payloads of `binance-depth` in arrival order, some of them marks that others are missing."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        symbol = rng.choice(DEPTH_SYMBOLS)
        time = START_MS + rng.randrange(0, span_ms, 100)
        sides = {
            side: [[f"{rng.uniform(1, 100):.4f}", f"{rng.choice([0, rng.uniform(0, 9)]):.3f}"] for _ in range(rng.randrange(20))] for side in "ba"
        }
        payload = {"e": "depthUpdate", "E": time + 3, "T": time, "s": symbol, "U": number + 1, "u": number + 1, "pu": number, **sides}
        is_mark = rng.random() < 0.05
        found.append(
            RawMessage(
                symbol=symbol,
                stream=f"{symbol.lower()}@depth@100ms",
                data=msgspec.Raw(b"null" if is_mark else msgspec.json.encode(payload)),
                ts=time + rng.choice([20, 250, 60_001]),
                market="binance_futures",
                source=Source.REPLAY,
                gap_since=time - 500 if is_mark else None,
            )
        )
    return sorted(found, key=lambda message: message.ts)


def book_kinds(organization: OrderbookQueryOrganization) -> dict[str, Kind]:
    """The plain columns of such rows."""
    kinds = record_kinds(Record) | {"valid": Kind.BOOLEAN, "late": Kind.BOOLEAN, "problem": Kind.STRING}
    for family in organization.computed():
        kinds |= family.kinds
    for name, expression in organization.coin_main_columns().items():
        kinds[name] = expression.kind(kinds)
    return kinds


def _levels(rng: random.Random, rate: float) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    mid, depth = rng.gauss(65_000, 90) / rate, rng.choice([1, 5, 10, 10, 10, 10, 60])
    step = mid * rng.choice([0.00002, 0.0002, 0.002])
    size = rng.choice([0.001, 0.3, 3.0])
    # Crossed where the sides begin beyond the middle; best first all the same.
    first = 1 if rng.random() > 0.05 else -1
    bids, asks = (
        [(round(mid + sign * step * place, 2), round(rng.expovariate(1 / size), 4)) for place in range(first, first + depth)] for sign in (-1, 1)
    )
    return tuple(bids) if rng.random() > 0.05 else (), tuple(asks) if rng.random() > 0.05 else ()
