"""The stores of rows: the database and its tables, and ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from src.broker.ports import accepts_connections
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well
from src.errors import CoinSparkError, ConfigurationError
from src.storage.sql_engine import create_engine, parsed, shown
from src.storage.sql_errors import translated
from src.storage.sql_tables import sql_table, table_problems

ANSWER_SECONDS = 5


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether the database answers, and whether the tables that are there can hold the metrics' rows. It is only read."""
    from src.collect.ledger import LEDGER_TABLE  # noqa: PLC0415
    from src.setting.jobs import JOBS  # noqa: PLC0415  (it loads Spark)

    address = parsed(settings.database_address)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
        yield well("database", f"{shown(address)} is not there yet: the first job makes it")
        return
    schemas = {table.name: table for table in (LEDGER_TABLE, *(table for job in JOBS for table in job(settings).tables))}
    engine = create_engine(settings.database_address, answer_seconds=ANSWER_SECONDS)
    problems: dict[str, list[str]] = {}
    try:
        with translated(engine.url, opening=True), engine.connect() as connection:
            inspector = sa.inspect(connection)
            there = set(inspector.get_table_names()) & set(schemas)
            for name in sorted(there):
                problems[name] = table_problems(inspector, sql_table(schemas[name], sa.MetaData()))
    except (CoinSparkError, sa.exc.SQLAlchemyError):
        raise
    except Exception as error:  # noqa: BLE001  (drivers let errors of any type through: struct.error, TypeError)
        raise ConfigurationError(f"{shown(engine.url)} does not answer as a database of that kind ({type(error).__name__})") from None
    finally:
        engine.dispose()
    wrong = {name: found for name, found in problems.items() if found}
    for name, found in wrong.items():
        yield unwell("database", f"table {name} in {shown(engine.url)}: {'; '.join(found)}: rename or drop it, and the job makes it anew")
    if not wrong:
        later = len(schemas) - len(problems)
        yield well("database", f"{shown(engine.url)} answers; {len(problems)} tables fit{f', {later} are made by the jobs' if later else ''}")


def check_clickhouse(settings: Settings) -> Iterator[Finding]:
    """Whether ClickHouse answers, where one is set. It is asked without user and password."""
    if settings.clickhouse_url is None:
        yield well("clickhouse", "none is set (COINSPARK_CLICKHOUSE_URL)")
        return
    url = settings.clickhouse_url.get_secret_value()
    if url == "embedded":
        runs = accepts_connections(settings.clickhouse_port)
        yield well("clickhouse", f"the embedded one {f'answers at port {settings.clickhouse_port}' if runs else 'is started by the first job'}")
        return
    place = _place(url)
    try:
        # No proxy: a store is reached directly.
        with closing(httpx.Client(trust_env=False, timeout=ANSWER_SECONDS)) as client:
            answer = client.get(f"{place}/ping")
    except httpx.HTTPError as error:
        yield unwell("clickhouse", f"{place} does not answer ({type(error).__name__}): start it, or correct COINSPARK_CLICKHOUSE_URL")
        return
    if answer.status_code == httpx.codes.OK and answer.text.strip() == "Ok.":
        yield well("clickhouse", f"{place} answers")
    else:
        yield unwell("clickhouse", f"{place} answers, and not as ClickHouse does: correct COINSPARK_CLICKHOUSE_URL (its HTTP port, 8123 or 8443)")


def _place(url: str) -> str:
    """Scheme, host and port alone."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise ConfigurationError("COINSPARK_CLICKHOUSE_URL looks like http://user:password@host:8123/database, or is the word embedded")
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}{'' if port is None else f':{port}'}"
