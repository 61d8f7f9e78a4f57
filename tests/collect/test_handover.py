"""One connection takes over from another."""

from __future__ import annotations

import asyncio

from src.collect.exchanges.okx import Okx
from src.collect.handover import Handover
from src.collect.parsed import BookUpdate, Channel, Frame, Pair
from src.schema.records import Source
from tests.collect.tickers import START, ticker

OKX = Okx()
BTC, ETH = Pair("BTC", "USDT"), Pair("ETH", "USDT")


def said(symbol: str, price: float = 1.0) -> Frame:
    return Frame("okx", Source.LIVE, START, OKX.simulate(ticker("okx", symbol, "USDT", price=price)))


class TestHandover:
    def test_it_is_complete_when_every_pair_has_come_by_the_new_connection(self) -> None:
        async def run() -> None:
            handover = Handover(OKX, Channel.TICKER, [BTC, ETH])
            handover.came_by_new(Frame("okx", Source.LIVE, START, '{"event":"subscribe","arg":{"channel":"tickers","instId":"ETH-USDT"}}'))
            handover.came_by_new(said("BTC"))
            assert handover.waiting == (ETH,)
            assert not handover.complete.is_set()
            handover.came_by_new(said("ETH"))
            assert handover.waiting == ()
            assert handover.complete.is_set()

        asyncio.run(run())

    def test_what_the_new_connection_has_begun_anew_the_old_one_does_not_change_any_more(self) -> None:
        async def run() -> None:
            book = Handover(OKX, Channel.ORDERBOOK, [BTC, ETH])
            update = BookUpdate(
                market="okx", symbol="BTC", quote="USDT", source=Source.LIVE, event_time=START, received_time=START, snapshot=True, last=5,
                bids=[(1.0, 1.0, "1", "1")], asks=[(2.0, 1.0, "2", "1")],
            )  # fmt: skip
            frame = Frame("okx", Source.LIVE, START, OKX.simulate(update))
            assert book.still_counts(frame)
            book.came_by_new(frame)
            assert not book.still_counts(frame)
            assert book.still_counts(said("ETH"))
            assert book.still_counts(Frame("okx", Source.LIVE, START, "no market data at all"))

        asyncio.run(run())

    def test_trades_of_both_connections_count(self) -> None:
        async def run() -> None:
            trades = Handover(OKX, Channel.TRADE, [BTC])
            trades.came_by_new(said("BTC"))
            assert trades.still_counts(said("BTC"))

        asyncio.run(run())
