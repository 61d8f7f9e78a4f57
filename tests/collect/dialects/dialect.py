"""How one venue's server talks: what it answers to what a client sends. The local test server does the rest, the same for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from src.collect.exchange import Exchange
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Pair
from src.schema.records import Trade


class Asking(StrEnum):
    """What a REST request is for."""

    LISTINGS = "listings"
    BOOK = "book"
    TRADES = "trades"


@dataclass(frozen=True)
class Answer:
    """What the server does about one message of the client."""

    replies: Sequence[str | bytes] = ()
    """Sent at once, in order: acknowledgements, pongs, refusals."""
    subscribed: Sequence[tuple[Channel, Pair]] = ()
    unsubscribed: Sequence[tuple[Channel, Pair]] = ()
    replaces: bool = False
    """Everything subscribed to before on this socket is forgotten first (Upbit, Bithumb)."""
    closes: bool = False
    """The server closes the socket after the replies."""


class Dialect(ABC):
    """One venue's server. It holds no state: the test server knows what is subscribed to and makes the market data by `Exchange.simulate`."""

    market: ClassVar[str]

    @property
    def exchange(self) -> Exchange:
        """The venue's client side."""
        return exchange(self.market)

    def greeting(self) -> Sequence[str | bytes]:
        """What the server says when a socket opens."""
        return ()

    @abstractmethod
    def answer(self, message: str) -> Answer:
        """What the real server does about a text message: as its documentation and the probes say, wrong requests and unknown pairs included."""

    @abstractmethod
    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        """What a REST path with its query asks for. Raises ValueError for a path that the venue does not have."""

    @abstractmethod
    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        """The body that lists these pairs; `halted` are listed but not traded."""

    @abstractmethod
    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        """The body of the answer to `path` when these are the pair's latest trades, oldest first; cut to what the path asks for."""

    def trade_id(self, number: int) -> str:
        """The id of the venue's trade of that number of a pair, from 1."""
        return str(10_000_000 + number)


def query_of(path: str) -> dict[str, str]:
    """The query of a path, each name once."""
    return dict(part.partition("=")[::2] for part in urlsplit(path).query.split("&") if part)
