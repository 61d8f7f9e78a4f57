"""What one exchange is: where its sockets are, how to subscribe, and how to read its frames. One subclass, one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import msgspec

from src.schema.records import Region, Source, Ticker


class Channel(StrEnum):
    """A kind of market data. It names the command that uses it and the topics that carry it."""

    TICKER = "ticker"


@dataclass(frozen=True, slots=True)
class Pair:
    """A spot pair: base coin and quote currency, both upper case."""

    symbol: str
    quote: str


class Frame(msgspec.Struct, frozen=True):
    """One message of an exchange's socket, exactly as it came, live, recorded or simulated."""

    market: str
    source: Source
    received_time: int
    """ms since 1970 UTC."""
    message: str | bytes


class ControlKind(StrEnum):
    """What a frame without market data says."""

    ACKNOWLEDGED = "acknowledged"
    HEARTBEAT = "heartbeat"
    REFUSED = "refused"
    NOTICE = "notice"


class Control(msgspec.Struct, frozen=True):
    """A frame that carries no record: an acknowledgement, a heartbeat, a refusal, a notice of maintenance."""

    kind: ControlKind
    text: str
    """What a person should read; for a refusal, the exchange's own words."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How the client keeps an idle socket open: `message` as a text frame, or a protocol ping when it is None."""

    every_seconds: float
    message: str | None = None


class Exchange(ABC):
    """One venue. To add one: subclass in a file of its own under `src/collect/exchanges/`; it is found there by itself.

    Instances hold no state and do no IO: the same frame always yields the same records, so that live sockets, recorded
    files and the simulator all go through this code. `Ticker.usd_rate`, `rate_source` and `traded_volume` are left null here; the
    collector fills them in.
    """

    name: ClassVar[str]
    """The market's name in every record, setting and table: lower case."""
    region: ClassVar[Region]
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]]
    """Public websocket addresses by channel; the first is tried first."""
    quotes: ClassVar[tuple[str, ...]]
    """Quote currencies of its spot market that metrics may use; the first is the default, settings may choose another."""
    rate_pair: ClassVar[Pair | None] = None
    """The pair whose price gives the USD rate of this venue's quote (KRW-USDT, USDT/USD); always subscribed to."""
    keep_alive: ClassVar[KeepAlive | None] = None
    pairs_per_connection: ClassVar[int] = 100

    @abstractmethod
    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """The text frames to send, in order, right after the socket opens. Called again after every reconnect."""

    @abstractmethod
    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """The records or control messages of one frame, in the frame's order; an empty sequence for a frame that says nothing.

        Pure. Raises `MalformedFrame`, and nothing else whatever the frame holds, for anything it does not know: the frame is
        counted, goes to the dead letters, and the socket goes on.
        """

    @abstractmethod
    def simulate(self, ticker: Ticker) -> str | bytes:
        """The frame in which this exchange would say `ticker`; `parse` of it gives back every field that the exchange sends.

        Used by the simulator and by the round-trip tests. Fields that the exchange does not send are left out.
        """
