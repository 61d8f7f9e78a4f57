"""Contracts: Binance's own payloads on their own topics, and what is traded by the thousand told by the coin."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.collect.parsed import Channel, Pair
from src.schema.records import Instrument, Side, Source
from tests.collect.dialects.server import LocalExchange
from tests.system.local_exchanges import ALL, served, started, step
from tests.system.seen import Seen

pytestmark = pytest.mark.broker


def test_binance_contracts_go_as_they_are(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        traded = Pair("1000SHIB", "USDT")
        async with LocalExchange(ALL["binance_futures"], [traded], seed=41) as venue:
            places = {"binance_futures": venue}
            words = ("collect", "--channels", "trade,orderbook", "--symbols", "SHIB")
            with started(tmp_path, broker.bootstrap_servers, *words, places=places) as process:
                await served(places)
                await step(places, 5)
                await seen.until(process, lambda seen: len(seen.raw[BINANCE_TRADE_TOPIC]) == len(seen.raw[BINANCE_DEPTH_TOPIC]) == 5)
                assert await process.stop() == 0
            for message, trade in zip(seen.raw[BINANCE_TRADE_TOPIC], venue.trades[traded], strict=True):
                assert (message.symbol, message.stream, message.market, message.source) == (
                    "1000SHIBUSDT",
                    "1000shibusdt@aggTrade",
                    "binance_futures",
                    Source.LIVE,
                )
                payload = json.loads(bytes(message.data))
                assert (payload["e"], payload["s"], str(payload["a"])) == ("aggTrade", "1000SHIBUSDT", trade.trade_id)
                assert (float(payload["p"]), float(payload["q"])) == (trade.price, trade.size)
                assert (payload["T"], payload["m"]) == (trade.event_time, trade.side is Side.SELL)
                assert message.ts >= trade.received_time
            depths = [json.loads(bytes(message.data)) for message in seen.raw[BINANCE_DEPTH_TOPIC]]
            assert {(message.symbol, message.stream) for message in seen.raw[BINANCE_DEPTH_TOPIC]} == {("1000SHIBUSDT", "1000shibusdt@depth@100ms")}
            assert [depth["pu"] for depth in depths[1:]] == [depth["u"] for depth in depths[:-1]]
            assert (seen.trades, seen.books) == ([], [])
        seen.close()

    asyncio.run(run())


def test_what_is_traded_by_the_thousand_is_told_by_the_coin(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        traded, coin = Pair("1000PEPE", "USDT"), Pair("PEPE", "USDT")
        async with LocalExchange(ALL["bybit_linear"], [traded], seed=42) as venue:
            places = {"bybit_linear": venue}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", "--symbols", "PEPE", places=places) as process:
                await served(places, [Channel.TRADE])
                await step(places, 3)
                await seen.until(process, lambda seen: len(seen.trades) == 3)
                assert await process.stop() == 0
            for came, happened in zip(seen.trades_of("bybit_linear", coin), venue.trades[traded], strict=True):
                assert happened.price is not None
                assert happened.size is not None
                assert came.price == pytest.approx(happened.price / 1000)
                assert came.size == pytest.approx(happened.size * 1000)
                assert came.instrument is Instrument.PERPETUAL
        seen.close()

    asyncio.run(run())
