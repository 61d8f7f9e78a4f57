"""Local servers for the tests of the live source: websockets, HTTP, and proxies that lead to them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

LOOPBACK = "127.0.0.1"
Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def served(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """A websocket server; its address."""
    async with serve(handler, LOOPBACK, 0, **options) as server:
        yield f"ws://{LOOPBACK}:{_port(server)}"


@dataclass(frozen=True)
class Answer:
    """What an HTTP server says to a request."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def http_served(answer: Callable[[str], Answer]) -> AsyncIterator[str]:
    """An HTTP server that answers each path (with its query); its address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                said = answer(head.split(" ")[1])
                body = json.dumps(said.body).encode()
                lines = [f"HTTP/1.1 {said.status} said", f"Content-Length: {len(body)}", *(f"{key}: {value}" for key, value in said.headers.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        finally:
            writer.close()

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        yield f"http://{LOOPBACK}:{_port(server)}"


@dataclass
class Proxy:
    """A running proxy: where it is, and what it was asked for."""

    address: str
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def http_proxy(target: str, user: str | None = None) -> AsyncIterator[Proxy]:
    """An HTTP proxy that leads everything to the port of `target`; `user` is the `name:password` it wants."""
    proxy = Proxy("")
    wanted = None if user is None else f"Basic {base64.b64encode(user.encode()).decode()}"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await _head(reader)
        proxy.asked.append(head.split("\r\n")[0])
        if wanted is not None and wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
        elif head.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _lead(reader, writer, target)
        else:
            await _lead(reader, writer, target, head.encode())

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        proxy.address = f"{LOOPBACK}:{_port(server)}"
        yield proxy


@asynccontextmanager
async def socks_proxy(target: str, user: str) -> AsyncIterator[Proxy]:
    """A SOCKS5 proxy that wants `name:password` and leads everything to the port of `target`."""
    proxy = Proxy("")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(b"\x05\x02")
        await reader.readexactly(1)
        name = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x01\x00" if f"{name.decode()}:{password.decode()}" == user else b"\x01\x01")
        *_, kind = await reader.readexactly(4)
        host = await reader.readexactly(4 if kind == 1 else (await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2), "big")
        proxy.asked.append(f"{'.'.join(map(str, host)) if kind == 1 else host.decode()}:{port}")
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _lead(reader, writer, target)

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        proxy.address = f"{LOOPBACK}:{_port(server)}"
        yield proxy


async def _lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, first: bytes = b"") -> None:
    there, back = await asyncio.open_connection(LOOPBACK, int(target.rsplit(":", 1)[1]))
    back.write(first)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        finally:
            sink.close()

    await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""


def _port(server: Any) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
