"""The one place where the log is set up: structlog, its steps, and what is said by the whole process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import structlog
from structlog.typing import FilteringBoundLogger

from src.logs.lines import StandardError, json_line, text_line
from src.logs.secrets import Hidden
from src.printable import printable

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "text", "json"]
"""`auto`: text where standard error is a terminal, JSON elsewhere."""

_Fields = MutableMapping[str, Any]
_hidden = Hidden()
_process: dict[str, Any] = {}
_error_output = StandardError()
_format: LogFormat = "auto"


def logger() -> FilteringBoundLogger:
    """The log: `logger().warning("what happened", market="okx")`. Fields that are known: market, channel, symbol, query, job."""
    found: FilteringBoundLogger = structlog.get_logger()
    return found


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """For the length of the block every line of this process has these fields (`part`, `job`, ...), whichever thread says it."""
    before = dict(_process)
    _process.update(fields)
    try:
        yield
    finally:
        _process.clear()
        _process.update(before)


def hide(secrets: Iterable[str]) -> None:
    """From now on these texts are in no line."""
    _hidden.add(secrets)


def configure_logs(level: LogLevel = "info", form: LogFormat = "auto") -> None:
    """Say lines of this level and above, in this form. A program that has configured structlog itself is left alone."""
    global _format  # noqa: PLW0603  (one process has one log)
    if structlog.is_configured() and not _is_ours():
        return
    _format = form
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _with_process,
            structlog.processors.format_exc_info,
            _hidden,
            _rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )


def say_error(message: str, exit_status: int) -> None:
    """The last line of a command that failed: `coinspark: message` for a person, a line of the log elsewhere."""
    if _is_text():
        _error_output.msg(printable(f"coinspark: {_hidden.without(message)}"))
    else:
        logger().error(message, exit_status=exit_status)


def _with_process(_logger: Any, _method: str, fields: _Fields) -> _Fields:
    return {**_process, **fields}


def _rendered(_logger: Any, _method: str, fields: _Fields) -> str:
    return text_line(fields, coloured=_is_terminal() and "NO_COLOR" not in os.environ) if _is_text() else json_line(fields)


def _is_text() -> bool:
    # Asked at each line: what standard error is may change, as in tests and where a bar is drawn.
    return _format == "text" or (_format == "auto" and _is_terminal())


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (ValueError, AttributeError):  # closed, or taken away
        return False


def _to_standard_error(*_arguments: Any) -> StandardError:
    return _error_output


def _is_ours() -> bool:
    return structlog.get_config()["logger_factory"] is _to_standard_error


# A program of one's own that says nothing of logs has them too.
configure_logs()
