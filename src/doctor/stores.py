"""The stores of rows: the database and its tables, and ClickHouse."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from urllib3.exceptions import HTTPError, SSLError

from src.broker.ports import accepts_connections
from src.clickhouse.names import CHDB_MISSING
from src.clickhouse.process import answers_ping
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
    """Whether ClickHouse answers, where one is set. It is asked without user and password, and by TLS where its address says so."""
    if settings.clickhouse_url is None:
        yield well("clickhouse", "none is set (COINSPARK_CLICKHOUSE_URL)")
    elif settings.has_own_clickhouse:
        yield _answer_of_clickhouse(settings.clickhouse_url.get_secret_value())
    elif answers_ping(settings.clickhouse_port):
        yield well("clickhouse", f"the embedded one answers at port {settings.clickhouse_port}")
    elif accepts_connections(settings.clickhouse_port):
        yield unwell("clickhouse", f"port {settings.clickhouse_port} is another program's: stop it, or set COINSPARK_CLICKHOUSE_PORT")
    elif importlib.util.find_spec("chdb") is None:
        yield unwell("clickhouse", CHDB_MISSING)
    else:
        yield well("clickhouse", "the embedded one is started by the first job")


def _answer_of_clickhouse(url: str) -> Finding:
    from src.storage.clickhouse_address import answers_ping as server_answers  # noqa: PLC0415  (it loads the client, which few need)
    from src.storage.clickhouse_address import parsed as parsed_clickhouse  # noqa: PLC0415

    address = parsed_clickhouse(url)
    if address.folder is not None:
        return well("clickhouse", f"the engine in the job's process, on the folder {address.folder}")
    place = address.shown.rpartition("/")[0]
    try:
        answers = server_answers(address, ANSWER_SECONDS)
    except SSLError as error:
        said = " ".join(str(error).split())
        return unwell("clickhouse", f"{place} and we do not agree on TLS ({said}): correct COINSPARK_CLICKHOUSE_URL (?ca_cert=/folder/ca.pem)")
    except (HTTPError, OSError) as error:
        return unwell("clickhouse", f"{place} does not answer ({type(error).__name__}): start it, or correct COINSPARK_CLICKHOUSE_URL")
    if answers:
        return well("clickhouse", f"{place} answers")
    return unwell("clickhouse", f"{place} answers, and not as ClickHouse does: correct COINSPARK_CLICKHOUSE_URL (its HTTP port, 8123 or 8443)")
