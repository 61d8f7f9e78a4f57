"""Java's classes read ahead: archives that `make install` writes beside the jars, with which a JVM is ready in half the time.

Most of the work of a JVM that starts is reading and checking some ten thousand classes. An archive (class data sharing) holds them as they are in
memory afterwards. A JVM that finds none, or one of another Java or of other jars, starts as it would without.
"""

from __future__ import annotations

import os
from pathlib import Path

WRITING = "COINSPARK_WRITE_CLASS_ARCHIVES"
"""The environment variable with which `make install` has the JVMs that it starts write their archives when they end."""
_WRITING_SECONDS = 300
_SUFFIX = ".jsa"


def class_archive_options(jars: Path) -> tuple[str, ...]:
    """Options for the JVM that runs with the jars of this folder: of its archive, or none where there is none."""
    archive = class_archive(jars)
    if os.environ.get(WRITING):
        return (f"-XX:ArchiveClassesAtExit={archive}",)
    return (f"-XX:SharedArchiveFile={archive}", "-Xshare:auto") if archive.exists() else ()


def class_archive(jars: Path) -> Path:
    """Where the archive of the jars of this folder is."""
    return jars.with_suffix(_SUFFIX)


def ending_seconds(usual: float) -> float:
    """How long such a JVM may take to end: longer where it writes its archive then."""
    return _WRITING_SECONDS if os.environ.get(WRITING) else usual
