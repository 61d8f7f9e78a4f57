"""What the collectors of this home say of themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil

from src.collect.status import read_statuses
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well

SILENT_SECONDS = 60
"""A collector writes its status about once a second."""
_ENDED = {"finished", "stopped"}


def check_collectors(settings: Settings) -> Iterator[Finding]:
    """Whether those that were started still collect."""
    statuses = read_statuses(settings.home)
    if not statuses:
        yield well("collectors", "none has run here: jobs start theirs")
    for status in statuses:
        name = f"{','.join(status.channels)} ({status.source.value}, pid {status.pid})"
        message = f": {' '.join(status.message.split())}" if status.message else ""
        silent = time.time() - status.updated_time / 1000
        if status.state in _ENDED:
            yield well("collectors", f"{name} {status.state}")
        elif status.state == "failed":
            yield unwell("collectors", f"{name} failed{message}; mend that and start it again")
        elif not psutil.pid_exists(status.pid):
            yield unwell("collectors", f"{name} was ended from outside: start it again")
        elif silent > SILENT_SECONDS:
            yield unwell("collectors", f"{name} has said nothing for {silent:.0f} s: stop it and start it again")
        else:
            connected = sum(1 for market in status.markets.values() if market.connected)
            yield well("collectors", f"{name} {status.state}, {status.sent:,} records sent, {connected} markets connected{message}")
