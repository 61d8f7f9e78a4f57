"""What `up` shows: a table that redraws itself on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from src.command.parts_view import PartsScreen, parts_table
from src.config.settings import Settings, load_settings
from src.parts.identity import ProcessIdentity, identity_of
from src.parts.look import PartStatus
from src.parts.record import PartRecord, UpRecord
from tests.servers import free_port


class Terminal(io.StringIO):
    """One that can be closed while it is written to."""

    is_gone = False

    def write(self, text: str) -> int:
        if self.is_gone:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(text)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, broker_port=free_port(), controller_port=free_port())


@pytest.fixture
def me() -> ProcessIdentity:
    identity = identity_of(os.getpid())
    assert identity is not None
    return identity


def record(me: ProcessIdentity, *parts: PartRecord, state: str = "running") -> UpRecord:
    return UpRecord(supervisor=me, started_time=1, state=state, source="simulate", dashboard="http://127.0.0.1:8050/", parts=parts)


def test_elsewhere_a_line_says_each_change_once(settings: Settings, me: ProcessIdentity) -> None:
    lines: list[str] = []
    waiting = PartRecord(name="ticker", state="waiting", log="/logs/ticker.log")
    running = msgspec.structs.replace(waiting, state="running", process=me)
    failed = msgspec.structs.replace(waiting, state="failed", message="ended with exit status 1: no disk")
    with PartsScreen(settings, Console(file=io.StringIO()), lines.append) as screen:
        for part in (waiting, running, running, failed, failed):
            screen.show(record(me, part))
        screen.say("the broker was started again")
    assert lines == [
        f"ticker running (pid {me.pid})",
        "ticker failed: ended with exit status 1: no disk (all of it in /logs/ticker.log)",
        "the broker was started again",
    ]


def test_a_terminal_shows_every_part_and_how_to_stop(settings: Settings, me: ProcessIdentity) -> None:
    out = io.StringIO()
    lines: list[str] = []
    failed = PartRecord(name="trade", state="failed", message="ended with exit status 1: no disk", log="/logs/trade.log")
    with PartsScreen(settings, Console(file=out, force_terminal=True, width=150, height=40), lines.append) as screen:
        screen.show(record(me, PartRecord(name="ticker", state="running", process=me, log="/logs/ticker.log"), failed))
    text = out.getvalue()
    assert lines == []
    for word in (
        "broker",
        "stopped",
        "ticker",
        "starting",
        "failed",
        "no disk",
        "/logs/trade.log",
        "http://127.0.0.1:8050/",
        "Ctrl-C stops everything",
    ):
        assert word in text, word


def test_a_terminal_is_told_nothing_by_what_an_exchange_says() -> None:
    table = parts_table([PartStatus(name="collector", state="running", well=True, pid=5, problem="okx: \x1b]0;mine\x07")], 0.0)
    assert str(next(iter(table.columns[-1].cells))) == "okx: ?]0;mine?"


def test_the_screen_of_a_terminal_that_was_closed_ends_quietly(settings: Settings) -> None:
    terminal = Terminal()
    with PartsScreen(settings, Console(file=terminal, force_terminal=True, width=150, height=40), lambda _: None) as screen:
        terminal.is_gone = True
        with pytest.raises(OSError, match="Input/output error"):
            screen.say("to nobody")


def test_a_terminal_says_that_it_is_stopping(settings: Settings, me: ProcessIdentity) -> None:
    out = io.StringIO()
    with PartsScreen(settings, Console(file=out, force_terminal=True, width=150, height=40), lambda _: None) as screen:
        screen.show(record(me, PartRecord(name="ticker", state="stopping", process=me, log="/logs/ticker.log"), state="stopping"))
    assert "Ctrl-C again ends it by force" in out.getvalue()
