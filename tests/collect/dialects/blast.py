"""A local exchange in a process of its own that sends frames as fast as they are read, for benchmarks.

    python -m tests.collect.dialects.blast MARKET CHANNEL PORT [--pairs N] [--frames N] [--endless] [--seed N]

It makes the frames first, then prints `listening PORT COUNT` on a line. It lists and serves `blast_pairs`. When all N of them are subscribed to, by
one socket or several, each socket gets the frames of its pairs, once and in order: trades with ids of their own, books whose changes follow the
snapshot that the subscription (or REST) gave. With --endless, frames that are made on the way follow. It prints `sent COUNT`, and ends when the last
client has gone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import string
import sys
from collections.abc import Iterator, Sequence

from src.collect.exchange import Exchange
from src.collect.exchanges import exchange
from src.collect.parsed import BookUpdate, Channel, Pair
from src.schema.records import Ticker, Trade
from tests.collect.dialects.client_socket import ClientSocket
from tests.collect.dialects.dialect import Dialect
from tests.collect.dialects.faults import now
from tests.collect.dialects.found import dialects
from tests.collect.dialects.market import MadeUpMarket
from tests.collect.dialects.server import LocalExchange

CHUNK = 500
"""Frames that are written at once."""
_COINS = ("BTC", "ETH", "XRP", "SOL", "BNB", "DOGE", "ADA", "TRX", "AVAX")
_SHORT, _LONG = 125, 65_535

Framed = tuple[Pair, bytes]
"""A message of a pair, as the bytes of a websocket frame."""


def blast_pairs(market: Exchange, count: int) -> list[Pair]:
    """That many pairs in the market's first quote currency, well-known coins first, and the pair of its USD rate where it has one."""
    names = itertools.chain(_COINS, (f"Z{first}{second}" for first, second in itertools.product(string.ascii_uppercase, repeat=2)))
    pairs = [Pair(name, market.quotes[0]) for name in itertools.islice(names, count)]
    return pairs if market.rate_pair is None or market.rate_pair in pairs else [*pairs, market.rate_pair]


def chunks(dialect: Dialect, channel: Channel, pairs: Sequence[Pair], seed: int) -> Iterator[list[Framed]]:
    """Frames without end, of one pair after the other. The markets are twins of those that a `LocalExchange` of the same seed begins with."""
    markets = [
        MadeUpMarket(dialect.exchange, pair, seed=seed, clock=now, trade_id=dialect.trade_id, distinct_times=False)
        for pair in pairs
    ]  # fmt: skip
    turns = itertools.cycle(markets)
    while True:
        yield [(market.pair, framed(dialect.exchange.simulate(_said(market, channel)))) for market in itertools.islice(turns, CHUNK)]
        for market in markets:
            del market.trades[:-1]


def framed(message: str | bytes) -> bytes:
    """The bytes of one frame from a server: text or binary, final, not masked."""
    opcode, payload = (0x81, message.encode()) if isinstance(message, str) else (0x82, message)
    size = len(payload)
    if size <= _SHORT:
        return bytes((opcode, size)) + payload
    if size <= _LONG:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload


async def send(venue: LocalExchange, channel: Channel, pairs: Sequence[Pair], made: Iterator[list[Framed]]) -> int:
    """Send each subscribed socket its frames, as fast as it reads; how many were sent. Ends early when no socket is left."""
    wanted = {(channel, pair) for pair in pairs}
    await venue.until(lambda: wanted <= {subscription for socket in venue.sockets for subscription in socket.subscriptions})
    sockets = [(socket, {pair for kind, pair in socket.subscriptions if kind is channel}) for socket in venue.sockets]
    sent = 0
    for chunk in made:
        for socket, mine in sockets:
            sent += await _write(socket, [frame for pair, frame in chunk if pair in mine])
        if not venue.sockets:
            break
    return sent


async def _write(socket: ClientSocket, frames: Sequence[bytes]) -> int:
    if not frames or socket.connection.transport.is_closing():
        await asyncio.sleep(0)
        return 0
    socket.connection.transport.write(b"".join(frames))
    await socket.connection.drain()
    await asyncio.sleep(0)  # pings of the client are answered in between
    return len(frames)


def _said(market: MadeUpMarket, channel: Channel) -> Ticker | Trade | BookUpdate:
    match channel:
        case Channel.TICKER:
            return market.ticker()
        case Channel.TRADE:
            return market.trade()
        case Channel.ORDERBOOK:
            return market.publish()


async def _run(arguments: argparse.Namespace) -> None:
    dialect = dialects()[arguments.market]
    channel = Channel(arguments.channel)
    pairs = blast_pairs(exchange(arguments.market), arguments.pairs)
    making = chunks(dialect, channel, pairs, arguments.seed)
    made = list(itertools.islice(making, -(-arguments.frames // CHUNK)))
    async with LocalExchange(dialect, pairs, seed=arguments.seed, port=arguments.port) as venue:
        _tell(f"listening {venue.port} {sum(map(len, made))}")
        sent = await send(venue, channel, pairs[: arguments.pairs], itertools.chain(made, making) if arguments.endless else iter(made))
        _tell(f"sent {sent}")
        await venue.until(lambda: not venue.sockets)


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run until the last client has gone."""
    parser = argparse.ArgumentParser(description="a local exchange that sends frames as fast as they are read")
    parser.add_argument("market", choices=[*dialects()])
    parser.add_argument("channel", choices=[*Channel])
    parser.add_argument("port", type=int, help="on 127.0.0.1; 0 for a free one")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--frames", type=int, default=200_000, help="how many are made before it listens")
    parser.add_argument("--endless", action="store_true", help="go on with frames made on the way")
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
