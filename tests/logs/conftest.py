"""The log as it was before, after each test."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest

from src.logs import configure_logs
from src.logs import setup as logs_setup
from src.logs.libraries import QUIET
from src.logs.secrets import Hidden


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in QUIET}
    showing = warnings.showwarning
    monkeypatch.setattr(logs_setup, "_hidden", Hidden())
    yield
    warnings.showwarning = showing
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    monkeypatch.undo()
    configure_logs()
