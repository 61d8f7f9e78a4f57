"""What the operating system must have. On Debian and Ubuntu it is installed where that can be done without asking for a password."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from install.step import InstallError, run
from src.broker.java import find_java
from src.errors import MissingPartError

SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin")
"""Where servers are that a user's PATH does not name."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its usual name, and by a pattern for the releases that put a version into the name."""

    usual_name: str
    pattern: str

    def name_here(self) -> str:
        """The lowest name that this system's lists have: the oldest version that is fit."""
        if not shutil.which("apt-cache"):
            return self.usual_name
        listed = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=False).stdout.split()
        return min((name for name in listed if re.fullmatch(self.pattern, name)), default=self.usual_name)


JAVA = Package("openjdk-17-jre-headless", r"openjdk-(17|21|25)-jre-headless")
# The programs alone. The package mariadb-server also makes a service, which would listen from the next boot on.
MARIADB = (
    Package("mariadb-server-core", r"mariadb-server-core(-[\d.]+)?"),
    Package("mariadb-client-core", r"mariadb-client-core(-[\d.]+)?"),
)
CHROMIUM = (
    Package("chromium", r"chromium"),
    # Without Korean letters the Korean page is boxes.
    Package("fonts-nanum", r"fonts-nanum"),
)
PROMETHEUS = Package("prometheus", r"prometheus")
_UNPACK = 'cd "$1" && rm -f *.deb && apt-get download "$2" && dpkg-deb --extract "$2"_*.deb . && rm -f *.deb'
_BREWED = {
    JAVA: "brew install openjdk@17",
    MARIADB[0]: "brew install mariadb",
    CHROMIUM[0]: "brew install --cask chromium",
    PROMETHEUS: "brew install prometheus",
}


def install_java(root: Path) -> bool:
    """Install a Java runtime when none is fit; False when one is."""
    try:
        find_java()
    except MissingPartError as missing:
        # The rest of that line is for who starts a job: to run `make install`, which is what runs here.
        _apt(root, "a Java runtime", [JAVA], str(missing).partition(": run `make install`")[0])
        find_java()
        return True
    return False


def install_mysql_server(root: Path) -> bool:
    """Install the MariaDB server for the tests when there is none; False when there is, or when TEST_MYSQL_URL names one.

    Nothing listens until a test starts it.
    """
    if os.environ.get("TEST_MYSQL_URL") or has_mysql_server():
        return False
    _apt(root, "the MariaDB server", MARIADB, "no complete mariadbd or mysqld is on PATH and TEST_MYSQL_URL is not set")
    return True


def install_browser(root: Path) -> bool:
    """Install Debian's Chromium for the tests of the dashboard when there is none; False when there is."""
    if shutil.which("chromium"):
        return False
    _apt(root, "the Chromium browser", CHROMIUM, "no chromium is on PATH")
    return True


def install_prometheus(root: Path) -> bool:
    """Unpack Debian's Prometheus into `.prometheus` for the tests of metrics when there is none; False when there is.

    Unpacked and not installed: its package makes a service, which would listen at once and from every boot on.
    """
    folder = root / ".prometheus"
    if prometheus_programs(root) is not None:
        return False
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise InstallError(f"no prometheus and promtool are on PATH. Install Prometheus: {_command_for([PROMETHEUS])}")
    folder.mkdir(exist_ok=True)
    log = folder / "install.log"
    if (prefix := _administrator()) is not None:
        run("Asking the system's package lists", (*prefix, "apt-get", "-o", "DPkg::Lock::Timeout=120", "update"), log, lambda _: None)
    run("Unpacking Prometheus", ("sh", "-c", _UNPACK, "sh", folder, PROMETHEUS.name_here()), log, lambda _: None)
    return True


def prometheus_programs(root: Path) -> tuple[str, str] | None:
    """The paths of prometheus and promtool, on PATH or as unpacked by `install_prometheus`; None when one is missing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(root / ".prometheus" / "usr" / "bin")))
    server, tool = shutil.which("prometheus", path=path), shutil.which("promtool", path=path)
    return None if server is None or tool is None else (server, tool)


def install_venv(root: Path, python_version: str) -> None:
    """Install what Debian leaves out of its Python."""
    name = f"python{python_version}-venv"
    _apt(root, "Python's venv", [Package(name, re.escape(name))], f"Python {python_version} has no ensurepip")


def has_mysql_server() -> bool:
    """Whether there is a server program, on PATH or where systems keep such programs, with what makes its first data."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *SERVER_FOLDERS))
    is_there = {name: shutil.which(name, path=path) is not None for name in ("mariadbd", "mariadb-install-db", "my_print_defaults", "mysqld")}
    return (is_there["mariadbd"] and is_there["mariadb-install-db"] and is_there["my_print_defaults"]) or (
        is_there["mysqld"] and not is_there["mariadbd"]
    )


def _apt(root: Path, what: str, packages: Sequence[Package], why: str) -> None:
    prefix = _administrator()
    if prefix is None:
        raise InstallError(f"{why}. Install {what}: {_command_for(packages)}")
    log = root / ".poetry" / "apt.log"
    # A machine that just started is often installing its own updates: wait for them.
    apt = (*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120")
    run("Asking the system's package lists", (*apt, "update"), log, lambda _: None)
    names = [package.name_here() for package in packages]
    run(f"Installing {what}", (*apt, "install", "--yes", "--no-install-recommends", *names), log, _shown_of_apt)


def _administrator() -> Sequence[str] | None:
    """What to put before a command so that apt may install, or None where it may not without a password, or is not there."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ("sudo", "-n")
    return None


def _command_for(packages: Sequence[Package]) -> str:
    if shutil.which("apt-get"):
        return f"sudo apt-get install {' '.join(package.name_here() for package in packages)}"
    if shutil.which("brew"):
        usual = f"brew install {' '.join(package.usual_name for package in packages)}"
        return next((words for package, words in _BREWED.items() if package in packages), usual)
    return f"with this system's package manager ({' '.join(package.usual_name for package in packages)} on Debian)"


def _shown_of_apt(line: str) -> str | None:
    found = re.match(r"Setting up ([\w.+-]+)", line)
    return found.group(1) if found else None
