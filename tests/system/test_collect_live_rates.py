"""USD per won, from the Korean prices of USDT that the exchanges sent, and from a bank."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

import pytest

from src.broker.cluster import Cluster
from src.collect.parsed import Channel, Pair
from src.schema.records import Ticker
from tests.collect.dialects.server import LocalExchange
from tests.collect.local_servers import Answer, http_served
from tests.system.local_exchanges import ALL, served, started, step
from tests.system.seen import Seen

pytestmark = pytest.mark.broker
BTC, USDT = Pair("BTC", "KRW"), Pair("USDT", "KRW")
WON = {"rates": {"KRW": 1400.0}}


def test_won_convert_by_the_median_of_the_korean_prices_and_by_the_bank(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with (
            LocalExchange(ALL["upbit"], [USDT, BTC], seed=1) as upbit,
            LocalExchange(ALL["bithumb"], [USDT, BTC], seed=2) as bithumb,
            LocalExchange(ALL["korbit"], [USDT, BTC], seed=3) as korbit,
            http_served(lambda _: Answer(WON)) as bank,
        ):
            places = {"upbit": upbit, "bithumb": bithumb, "korbit": korbit}
            settings = {"bank_rate_urls": bank, "symbols": "BTC", "rate_max_age_seconds": "4"}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "ticker", places=places, settings=settings) as process:
                await served(places, [Channel.TICKER])
                await step(places, 3)
                # A ticker has the price of the last trade.
                prices = {market: venue.trades[USDT][-1].price for market, venue in places.items()}
                await seen.until(process, lambda seen: all(of(seen, market, venue) for market, venue in places.items()))
                await seen.meanwhile(process, {"upbit": upbit}, lambda seen: len(of(seen, "upbit", upbit)) > 0 and is_by_bank(seen))
                last = of(seen, "upbit", upbit)[-1]
                prices["upbit"] = price_when(upbit, last)
                assert last.usd_rate == 1 / median(price for price in prices.values() if price)
                assert (last.rate_source, last.bank_usd_rate, last.bank_rate_source) == ("krw_usdt_median", 1 / 1400.0, "127.0.0.1")
                assert await process.stop() == 0
        seen.close()

    asyncio.run(run())


def test_without_a_fresh_price_there_is_no_rate(broker: Cluster, tmp_path: Path) -> None:
    """The price of USDT comes from one exchange alone; when it falls silent the other's records have none."""

    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with LocalExchange(ALL["upbit"], [BTC], seed=1) as upbit, LocalExchange(ALL["bithumb"], [USDT, BTC], seed=2) as bithumb:
            places = {"upbit": upbit, "bithumb": bithumb}
            settings = {"symbols": "BTC", "rate_max_age_seconds": "1"}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "ticker", places=places, settings=settings) as process:
                await served(places, [Channel.TICKER])
                await step({"bithumb": bithumb}, 2)
                await seen.until(process, lambda seen: any(ticker.usd_rate for ticker in of(seen, "bithumb", bithumb)))
                known = {ticker.usd_rate for ticker in of(seen, "bithumb", bithumb)}
                price = bithumb.trades[USDT][-1].price
                assert price is not None
                assert 1 / price in known
                await seen.meanwhile(
                    process, {"upbit": upbit}, lambda seen: of(seen, "upbit", upbit)[-1:] != [] and is_unknown(of(seen, "upbit", upbit)[-1])
                )
                assert await process.stop() == 0
            assert of(seen, "upbit", upbit)[-1].bank_usd_rate is None
        seen.close()

    asyncio.run(run())


def of(seen: Seen, market: str, venue: LocalExchange) -> list[Ticker]:
    """The tickers of a market since it first had a trade."""
    return [
        ticker for ticker in seen.tickers if ticker.market == market and venue.trades[BTC] and ticker.event_time >= venue.trades[BTC][0].event_time
    ]


def is_by_bank(seen: Seen) -> bool:
    upbit = [ticker for ticker in seen.tickers if ticker.market == "upbit"]
    return upbit[-1].bank_usd_rate is not None and upbit[-1].usd_rate is not None


def is_unknown(ticker: Ticker) -> bool:
    return ticker.usd_rate is None and ticker.rate_source is None


def price_when(venue: LocalExchange, ticker: Ticker) -> float | None:
    """The price of USDT in the same step as a ticker of BTC: trades, books and tickers of a step come together."""
    place = next(
        place for place, trade in enumerate(venue.trades[BTC]) if trade.price == ticker.price and trade.event_time >= ticker.event_time - 1000
    )
    return venue.trades[USDT][place].price
