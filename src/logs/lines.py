"""How a line of the log looks: for a person, and as JSON."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from src.printable import printable

_FIRST = ("time", "level", "part", "event")
_WHERE = ("job", "query", "market", "channel", "symbol", "logger")
"""What a person is told before the message, unless the message says it; other fields are for programs."""
_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"


def json_line(fields: Mapping[str, Any]) -> str:
    """The fields as one JSON object: time, level, part and event first. What JSON has no form for becomes text."""
    ordered = {name: fields[name] for name in _FIRST if name in fields} | {name: value for name, value in fields.items() if name not in _FIRST}
    return msgspec.json.encode(ordered, enc_hook=str).decode()


def text_line(fields: Mapping[str, Any], *, coloured: bool) -> str:
    """The same for a person: the time (UTC) where a part says it, which is one that runs for long; where; what."""
    event = str(fields.get("event", ""))
    where = [str(fields[name]) for name in _WHERE if fields.get(name) and name != "job" and str(fields[name]) not in event]
    text = printable(": ".join(part for part in (" ".join(where), event) if part))
    colour = _COLOURS.get(fields.get("level", ""), "") if coloured else ""
    if colour:
        text = f"{colour}{text}{_PLAIN}"
    time = str(fields.get("time", ""))[11:19] if fields.get("part") else ""
    lines = [f"{time} {text}" if time else text]
    if fields.get("exception"):
        lines.append(printable(str(fields["exception"])))
    return "\n".join(lines)


def last_event(lines: str) -> str:
    """The message of the last line that a process has written to its log, in whichever of the two forms; empty where there is none."""
    written = lines.strip().splitlines()
    if not written:
        return ""
    try:
        event = msgspec.json.decode(written[-1].encode(), type=dict[str, Any])["event"]
    except (msgspec.DecodeError, KeyError):
        return written[-1].strip()
    return str(event)


class StandardError:
    """Writes each line at once to what standard error is at that moment: a bar that is being drawn there moves down for it."""

    def __init__(self) -> None:
        # One thread may come twice: a warning that Python gives while a line is being written is a line too.
        self._writing = threading.RLock()

    def msg(self, line: str) -> None:
        """Write a line. A terminal that was closed takes none, and the end is to be an orderly one all the same."""
        with self._writing, suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    log = debug = info = warning = warn = error = critical = fatal = exception = msg
    """structlog calls the method named like the level."""
