"""The real collector between local exchanges, which speak the venues' dialects, and the real broker: how it is run, and what it left on Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from src.collect.exchange import Exchange
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Pair
from tests.collect.dialects.faults import Faults
from tests.collect.dialects.found import dialects
from tests.collect.dialects.server import LocalExchange
from tests.servers import ROOT

ALL = dialects()
EVERY_MARKET = tuple(ALL)
SYMBOLS = ("BTC", "ETH")
PATIENCE = 90.0
Venues = Mapping[str, LocalExchange]
# What takes a day, or a minute, is no setting: a test that cannot wait so long sets it in the process itself.
_PROGRAM = """
import dataclasses, json, os
from importlib import import_module
from src.collect.exchanges import EXCHANGES
for place, value in json.loads(os.environ["TEST_PATCHES"]).items():
    owner, name = place.rsplit(".", 1)
    if owner in EXCHANGES:
        venue = type(EXCHANGES[owner])
        if name == "urls":
            value = dict.fromkeys(venue.urls, tuple(value))
        if name == "keep_alive":
            value = dataclasses.replace(venue.keep_alive, every_seconds=value)
        setattr(venue, name, value)
    elif name == "__defaults__":
        module, function = owner.rsplit(".", 1)
        setattr(getattr(import_module(module), function), name, tuple(value))
    else:
        setattr(import_module(owner), name, value)
from src.command.app import run
run()
"""


def pairs_of(market: Exchange, symbols: Sequence[str] = SYMBOLS) -> list[Pair]:
    """The symbols in the market's own quote, and the pair of its USD rate where it has one."""
    pairs = [Pair(symbol, market.quotes[0]) for symbol in symbols]
    return pairs if market.rate_pair is None or market.rate_pair in pairs else [*pairs, market.rate_pair]


@asynccontextmanager
async def venues(
    markets: Sequence[str], symbols: Sequence[str] = SYMBOLS, faults: Callable[[str], Faults] = lambda _: Faults(), **options: Any
) -> AsyncIterator[Venues]:
    """A local exchange for each market, open until the context is left, each with faults of its own. `options` go to every one."""
    async with AsyncExitStack() as stack:
        yield {
            market: await stack.enter_async_context(LocalExchange(ALL[market], pairs_of(exchange(market), symbols), faults=faults(market), **options))
            for market in markets
        }


async def served(places: Venues, channels: Sequence[Channel] = tuple(Channel)) -> None:
    """Return when every exchange has heard every subscription."""
    async with asyncio.timeout(PATIENCE):
        for market, venue in places.items():
            wanted = {(channel, pair) for channel in channels if channel in exchange(market).urls for pair in venue.markets}
            await venue.until(lambda venue=venue, wanted=wanted: wanted <= {each for socket in venue.sockets for each in socket.subscriptions})  # type: ignore[misc]


async def step(places: Venues, count: int, pause: float = 0.0) -> None:
    """Move all markets together, so many times."""
    for _ in range(count):
        for venue in places.values():
            await venue.step()
        await asyncio.sleep(pause)


async def quiet(places: Venues) -> None:
    """One last trade and book of everything, and no more."""
    for venue in places.values():
        await venue.quiet()


def end_faults(places: Venues) -> None:
    """From now on nothing is broken on purpose."""
    for venue in places.values():
        for name in ("book_gap", "lost_trade", "duplicate", "stale_snapshot", "spoiled_checksum", "abort"):
            object.__setattr__(venue.faults, name, 0.0)  # what is drawn from the seed before stays as it was


class Process:
    """A running `coin_spark.py`."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self._process = process
        self.home = home

    @property
    def output(self) -> str:
        """All that was printed so far."""
        return (self.home / "output.txt").read_text()

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end; the exit status."""
        self._process.send_signal(number)
        return await self.end()

    async def end(self) -> int:
        """The exit status, when it has ended."""
        return await asyncio.to_thread(self._process.wait, PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def check(self) -> None:
        """It must be running."""
        assert self._process.poll() is None, self.output

    def ledger(self) -> list[Mapping[str, Any]]:
        """The rows of the table of events, times in UTC."""
        engine = sa.create_engine(f"sqlite:///{self.home / 'coin.db'}")
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(sa.text("SELECT * FROM collector_events")).mappings()]
        finally:
            engine.dispose()


@contextmanager
def started(
    home: Path,
    servers: str,
    *words: str,
    places: Venues,
    settings: Mapping[str, str] | None = None,
    patches: Mapping[str, object] | None = None,
) -> Iterator[Process]:
    """A command that sees these exchanges only, killed in the end. `patches` has values by `market.attribute` or `module.name`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COINSPARK_") and name != "DATABASE_URL"}
    environment = {
        "COINSPARK_HOME": str(home),
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "COINSPARK_MARKETS": ",".join(places),
        "COINSPARK_SYMBOLS": ",".join(SYMBOLS),
        "COINSPARK_EXCHANGE_URLS": json.dumps({market: venue.url for market, venue in places.items()}),
        "COINSPARK_REST_URLS": json.dumps({market: venue.http_url for market, venue in places.items()}),
        "COINSPARK_BANK_RATE_URLS": "",
        "COINSPARK_LOG_FORMAT": "text",
        "TEST_PATCHES": json.dumps(patches or {}),
        **{f"COINSPARK_{name.upper()}": value for name, value in (settings or {}).items()},
    }
    home.mkdir(parents=True, exist_ok=True)
    program = ["-c", _PROGRAM] if patches else [str(ROOT / "coin_spark.py")]
    with (
        (home / "output.txt").open("a") as output,
        subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=ROOT,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        try:
            yield Process(process, home)
        finally:
            process.kill()
