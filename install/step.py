"""One step of the installation: a program whose progress is seen while it runs, and whose failure is one line."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

QUIET_SECONDS = 15
"""A program silent for this long gets a line that says that it is still at work."""

_PATH = str | Path
_NO_NETWORK = re.compile(
    r"name resolution|Name or service not known|nodename nor servname|Network is unreachable|Connection refused|ConnectionError|ConnectError|"
    r"NewConnectionError|All attempts to connect|Could not resolve|Could not connect|Unable to connect|UnknownHostException|ConnectException|"
    r"timed out|Timeout|Cannot connect to proxy|Failed to fetch|No route to host",
    re.IGNORECASE,
)
_SYSTEM_REFUSAL = re.compile(r"Permission denied|Read-only file system|No space left on device|Disk quota exceeded", re.IGNORECASE)


class InstallError(Exception):
    """The installation cannot go on; the message is one line that says what to do."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(title: str, command: Sequence[_PATH], log: Path, shown: Callable[[str], str | None], environment: Mapping[str, str] | None = None) -> None:
    """Run a program with everything it says in the file `log`, and on the screen what `shown` makes of a line (None: nothing).

    Raises `InstallError` when it fails, with the reason in plain words where the output tells it.
    """
    say(f"{title} ...")
    started = time.monotonic()
    lines: list[str] = []
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for raw in _lines_or_silence(process):
                if raw is None:
                    say(f"  still at work, {time.monotonic() - started:.0f} s")
                    continue
                line = _without_credentials(raw)
                lines.append(line)
                file.write(f"{line}\n")
                if text := shown(line):
                    say(f"  {text}")
    except OSError as error:
        raise InstallError(f"{title} failed: {error.filename or command[0]}: {error.strerror}") from None
    if process.returncode != 0:
        raise InstallError(f"{title} failed: {_reason(lines)} (all of its output: {log})")


def _lines_or_silence(process: subprocess.Popen[bytes]) -> Iterator[str | None]:
    """The program's lines as they come, and None for each while without any; ends when the program does."""
    said: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            said.put(line.decode(errors="replace").rstrip())
        said.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = said.get(timeout=QUIET_SECONDS)
        except queue.Empty:
            yield None
            continue
        if line is None:
            process.wait()
            return
        yield line


def _without_credentials(line: str) -> str:
    return re.sub(r"//[^/@\s]+@", "//***@", line)


def _reason(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        if _SYSTEM_REFUSAL.search(line):
            return line.strip()
    if any(_NO_NETWORK.search(line) for line in lines):
        return "no connection to where it is downloaded from; check the network (or the proxy) and run `make install` again"
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if re.match(r"(ERROR|E:|Error)\b", line)]
    return (errors or said or ["it said nothing"])[-1]
