"""What libraries say by `logging` and `warnings`, as lines of the same log."""

from __future__ import annotations

import logging

import structlog

QUIET = {
    # Each logs what it also raises, and what a person must know is in our errors.
    "kafka": logging.CRITICAL,
    "clickhouse_connect": logging.CRITICAL,
    "py4j": logging.CRITICAL,
    "pyspark": logging.CRITICAL,
    # Every request.
    "httpx": logging.WARNING,
    "werkzeug": logging.ERROR,
}
"""Loggers that say less than the others; whoever looks into one of them sets its level first."""


def quiet_libraries(*names: str) -> None:
    """Give these loggers of `QUIET`, all of them without names, their level, unless somebody has given them another.

    A program of one's own keeps those of libraries that it uses itself.
    """
    for name in names or QUIET:
        library = logging.getLogger(name)
        if library.level == logging.NOTSET:
            library.setLevel(QUIET[name])


def hear_libraries(*, verbose: bool = False) -> None:
    """Send to the log what libraries say: warnings and errors, of those in `QUIET` less; `verbose` has them say as much as all others."""
    quiet_libraries()
    if verbose:
        for name, level in QUIET.items():
            if logging.getLogger(name).level == level:
                logging.getLogger(name).setLevel(logging.WARNING)
    root = logging.getLogger()
    if not any(isinstance(handler, ToLog) for handler in root.handlers):
        root.addHandler(ToLog())
    logging.captureWarnings(capture=True)


class ToLog(logging.Handler):
    """Takes each record of `logging` to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`; must not raise."""
        try:
            level = max(logging.DEBUG, min(record.levelno, logging.CRITICAL))
            structlog.get_logger().log(level // 10 * 10, record.getMessage().strip(), logger=record.name, exc_info=record.exc_info or None)
        except Exception:  # noqa: BLE001  (so `logging` asks of a handler: what cannot be said must not end who says it)
            self.handleError(record)
