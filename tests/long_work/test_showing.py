"""A bar on a terminal, a line of the log every ten seconds elsewhere, and results that nobody takes away."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from src.long_work import Advance, LongWork, can_draw, long_work
from tests.servers import ROOT

PROGRAM = """
import sys
from src.logs import logger
from src.long_work import long_work

with long_work("reading", "letters", 300) as work:
    for number in range(300):
        work.step()
    work._next_draw = 0
    work.reach(300)
    logger().warning("between")
    sys.stdout.write("result\\n")
    work._bar.refresh()
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_a_line_comes_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    work = LongWork("sending messages", Advance("messages", 100), None, clock)
    assert not work.is_drawn
    for second in range(1, 26):
        clock.now = float(second)
        work.step(2)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in said] == [
        "sending messages: 20 of 100 messages, 2 messages/s, 40 s left",
        "sending messages: 40 of 100 messages, 2 messages/s, 30 s left",
    ]
    assert (said[0]["work"], said[0]["done"], said[0]["rate"], said[0]["seconds_left"]) == ("sending messages", 20, 2, 40)


def test_a_short_work_says_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert not can_draw()
    with long_work("reading", "rows", 10) as work:
        work.reach(10)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_and_standard_output_is_untouched() -> None:
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=terminal, env=environment, cwd=ROOT) as process:
        os.close(terminal)
        assert process.stdout is not None
        result = process.stdout.read()
        drawn = b""
        while True:
            try:
                part = os.read(main, 65_536)
            except OSError:  # Linux's way to say that nobody has the terminal open any more
                break
            if not part:
                break
            drawn += part
    os.close(main)
    text = drawn.decode()
    assert result == b"result\n", "a pipe gets results and nothing else"
    assert "reading" in text
    assert "300 of 300 letters" in text
    assert "between" in text, "lines of the log go above the bar"
    assert "{" not in text, "and are for a person there"
