"""Status files of collectors and jobs, as they write them themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.background import in_background
from src.collect.status import CollectorStatus, MarketStatus, status_path, write_status
from src.monitoring.job_status import JobStatus, write_job_status
from src.schema.records import Source

_EVERY_SECONDS, _JOIN_SECONDS = 0.5, 10.0
LOST = "connection lost: the exchange closed it (1006)"
REFUSED = "mysql database 'coin' on 127.0.0.1:3306: Access denied for user 'coin'"


def market_status(now: int, age_ms: int | None = 400, **fields: object) -> MarketStatus:
    """A market that is well; its last frame came so long ago."""
    given: dict[str, object] = {
        "frames": 41_250, "records": 40_900, "connected": True, "frames_per_second": 37.2, "records_per_second": 36.9, "recent_delay_ms": 48.0,
        "last_frame_time": None if age_ms is None else now - age_ms,
    }  # fmt: skip
    return MarketStatus(**(given | fields))  # type: ignore[arg-type]


def collector(now: int, channels: tuple[str, ...], markets: dict[str, MarketStatus], pid: int, **fields: object) -> CollectorStatus:
    """A collector of live data that runs and wrote just now."""
    given: dict[str, object] = {
        "pid": pid, "channels": channels, "source": Source.LIVE, "state": "running", "started_time": now - 5_400_000, "updated_time": now - 300,
        "sent": 812_345, "waiting": 3, "queued": 1, "markets": markets,
    }  # fmt: skip
    return CollectorStatus(**(given | fields))  # type: ignore[arg-type]


def job(now: int, kind: str, **fields: object) -> JobStatus:
    """A job that runs, is well and wrote just now."""
    given: dict[str, object] = {
        "kind": kind, "state": "running", "started_time": now - 5_400_000, "updated_time": now - 500, "batch_id": 4_812, "batch_seconds": 0.82,
        "input_records_per_second": 412.5, "processed_records_per_second": 1_630.0, "lag_records": 96, "lag_seconds": 0.7, "state_rows": 18_204,
        "late_records": {"upbit": 2, "okx": 0}, "dead_letters": 1, "sink_failures": {"MySQL": 0}, "parked_batches": {},
    }  # fmt: skip
    return JobStatus(**(given | fields))  # type: ignore[arg-type]


def write(home: Path, *statuses: CollectorStatus | JobStatus) -> None:
    """Put them where pages look."""
    for status in statuses:
        if isinstance(status, CollectorStatus):
            write_status(status_path(home, status.pid), status)
        else:
            write_job_status(home, status)


def write_all_well(home: Path, now: int) -> None:
    """Two collectors and three jobs, all well."""
    tickers = {name: market_status(now) for name in ("upbit", "bithumb", "okx", "binance", "kraken")}
    bank = market_status(now, 300_000, connected=False, frames_per_second=0.0, recent_delay_ms=None)
    write(home, collector(now, ("ticker",), tickers | {"bank": bank}, 4_711), collector(now, ("orderbook", "trade"), dict(tickers), 4_712))
    write(home, job(now, "ticker"), job(now, "orderbook"), job(now, "trade"))


def write_troubles(home: Path, now: int) -> None:
    """Of everything that can be amiss one."""
    tickers = {
        "upbit": market_status(now, gaps=3, filled=2, reconnects=1),
        "kraken": market_status(now, 95_000, frames_per_second=0.0, stale=1),
        "okx": market_status(now, 21_000, connected=False, reconnects=7, note=LOST),
        "binance": market_status(now, None, frames=0),
    }
    write(home, collector(now, ("ticker",), tickers, 4_711))
    write(home, collector(now, ("trade",), {"upbit": market_status(now, 200_000)}, 4_712, updated_time=now - 180_000))
    write(home, collector(now, ("orderbook",), {"upbit": market_status(now, 900_000)}, 4_713, state="failed", message="Kafka does not answer"))
    write(home, job(now, "ticker", lag_records=250_000, lag_seconds=140.0, sink_failures={"MySQL": 12}, parked_batches={}))
    write(home, job(now, "orderbook", state="failed", updated_time=now - 700_000, message=REFUSED))
    write(home, job(now, "trade", parked_batches={"MySQL": 7}, message="MySQL is away: batches are parked"))


@contextmanager
def reporting(home: Path, write_all: Callable[[Path, int], None]) -> Iterator[None]:
    """For the length of the block the statuses are written anew all the time, as by processes that run."""

    def report(done: threading.Event) -> None:
        while not done.wait(_EVERY_SECONDS):
            write_all(home, round(time.time() * 1000))

    write_all(home, round(time.time() * 1000))
    with in_background("reports", report, _JOIN_SECONDS):
        yield
