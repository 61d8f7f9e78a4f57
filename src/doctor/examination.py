"""All checks, in the order in which a person reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from src.config.settings import Settings
from src.doctor.checkpoints import check_checkpoints
from src.doctor.clock import check_clock
from src.doctor.collectors import check_collectors
from src.doctor.finding import Finding, failed
from src.doctor.kafka import check_broker, check_topics
from src.doctor.machine import check_disk, check_permissions, check_ports
from src.doctor.programs import check_jars, check_java
from src.doctor.stores import check_clickhouse, check_database
from src.logs import quiet_libraries

CHECKS: Mapping[str, Callable[[Settings], Iterator[Finding]]] = MappingProxyType(
    {
        "java": check_java,
        "jars": check_jars,
        "permissions": check_permissions,
        "disk": check_disk,
        "ports": check_ports,
        "broker": check_broker,
        "topics": check_topics,
        "collectors": check_collectors,
        "checkpoint": check_checkpoints,
        "database": check_database,
        "clickhouse": check_clickhouse,
        "clock": check_clock,
    }
)
"""By name. Each only looks: it starts, makes and changes nothing."""


def examine(settings: Settings, names: Sequence[str] = ()) -> Iterator[Finding]:
    """The findings of these checks, of all where none is named, as they are made."""
    quiet_libraries()
    for name in names or CHECKS:
        try:
            yield from CHECKS[name](settings)
        except Exception as error:  # noqa: BLE001  (whatever is wrong, the other checks are wanted)
            yield failed(name, error)
