"""Java, the jars, and the archives of classes."""

from __future__ import annotations

from collections.abc import Iterator

from src.broker.class_archive import class_archive
from src.broker.java import find_java
from src.config.paths import project_path
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well

_TELLING_JARS = {"spark": "spark-sql-kafka-*.jar", "broker": "kafka_2.13-*.jar"}
"""A jar of each folder without which the others are of no use."""


def check_java(settings: Settings) -> Iterator[Finding]:
    """Whether there is a Java that runs Spark and Kafka."""
    del settings
    java = find_java()
    yield well("java", f"Java {java.version} in {java.home}")


def check_jars(settings: Settings) -> Iterator[Finding]:
    """Whether the jars of ivy.xml are there, and the archives with which the JVMs start sooner."""
    for name, pattern in _TELLING_JARS.items():
        folder = project_path(settings.jars) / name
        if not any(folder.glob(pattern)):
            yield unwell("jars", f"the jars of {name} are not in {folder}: run `make install` (COINSPARK_JARS names another folder)")
            continue
        count = sum(1 for _ in folder.glob("*.jar"))
        archive = class_archive(folder)
        if not archive.exists():
            start = "no archive of their classes, so starts take some seconds longer (`make install` writes one)"
        elif archive.stat().st_mtime < max(jar.stat().st_mtime for jar in folder.glob("*.jar")):
            start = "the archive of their classes is older than a jar and is left out, so starts take some seconds longer (`make install` writes one)"
        else:
            start = f"archive of their classes {archive.name}"
        yield well("jars", f"{count} jars of {name} in {folder}; {start}")
