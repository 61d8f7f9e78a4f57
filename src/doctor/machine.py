"""The machine: room on the disk, free ports, and what this user may do."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from src.broker.embedded import EmbeddedBroker
from src.broker.ports import accepts_connections, require_free_port
from src.collect.parsed import Channel
from src.collect.status import read_statuses
from src.config.secret_files import SUFFIX
from src.config.settings import Settings, environment_name, secret_names
from src.doctor.finding import Finding, failed, unwell, well
from src.errors import ConfigurationError
from src.monitoring.job_status import read_job_status

LEAST_FREE_BYTES = 1024**3
_GIBIBYTE = 1024**3
_DAY_SECONDS = 24 * 60 * 60
_SHORTEST_SECONDS = 60 * 60
"""A home that is younger says nothing of what a day takes."""


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for what the home folder will hold by the time that the oldest of it goes."""
    home = settings.home.absolute()
    free = shutil.disk_usage(_nearest(home)).free
    files = list(_files(home))
    used = sum(file.st_size for file in files)
    age = max((time.time() - file.st_mtime for file in files), default=0.0)
    text = f"{free / _GIBIBYTE:.1f} GiB free, {home} holds {used / _GIBIBYTE:.2f} GiB"
    kept_days = settings.retention_hours / 24
    wanted = 0.0
    if age >= _SHORTEST_SECONDS:
        a_day = used / min(age / _DAY_SECONDS, kept_days)
        wanted = max(0.0, a_day * kept_days - used)
        text += f", about {a_day / _GIBIBYTE:.2f} GiB a day; {wanted / _GIBIBYTE:.1f} GiB more before the oldest goes after {kept_days:g} days"
    if free < max(wanted, LEAST_FREE_BYTES):
        yield unwell("disk", f"{text}: make room, set COINSPARK_HOME to another disk, or lower COINSPARK_RETENTION_HOURS")
    else:
        yield well("disk", text)


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Whether the ports that would be listened on are free, or held by what should hold them."""
    if not settings.kafka_bootstrap_servers:
        running, _ = EmbeddedBroker(settings).status()
        if running is None:
            yield _free(settings.broker_port, "COINSPARK_BROKER_PORT", "for the embedded broker")
            yield _free(settings.controller_port, "COINSPARK_CONTROLLER_PORT", "for its controller")
        else:
            yield well("ports", f"the embedded broker has {running.port} and {running.controller_port}")
    of_metrics = list(_metrics_ports(settings))
    yield from of_metrics
    if settings.kafka_bootstrap_servers and not of_metrics:
        yield well("ports", "nothing will be listened on")


def check_permissions(settings: Settings) -> Iterator[Finding]:
    """Whether this user may write where state is kept, and whether others may read the secrets in `.env`."""
    home = settings.home.absolute()
    closed = [path for path in (_nearest(home), *_state(home)) if not os.access(path, os.W_OK | (os.X_OK if path.is_dir() else 0))]
    if closed:
        yield unwell("permissions", f"this user may not write {closed[0]}: give it the right to, or set COINSPARK_HOME to another folder")
    else:
        yield well("permissions", f"{home} can be written")
    file = Path(str(Settings.model_config.get("env_file") or ""))
    if file.is_file() and (file.stat().st_mode & 0o077) and (held := _secrets_in(file)):
        yield unwell("permissions", f"others of this machine may read {file.absolute()}, which holds {held}: chmod 600 {file.absolute()}")


def _metrics_ports(settings: Settings) -> Iterator[Finding]:
    """Those that metrics are served on."""
    users = {"metrics_port": "the collector"} | {f"{kind}_metrics_port": f"the {kind} job" for kind in (channel.value for channel in Channel)}
    for setting, user in users.items():
        port = getattr(settings, setting)
        if port is None:
            continue
        has_run = read_statuses(settings.home) if setting == "metrics_port" else read_job_status(settings.home, setting.partition("_")[0])
        if has_run and accepts_connections(port):
            yield well("ports", f"{port} answers: {user}'s metrics")
        else:
            yield _free(port, environment_name(setting), f"for {user}'s metrics")


def _secrets_in(file: Path) -> str:
    names = {line.partition("=")[0].strip() for line in file.read_text(errors="replace").splitlines() if line.partition("=")[2].strip()}
    return ", ".join(name for name in secret_names().values() if name in names and name + SUFFIX not in names)


def _free(port: int, setting: str, purpose: str) -> Finding:
    try:
        require_free_port(port, setting)
    except ConfigurationError as error:
        return failed("ports", error)
    return well("ports", f"{port} is free {purpose}")


def _state(home: Path) -> list[Path]:
    """What jobs write to, as far as it is there."""
    return [*home.glob("*"), *home.glob("*/*")]


def _files(folder: Path) -> Iterator[os.stat_result]:
    """What is said of each file below the folder; one that goes meanwhile is left out."""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode):
                yield found


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
