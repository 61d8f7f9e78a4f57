"""The Spark that PySpark's package holds, without its archive of Python sources.

Spark puts that archive before everything else on the path of each Python process that it starts, which then compiles PySpark anew, where the package
lies beside it compiled. And where it finds the Python of a driver, which it is told by a variable, it starts a process that looks for data sources
of other packages before it makes ours, which was registered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark

_NAME = "SPARK_HOME"
_DRIVER = "PYSPARK_DRIVER_PYTHON"
_PARTS = ("bin", "jars")


@contextmanager
def spark_home(folder: Path) -> Iterator[None]:
    """A JVM that is started in this block has its Spark in `folder`, which is made of links; one that the user has named stays.

    The path of `folder` is in the JVM's archive of classes (src/broker/class_archive.py), which another one makes worthless. Where it is not there
    and cannot be written, Spark is that of the package, and starts later.
    """
    if _NAME in os.environ or not _is_linked(folder):
        yield
        return
    driver = os.environ.get(_DRIVER)
    os.environ |= {_NAME: str(folder), _DRIVER: "none"}
    try:
        yield
    finally:
        del os.environ[_NAME], os.environ[_DRIVER]
        if driver is not None:
            os.environ[_DRIVER] = driver


def _is_linked(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in _PARTS:
            _link(folder / part, Path(pyspark.__file__).parent / part)
    except OSError:
        return False
    return True


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    # Another job may do the same: each makes its own, and the last one stays.
    own = link.with_name(f"{link.name}-{os.getpid()}")
    own.symlink_to(target)
    own.replace(link)
