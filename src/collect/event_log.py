"""Lines of the ledger as lines of the log, for whoever reads what the collector says and not its topic."""

from __future__ import annotations

import logging

from src.logs import logger
from src.schema.records import CollectorEvent, EventKind

_LEVELS = {
    EventKind.DROPPED: logging.WARNING,
    EventKind.DISCONNECTED: logging.INFO,
    EventKind.HALTED: logging.INFO,
    EventKind.TRADING: logging.INFO,
}
"""The others come with every start, or again and again from an exchange that is away: the ledger has them, and the log at `debug`."""


def log_event(event: CollectorEvent) -> None:
    """Say what happened, with the market, channel and symbol that it is about."""
    places = {name: value for name in ("market", "channel", "symbol", "count") if (value := getattr(event, name)) is not None}
    text = ": ".join(filter(None, (event.kind.value.replace("_", " "), event.detail)))
    logger().log(_LEVELS.get(event.kind, logging.DEBUG), text, kind=event.kind.value, source=event.source.value, **places)
