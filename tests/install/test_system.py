"""Where the system's packages cannot be installed without asking, the command to run is said."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from install import system
from install.step import InstallError
from src.broker.java import find_java


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_apt_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InstallError, match=r"^too old\. Install a Java runtime: with this system's package manager \(openjdk-17-jre-headless on Debian\)$"
    ):
        system._apt(tmp_path, "a Java runtime", [system.JAVA], "too old")


def test_on_a_mac_brew_has_whatever_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "brew", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    for packages, command in (
        (system.CHROMIUM, "brew install --cask chromium"),
        ([system.PROMETHEUS], "brew install prometheus"),
        ([system.Package("python3.11-venv", "")], "brew install python3.11-venv"),
    ):
        with pytest.raises(InstallError, match=rf"^none\. Install it: {command}$"):
            system._apt(tmp_path, "it", packages, "none")


def test_without_a_right_to_install_the_command_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "apt-get", "exit 1")
    program(tmp_path, "sudo", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InstallError, match=r"Install the MariaDB server: sudo apt-get install mariadb-server-core mariadb-client-core$"):
        system._apt(tmp_path, "the MariaDB server", system.MARIADB, "none")


def test_the_java_that_is_advised_is_one_of_this_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "apt-get", "exit 1")
    program(tmp_path, "apt-cache", "echo openjdk-25-jre-headless openjdk-21-jre-headless")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    def no_java() -> None:
        find_java({"PATH": ""}, ())

    monkeypatch.setattr(system, "find_java", no_java)
    with pytest.raises(InstallError) as refusal:
        system.install_java(tmp_path)
    assert str(refusal.value) == (
        "Java 17 or newer is needed (found none in JAVA_HOME, PATH or /usr/lib/jvm). "
        "Install a Java runtime: sudo apt-get install openjdk-21-jre-headless"
    )


def test_with_the_right_apt_installs_what_this_release_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "apt-get", f'echo "$@" >> {tmp_path}/asked')
    program(tmp_path, "apt-cache", "echo openjdk-8-jre-headless openjdk-25-jre-headless openjdk-21-jre-headless openjdk-21-jre-headless-dbg")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system._apt(tmp_path, "a Java runtime", [system.JAVA], "none")
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-o DPkg::Lock::Timeout=120 update",
        "-o DPkg::Lock::Timeout=120 install --yes --no-install-recommends openjdk-21-jre-headless",
    ]


def test_a_given_database_server_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TEST_MYSQL_URL", "mysql://somewhere")
    assert system.install_mysql_server(tmp_path) is False


def test_prometheus_is_unpacked_and_no_service_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, programs = tmp_path / "root", tmp_path / "bin"
    root.mkdir()
    programs.mkdir()
    program(programs, "apt-get", f'echo "$@" >> {tmp_path}/asked; if [ "$1" = download ]; then touch "$2_2.42_amd64.deb"; fi')
    program(programs, "apt-cache", "echo prometheus-node-exporter prometheus")
    unpacked = 'mkdir -p "$3/usr/bin"; for name in prometheus promtool; do touch "$3/usr/bin/$name"; chmod 755 "$3/usr/bin/$name"; done'
    program(programs, "dpkg-deb", f'echo "$1 $2" >> {tmp_path}/asked; {unpacked}')
    for name in ("sh", "rm", "touch", "mkdir", "chmod"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert system.prometheus_programs(root) is None
    assert system.install_prometheus(root) is True
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-o DPkg::Lock::Timeout=120 update",
        "download prometheus",
        "--extract prometheus_2.42_amd64.deb",
    ]
    bin_folder = root / ".prometheus" / "usr" / "bin"
    assert system.prometheus_programs(root) == (str(bin_folder / "prometheus"), str(bin_folder / "promtool"))
    assert system.install_prometheus(root) is False, "nothing is to be done again"
    assert not list((root / ".prometheus").glob("*.deb"))


def test_without_apt_prometheus_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallError, match=r"^no prometheus and promtool are on PATH\. Install Prometheus: with this system's package manager"):
        system.install_prometheus(tmp_path)
