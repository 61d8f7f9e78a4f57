"""Moments on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from src.errors import ConfigurationError


def read_moment(text: str, option: str) -> int:
    """Ms since 1970 UTC of an ISO 8601 time with its offset from UTC, or of that number itself. Raises `ConfigurationError` that names the option."""
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError(
            f"{option} {text}: must be an ISO 8601 time with its offset from UTC, such as 2026-01-31T09:00:00Z, or milliseconds since 1970"
        )
    return round(moment.timestamp() * 1000)


def read_start(text: str | None) -> datetime | None:
    """The time that `--start-at` names, where it is given. Raises as `read_moment`."""
    if text is None:
        return None
    try:
        return datetime.fromtimestamp(read_moment(text, "--start-at") / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise ConfigurationError(f"--start-at {text}: no calendar reaches so far; it is in milliseconds since 1970") from None


def show_moment(milliseconds: int | None) -> str:
    """A time as a person reads it; nothing for None."""
    if milliseconds is None:
        return ""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # a topic's times are whatever its writers said
        return str(milliseconds)
