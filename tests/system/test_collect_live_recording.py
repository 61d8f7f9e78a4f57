"""What `record` writes from live sockets can be read and played again, and is what a collector beside it told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.parsed import Channel
from src.schema.records import Source, Trade
from tests.system.local_exchanges import pairs_of, served, started, step, venues
from tests.system.seen import Seen

pytestmark = pytest.mark.broker
MARKETS = ("binance", "kraken")


def test_a_recording_gives_the_records_of_the_live_run(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        servers, out = broker.bootstrap_servers, tmp_path / "recording"
        async with venues(MARKETS, seed=51) as places:
            with (
                started(tmp_path / "live", servers, "collect", "--channels", "trade", places=places) as live,
                started(tmp_path / "record", servers, "record", "--channels", "trade", "--out", str(out), places=places) as recorder,
            ):
                async with asyncio.timeout(60):
                    for venue in places.values():
                        await venue.until(lambda venue=venue: len([socket for socket in venue.sockets if socket.subscriptions]) == 2)  # type: ignore[misc]
                await served(places, [Channel.TRADE])
                await step(places, 10)
                await seen.complete(live, places, books=False)
                assert await recorder.stop() == 0
                assert await live.stop() == 0
            metadata = json.loads((out / "metadata.json").read_bytes())
            assert (metadata["markets"], metadata["channels"]) == (sorted(MARKETS), ["trade"])
            for file in metadata["files"]:
                assert hashlib.sha256((out / file["path"]).read_bytes()).hexdigest() == file["sha256"]
            for market in MARKETS:
                with started(tmp_path / market, servers, "normalise", market, str(out / market / "trade.jsonl"), places={}) as normalise:
                    assert await normalise.end() == 0
                records = [msgspec.json.decode(line, type=Trade) for line in normalise.output.splitlines() if line.startswith("{")]
                for pair in pairs_of(exchange(market)):
                    assert [each.trade_id for each in records if each.symbol == pair.symbol] == [
                        each.trade_id for each in places[market].trades[pair]
                    ]
            files = [str(out / market / "trade.jsonl") for market in MARKETS]
            words = ("collect", "--source", "replay", "--speed", "inf", "--channels", "trade", *files)
            with started(tmp_path / "replay", servers, *words, places=places) as replay:
                assert await replay.end() == 0
            await seen.rest()
            for market in MARKETS:
                for pair in pairs_of(exchange(market))[:2]:
                    came = seen.trades_of(market, pair)
                    first, again = ([said(trade) for trade in came if trade.source is source] for source in (Source.LIVE, Source.REPLAY))
                    assert len(first) == 10
                    assert first == again
        seen.close()

    asyncio.run(run())


def said(trade: Trade) -> tuple[object, ...]:
    """All but the times, which a replay moves."""
    return trade.trade_id, trade.price, trade.size, trade.side, trade.instrument
