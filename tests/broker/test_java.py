"""Which Java is taken, and what is said when none fits. The fakes stand for Java runtimes of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.broker.java import find_java
from src.errors import MissingPartError


def runtime(folder: Path, version: str, *, has_vector_module: bool = True) -> Path:
    """A folder as of an installed Java, whose program says the version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    refusal = "" if has_vector_module else 'if [ "$1" = --add-modules ]; then exit 1; fi\n'
    program.write_text(f"#!/bin/sh\n{refusal}echo 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return folder


def test_java_home_comes_first(tmp_path: Path) -> None:
    chosen, other = runtime(tmp_path / "chosen", "21.0.2"), runtime(tmp_path / "other", "17.0.15")
    found = find_java({"JAVA_HOME": str(chosen), "PATH": str(other / "bin")}, ())
    assert (found.home, found.version, found.executable) == (chosen, 21, chosen / "bin" / "java")


def test_an_old_java_is_passed_over_for_an_installed_one(tmp_path: Path) -> None:
    old, fit = runtime(tmp_path / "old", "11.0.22"), runtime(tmp_path / "installed" / "java-17", "17.0.15")
    assert find_java({"JAVA_HOME": str(old), "PATH": ""}, (f"{tmp_path}/installed/*",)).home == fit


def test_a_link_on_the_path_leads_to_the_real_home(tmp_path: Path) -> None:
    real = runtime(tmp_path / "real", "17")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(real / "bin" / "java")
    assert find_java({"PATH": str(tmp_path / "bin")}, ()).home == real


@pytest.mark.parametrize(("version", "said"), [("11.0.22", "found 11 at"), ("1.8.0_392", "found 8 at")])
def test_an_old_java_alone_is_named(tmp_path: Path, version: str, said: str) -> None:
    old = runtime(tmp_path, version)
    with pytest.raises(MissingPartError, match=rf"Java 17 or newer is needed \({said} {old}/bin/java\): run `make install`"):
        find_java({"JAVA_HOME": str(old)}, ())


def test_a_runtime_that_spark_cannot_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"17 without the module jdk\.incubator\.vector"):
        find_java({"JAVA_HOME": str(runtime(tmp_path, "17.0.15", has_vector_module=False))}, ())


def test_no_java_at_all_is_said() -> None:
    with pytest.raises(MissingPartError, match="found none in JAVA_HOME, PATH"):
        find_java({}, ())
