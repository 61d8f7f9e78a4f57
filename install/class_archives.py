"""Archives of the classes that Spark and Kafka load, written by running the real thing once: every later start is seconds shorter."""

from __future__ import annotations

import tempfile
from pathlib import Path

from install import stamp
from install.step import InstallError, run, say
from src.broker.class_archive import WRITING, class_archive
from src.broker.java import find_java

_TITLE = "Preparing a quick start"


def write_class_archives(root: Path) -> bool:
    """Record simulated trades and replay them through Kafka and Spark; False when that is done.

    A start without archives is slower and nothing else, so a failure here is said and fails nothing.
    """
    folder = root / ".jars"
    archives = [class_archive(folder / name) for name in ("spark", "broker")]
    value = stamp.digest((root / "ivy.xml", root / "src/setting/session.py", root / "src/setting/spark_home.py"), _identity(root))
    if stamp.is_current(folder / "archives.stamp", value) and all(archive.exists() for archive in archives):
        return False
    for archive in archives:
        archive.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="coinspark-") as temporary:
        home = Path(temporary)
        program = (root / ".venv/bin/python", root / "coin_spark.py")
        record = "record --source simulate --markets upbit --channels trade --seconds 3 --out"
        replay = "trade --speed inf --trigger available-now --source replay"
        frames = home / "frames"
        recorded: tuple[str | Path, ...] = (*program, *record.split(), frames)
        replayed: tuple[str | Path, ...] = (*program, *replay.split(), frames / "upbit" / "trade.jsonl")
        here = {"COINSPARK_HOME": str(home / "home"), "COINSPARK_MARKETS": "upbit"}
        try:
            run(_TITLE, recorded, folder / "archives.log", _nothing, here)
            run(f"{_TITLE} (a minute)", replayed, folder / "archives.log", _nothing, here | {WRITING: "1"})
        except InstallError as error:
            say(f"  not done, so starts take some seconds longer: {error}")
    stamp.write(folder / "archives.stamp", value)
    return True


def _identity(root: Path) -> str:
    """What makes an archive useless when it changes: the Java, the place, and the jars of PySpark."""
    java = find_java()
    release = java.home / "release"
    spark = ",".join(sorted(path.name for path in root.glob(".venv/lib/python*/site-packages/pyspark/jars/*.jar")))
    return "\n".join((str(java.home), release.read_text() if release.exists() else str(java.version), str(root), spark))


def _nothing(line: str) -> None:
    del line
