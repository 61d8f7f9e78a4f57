"""Install what is missing: Poetry, the environment, Java, the jars; for the tests a MySQL server, the ClickHouse engine, a browser and Prometheus."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from install import bytecode, class_archives, environment, jars, system
from install.step import InstallError, say
from src.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
INTERRUPTED = 130


def main() -> int:
    """Run every step that has something to do; a failure is one line and a non-zero status."""
    arguments = argparse.ArgumentParser(prog="python -m install", description=__doc__)
    arguments.add_argument("--for-tests", action="store_true", help="also what tests run on: a MySQL server, ClickHouse, Chromium, Prometheus")
    for_tests: bool = arguments.parse_args().for_tests
    project = partial(environment.install_project, for_tests=for_tests)
    steps: list[Callable[[Path], bool]] = [environment.install_poetry, project, bytecode.compile_packages, bytecode.compile_project]
    steps += [system.install_java, jars.install_jars]
    if for_tests:
        steps += [system.install_mysql_server, system.install_browser, system.install_prometheus]
    steps.append(class_archives.write_class_archives)
    try:
        _require_writable(ROOT)
        changed = [step(ROOT) for step in steps]
    except (InstallError, ConfigurationError) as error:
        sys.stderr.write(f"CoinSpark is not installed: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: run `make install` to go on.\n")
        return INTERRUPTED
    say("CoinSpark is installed." if any(changed) else "CoinSpark is installed, nothing to do.")
    return 0


def _require_writable(folder: Path) -> None:
    probe = folder / f".write-probe-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InstallError(f"cannot write in {folder} ({error.strerror}): give this user the right to, or clone into a folder of your own") from None


if __name__ == "__main__":
    sys.exit(main())
