"""Two Python environments: `.poetry` holds Poetry, `.venv` holds the project, so that neither's packages disturb the other's."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from install import stamp, system
from install.counted import Counted
from install.step import run

POETRY = ("poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5")
_TEST_GROUP = "test-engine"
"""The group of pyproject.toml that is installed for the tests alone: the ClickHouse engine, half a gigabyte."""
_PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def install_poetry(root: Path) -> bool:
    """Install Poetry into `.poetry`; False when it is there."""
    folder = root / ".poetry"
    value = stamp.digest((), *POETRY, _PYTHON_VERSION)
    if stamp.is_current(folder / "coinspark.stamp", value) and _runs(folder / "bin" / "poetry"):
        return False
    _make_environment(folder)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--progress-bar", "off", "--retries", "2", *POETRY)
    run("Installing Poetry", pip, folder / "install.log", _shown_of_pip)
    stamp.write(folder / "coinspark.stamp", value)
    return True


def install_project(root: Path, *, for_tests: bool = False) -> bool:
    """Install what poetry.lock names into `.venv`, with what only the tests need where it is for them; False when that is done."""
    folder = root / ".venv"
    values = [stamp.digest((root / "poetry.lock",), _PYTHON_VERSION, *words) for words in ((_TEST_GROUP,), ())]
    # What the tests need besides is in nobody's way: an environment that has it is complete for everybody.
    fit = values[:1] if for_tests else values
    if any(stamp.is_current(folder / "coinspark.stamp", value) for value in fit) and _runs(folder / "bin" / "python"):
        return False
    _make_environment(folder)
    poetry = root / ".poetry" / "bin" / "poetry"
    groups = (f"--with={_TEST_GROUP}",) if for_tests else ()
    command = (poetry, "install", "--no-interaction", "--no-ansi", f"--directory={root}", *groups)
    shown = shown_of_poetry(Counted("packages"))
    run("Installing the project's packages (PySpark alone is 430 MB)", command, folder / "install.log", shown, _poetry_environment(root))
    _link_poetry(folder / "bin" / "poetry")
    stamp.write(folder / "coinspark.stamp", fit[-1])
    return True


def _make_environment(folder: Path) -> None:
    """An environment of the Python that runs this; one made by another Python, or broken, is made anew."""
    if importlib.util.find_spec("ensurepip") is None:
        system.install_venv(folder.parent, _PYTHON_VERSION)
    configuration = folder / "pyvenv.cfg"
    is_same = configuration.is_file() and re.search(rf"^version\s*=\s*{re.escape(_PYTHON_VERSION)}\.", configuration.read_text("utf-8"), re.MULTILINE)
    if not (is_same and _runs(folder / "bin" / "python")):
        command = (sys.executable, "-m", "venv", "--clear", folder)
        run(f"Making the Python {_PYTHON_VERSION} environment {folder.name}", command, folder.with_name(f"{folder.name}.log"), lambda _: None)
        folder.with_name(f"{folder.name}.log").unlink()


def _poetry_environment(root: Path) -> dict[str, str]:
    """What makes Poetry use `.venv` and the package index that pip uses.

    Poetry asks its default index for JSON pages, which mirrors often lack; the mirror plugin reads the same pages as pip.
    """
    variables = {
        "VIRTUAL_ENV": str(root / ".venv"),
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        # A keyring without a desktop session waits for a password that nobody sees asked for.
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    python = root / ".poetry" / "bin" / "python"
    pip = _pip_settings(python)
    if index := pip.get("index-url") or _pip_default_index(python):
        variables["POETRY_PYPI_MIRROR_URL"] = index
    if certificates := pip.get("cert"):
        variables["REQUESTS_CA_BUNDLE"] = variables["SSL_CERT_FILE"] = certificates
    return {name: value for name, value in variables.items() if name == "VIRTUAL_ENV" or name not in os.environ}


def _pip_settings(python: Path) -> dict[str, str]:
    """What pip itself is set to by its files and the environment; what is nearer to the command wins, as in pip."""
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^(global|install|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
    nearness = ("global", "install", ":env:")
    return {name: value for _, name, value in sorted(found, key=lambda setting: nearness.index(setting[0]))}


def _pip_default_index(python: Path) -> str | None:
    """The index that pip uses when it is not set to another, as its help says."""
    wide = {**os.environ, "COLUMNS": "1000"}
    text = subprocess.run([python, "-m", "pip", "install", "--help"], env=wide, capture_output=True, text=True, check=False).stdout
    found = re.search(r"--index-url <url>.*\(default (\S+)\)", text)
    return found.group(1) if found else None


def _link_poetry(link: Path) -> None:
    """With `.venv` active, `poetry run pytest` is then found."""
    link.unlink(missing_ok=True)
    link.symlink_to(Path("..", "..", ".poetry", "bin", "poetry"))


def _runs(program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
            if program.name == "python"
            else program.is_file()
        )
    except OSError:
        return False


def _shown_of_pip(line: str) -> str | None:
    found = re.match(r"Collecting ([\w.-]+)", line)
    return found.group(1) if found else None


def shown_of_poetry(counted: Counted) -> Callable[[str], str | None]:
    """What is shown of a line of Poetry's, which first says how many operations there are."""

    def shown(line: str) -> str | None:
        if operations := re.match(r"Package operations: (\d+) installs?, (\d+) updates?, (\d+) removals?", line):
            counted.expect(sum(map(int, operations.groups())))
        found = re.match(r"\s*- (?:Installing|Updating|Downgrading|Removing) .*?\)", line)
        return counted.done(found.group(0).strip(" -")) if found else None

    return shown
