"""The jobs' checkpoints: whether they can be read, of which metrics they are, and when they were last written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from src.broker.admin import administration
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well
from src.doctor.kafka import REACH_SECONDS, kafka_address
from src.errors import CoinSparkError

_FOLDER = re.compile(r"(?P<query>.+)-(?P<identity>[0-9a-f]{12})")


def check_checkpoints(settings: Settings) -> Iterator[Finding]:
    """Each query's newest checkpoint. A job with another metric set, or another Kafka, begins a new one and says so."""
    parent = settings.home.absolute() / "checkpoints"
    newest: dict[str, Path] = {}
    for folder in sorted(parent.glob("*"), key=_written):
        if folder.is_dir() and (named := _FOLDER.fullmatch(folder.name)):
            newest[named["query"]] = folder
    if not newest:
        yield well("checkpoint", f"none in {parent}: a job that has not run begins with what Kafka has kept")
        return
    current = _current(settings)
    for query, folder in newest.items():
        yield _look(query, folder, current.get(query))


def _look(query: str, folder: Path, current: str | None) -> Finding:
    from src.setting.checkpoint import Checkpoint  # noqa: PLC0415

    kept = Checkpoint(query, folder)
    try:
        if kept.is_new:
            return well("checkpoint", f"{query}: {folder.name} was begun and no batch is done yet")
        kept.origin()
        kept.watermark_ms()
        batches = [int(path.name) for path in (folder / "commits").glob("*") if path.name.isdigit()]
        if batches and not kept.offsets():
            return _damaged(query, folder, "no offsets of a batch that is done")
    except (OSError, ValueError, IndexError, KeyError, TypeError, msgspec.MsgspecError) as error:
        return _damaged(query, folder, error.strerror or "cannot be read" if isinstance(error, OSError) else type(error).__name__)
    which = "" if current is None else ", of the metrics as they are now" if current == folder.name else ", of other metrics or another Kafka"
    moment = datetime.fromtimestamp(_written(folder), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return well("checkpoint", f"{query}: metric set {folder.name[-12:]}{which}; batch {max(batches, default='none')}, last written {moment}")


def _damaged(query: str, folder: Path, why: str) -> Finding:
    return unwell(
        "checkpoint", f"{query}: {folder} is damaged or may not be read ({why}): let this user read it, or move it away; the job then begins anew"
    )


def _written(folder: Path) -> float:
    """When a batch was last done, seconds since 1970 UTC; without one, when the folder was made."""
    commits = [path for path in (folder / "commits").glob("*") if path.name.isdigit()]
    with suppress(FileNotFoundError):  # it has gone meanwhile
        return (max(commits, key=lambda path: int(path.name)) if commits else folder).stat().st_mtime
    return 0.0


def _current(settings: Settings) -> dict[str, str]:
    """The name of each job's checkpoint with the metrics and the Kafka of now; empty while no Kafka answers, whose identity is part of it."""
    from src.setting.checkpoint import checkpoint_folder  # noqa: PLC0415
    from src.setting.jobs import JOBS  # noqa: PLC0415  (it loads Spark)
    from src.setting.raw_query import raw_identity, raw_name  # noqa: PLC0415
    from src.setting.series_query import series_name  # noqa: PLC0415

    try:
        address = kafka_address(settings)
        if address is None:
            return {}
        with administration(address, REACH_SECONDS) as client:
            cluster_id = str(client.describe_cluster()["cluster_id"])
    except CoinSparkError:  # the broker's own check says it
        return {}
    found = {}
    for job in [job(settings) for job in JOBS]:
        series = series_name(job.name)
        found[job.name] = checkpoint_folder(settings.home, job.name, *job.checkpoint_identity(cluster_id)).name
        found[raw_name(job.name)] = checkpoint_folder(settings.home, raw_name(job.name), *raw_identity(job, cluster_id)).name
        found[series] = checkpoint_folder(settings.home, series, cluster_id, job.series.fingerprint).name
    return found
