"""What a collector is asked to do, as its command line says it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from src.collect.exchange import Channel


class SourceChoice(StrEnum):
    """Values of `--source`."""

    LIVE = "live"
    REPLAY = "replay"
    SIMULATE = "simulate"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """The options of `coin_spark.py collect`. What is None is left to the settings.

    A job starts a collector as a child by `command`: a session of its own, and KAFKA_BOOTSTRAP_SERVERS in its environment.
    """

    channels: tuple[Channel, ...] = (Channel.TICKER,)
    source: SourceChoice | None = None
    """None: live, and simulated data where no exchange can be reached and `may_simulate`."""
    files: tuple[str, ...] = ()
    """Recordings to replay, each FILE or market=FILE."""
    speed: float = 1.0
    loop: bool = False
    start_at: datetime | None = None
    symbols: tuple[str, ...] | None = None
    """Base coins; None: the settings' for live and simulated data, all for a replay."""
    markets: tuple[str, ...] | None = None
    home: Path | None = None
    parent: int | None = None
    """Process to live with: when it is gone the collector stops in order. It finishes a replay's run, by `finish_run`, not the collector."""
    may_simulate: bool | None = None
    """None: where neither a database nor a Kafka nor a ClickHouse of the user's is set."""
    json: bool = False

    def arguments(self) -> list[str]:
        """These options as words after `collect`; reading them gives equal options."""
        words = ["--channels", ",".join(self.channels)]
        valued = {
            "--source": self.source.value if self.source else None,
            "--speed": None if self.speed == 1.0 else repr(self.speed),
            "--start-at": self.start_at.isoformat() if self.start_at else None,
            "--symbols": ",".join(self.symbols) if self.symbols is not None else None,
            "--markets": ",".join(self.markets) if self.markets is not None else None,
            "--home": str(self.home) if self.home else None,
            "--with-parent": str(self.parent) if self.parent is not None else None,
        }
        words += [word for name, value in valued.items() if value is not None for word in (name, value)]
        if self.may_simulate is not None:
            words.append("--may-simulate" if self.may_simulate else "--no-may-simulate")
        words += [flag for flag, given in (("--loop", self.loop), ("--json", self.json)) if given]
        # After "--" a file whose name begins with a dash is still a file.
        return [*words, "--", *self.files] if self.files else words

    def command(self) -> list[str]:
        """The whole command line that runs a collector with these options."""
        return [sys.executable, str(Path(__file__).resolve().parents[2] / "coin_spark.py"), "collect", *self.arguments()]
