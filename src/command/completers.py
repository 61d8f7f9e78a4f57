"""What the shell offers for a value that is begun: names that the program itself knows, without asking any server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.config.settings import Settings, load_settings
from src.errors import CoinSparkError

ALL = "all"


def markets(incomplete: str) -> list[str]:
    """Exchanges, with commas."""
    return _listed(incomplete, [*_exchanges(), ALL])


def market(incomplete: str) -> list[str]:
    """One exchange."""
    return _beginning(incomplete, _exchanges())


def symbols(incomplete: str) -> list[str]:
    """Base coins of the settings, with commas."""
    return _listed(incomplete, [*_symbols(), ALL])


def symbol(incomplete: str) -> list[str]:
    """One base coin of the settings."""
    return _beginning(incomplete, _symbols())


def channels(incomplete: str) -> list[str]:
    """Kinds of market data, with commas."""
    from src.collect.parsed import Channel

    return _listed(incomplete, [*Channel, ALL])


def tables(incomplete: str) -> list[str]:
    """Tables of the metrics, and the collectors' ledger."""
    from src.dashboard.tables import metric_tables

    settings = _settings()
    return [] if settings is None else _beginning(incomplete, metric_tables(settings))


def topics(incomplete: str) -> list[str]:
    """Topics of the collectors and of the metrics."""
    from src.collect.message import TOPICS
    from src.dashboard.tables import metric_tables

    settings = _settings()
    of_metrics = [table.topic for table in metric_tables(settings).values() if table.topic] if settings is not None else []
    return _beginning(incomplete, dict.fromkeys((*TOPICS, *of_metrics)))


def regions(incomplete: str) -> list[str]:
    """Regions of markets."""
    from src.schema.records import Region

    return _beginning(incomplete, Region)


def intervals(incomplete: str) -> list[str]:
    """Lengths of candles."""
    from src.preprocess.candles import INTERVALS

    return _beginning(incomplete, INTERVALS)


def checks(incomplete: str) -> list[str]:
    """What `doctor` looks over."""
    from src.doctor.examination import CHECKS

    return _beginning(incomplete, CHECKS)


def _exchanges() -> list[str]:
    from src.collect.exchanges import EXCHANGES

    return [*EXCHANGES]


def _symbols() -> Sequence[str]:
    settings = _settings()
    return () if settings is None else settings.symbols


def _settings() -> Settings | None:
    try:
        return load_settings()
    except CoinSparkError:  # what is wrong is said when a command is run
        return None


def _beginning(incomplete: str, known: Iterable[str]) -> list[str]:
    """The words that begin so, whatever the case."""
    return [str(name) for name in known if name.lower().startswith(incomplete.lower())]


def _listed(incomplete: str, known: Iterable[str]) -> list[str]:
    """The same for the last word of a list with commas; what is in the list already is not offered again."""
    before, comma, last = incomplete.rpartition(",")
    given = before.lower().split(",")
    return [f"{before}{comma}{name}" for name in _beginning(last, known) if name.lower() not in given and not (comma and name == ALL)]
