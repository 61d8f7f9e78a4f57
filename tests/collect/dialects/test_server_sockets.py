"""What happens to sockets of the local exchange when it is asked for."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from src.collect.parsed import Channel
from tests.collect.dialects.client import Client
from tests.collect.dialects.faults import FaultKind, Faults
from tests.collect.dialects.following import ALL, EVERY, followed, served
from tests.collect.dialects.server import LocalExchange


@EVERY
def test_a_half_open_socket_stops_without_closing(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.TRADE)
        await venue.step(10)
        await client.until(lambda: len(client.trades) == 7)
        pong = asyncio.ensure_future(await client.socket.ping())
        await venue.step(10)
        assert not pong.done()
        assert client.closed is None
        assert len(client.trades) == 7
        assert [socket.is_half_open for socket in venue.sockets] == [True]

    venue = followed(market, Channel.TRADE, test, Faults(half_open_sockets=1, half_open_messages=7))
    assert [fault.kind for fault in venue.injected] == [FaultKind.HALF_OPEN]


@EVERY
@pytest.mark.parametrize(
    ("faults", "kind", "code"),
    [
        (Faults(idle_seconds=0.1), FaultKind.IDLE_CLOSE, 1001),
        (Faults(connection_seconds=0.1), FaultKind.CUT, 1001),
        (Faults(abort=1.0), FaultKind.ABORT, 1006),
    ],
)
def test_sockets_end_in_the_ways_asked_for(market: str, faults: Faults, kind: FaultKind, code: int) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.TRADE)
        await venue.step()
        async with asyncio.timeout(10):
            await client.socket.wait_closed()
        assert client.socket.close_code == code

    assert [fault.kind for fault in followed(market, Channel.TRADE, test, faults).injected][0] is kind  # noqa: RUF015


def test_a_ping_of_the_protocol_puts_the_idle_close_off() -> None:
    async def run() -> None:
        async with LocalExchange(ALL["okx"], [], faults=Faults(idle_seconds=0.5)) as venue, connect(venue.url, ping_interval=None) as socket:
            loop = asyncio.get_running_loop()
            start = loop.time()
            while loop.time() < start + 1.0:
                await (await socket.ping())
                await asyncio.sleep(0.01)
            assert venue.injected == []
            await socket.wait_closed()
            assert [fault.kind for fault in venue.injected] == [FaultKind.IDLE_CLOSE]

    asyncio.run(run())


@pytest.mark.parametrize("status", [451, 429])
def test_the_first_upgrades_are_refused_as_asked_for(status: int) -> None:
    async def run() -> None:
        async with LocalExchange(ALL["okx"], [], faults=Faults(refused_upgrades=2, refusal_status=status)) as venue:
            for _ in range(2):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(venue.url)
                assert refused.value.response.status_code == status
            async with connect(venue.url) as socket:
                await socket.send("ping")
                assert await socket.recv() == "pong"

    asyncio.run(run())
