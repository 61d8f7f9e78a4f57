"""What is installed into `.venv` for whom; a program that notes its words stands where Poetry would be."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from install import environment


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "poetry.lock").write_text("locked")
    programs = tmp_path / ".poetry" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "poetry").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/words\n')
    (programs / "poetry").chmod(0o755)
    return tmp_path


def test_the_engine_of_the_tests_is_installed_for_them_alone(root: Path) -> None:
    install = partial(environment.install_project, root)
    assert [install(), install(), install(for_tests=True), install(for_tests=True), install()] == [True, False, True, False, False]
    common = f"install --no-interaction --no-ansi --directory={root}"
    assert (root / "words").read_text().splitlines() == [common, f"{common} --with=test-engine"]
    (root / "poetry.lock").write_text("locked anew")
    assert [install(), install(for_tests=True)] == [True, True]
