"""This machine's clock beside others: those of the exchanges, which all answers over HTTP tell, else that of the database's server.

Records are judged by it: an event that is ahead of its reception by more than COINSPARK_CLOCK_AHEAD_SECONDS is a dead letter, and one that
is far behind is late. The times in Kafka say nothing here, as it is the collectors' own clock that writes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median

import httpx
import sqlalchemy as sa

from src.collect.exchanges import exchanges_named
from src.collect.proxy import chosen_proxy, is_loopback
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well
from src.errors import CoinSparkError
from src.storage.sql_engine import create_engine, parsed

LARGEST_SECONDS = 2.0
"""HTTP tells whole seconds."""
_ANSWER_SECONDS = 3.0
_PRECISE_SECONDS = 1.0
"""An answer that took longer says too little."""
_STATEMENTS = {
    "mysql": "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) AS DOUBLE)",
    "postgresql": "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)",
}


def check_clock(settings: Settings) -> Iterator[Finding]:
    """How far this clock is ahead of others; well, and said so, when there are none to compare with."""
    leads, others = _exchanges_leads(settings), "exchanges"
    if not leads:
        leads, others = _database_lead(settings), "database server"
    if not leads:
        yield well("clock", f"it is {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC here; no other clock can be reached to compare it with")
        return
    lead = median(leads)
    beside = f"the median of {len(leads)} {others}" if others == "exchanges" else f"the {others}"
    text = f"{abs(lead):.1f} s {'ahead of' if lead >= 0 else 'behind'} {beside}"
    if abs(lead) > LARGEST_SECONDS:
        yield unwell("clock", f"this machine's clock is {text}: set it, and keep it set by NTP (`timedatectl set-ntp true`)")
    else:
        yield well("clock", text)


def _exchanges_leads(settings: Settings) -> list[float]:
    """Seconds that this clock is ahead of each exchange that answers."""
    given = settings.rest_urls
    urls = [
        base
        for name, exchange in exchanges_named(settings.markets).items()
        for base in ([given[name]] if name in given else exchange.rest_urls[:1])
        if base
    ]
    proxy = chosen_proxy(settings)
    with ThreadPoolExecutor(max_workers=max(1, len(urls))) as pool:
        return [lead for lead in pool.map(lambda url: _lead(url, proxy), urls) if lead is not None]


def _lead(url: str, proxy: str | None) -> float | None:
    direct = is_loopback(url)
    try:
        with httpx.Client(proxy=None if direct else proxy, trust_env=not direct, timeout=_ANSWER_SECONDS) as client:
            began, moment = time.monotonic(), time.time()
            answer = client.head(url)
            took = time.monotonic() - began
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError, TypeError):
        return None
    # It tells the second that it is in: half a second more, on the average.
    return moment + took / 2 - (told + 0.5) if took <= _PRECISE_SECONDS else None


def _database_lead(settings: Settings) -> list[float]:
    """The same of a database's server; of none that is a file, or does not answer (its own check says that)."""
    try:
        statement = _STATEMENTS.get(parsed(settings.database_address).get_backend_name())
        if statement is None:
            return []
        engine = create_engine(settings.database_address, answer_seconds=round(_ANSWER_SECONDS))
    except CoinSparkError:
        return []
    try:
        return [_asked(engine, statement)]
    except Exception:  # noqa: BLE001  (drivers raise errors of any type; this clock is one of several)
        return []
    finally:
        engine.dispose()


def _asked(engine: sa.Engine, statement: str) -> float:
    with engine.connect() as connection:
        before = time.time()
        told = float(connection.execute(sa.text(statement)).scalar_one())
        return (before + time.time()) / 2 - told
