"""How a line of the log looks, in both of its forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.logs import last_event
from src.logs.lines import json_line, text_line

LINE = {"event": "subscribed again", "market": "okx", "level": "warning", "time": "2026-11-22T02:05:11.123456Z", "part": "collector"}


def test_json_begins_with_what_every_line_has() -> None:
    line = json_line({**LINE, "home": Path("/tmp/x"), "left": 1.5})  # noqa: S108  (nothing is written there)
    assert line == (
        '{"time":"2026-11-22T02:05:11.123456Z","level":"warning","part":"collector","event":"subscribed again","market":"okx",'
        '"home":"/tmp/x","left":1.5}'
    )


def test_a_person_reads_time_place_and_message() -> None:
    assert text_line(LINE, coloured=False) == "02:05:11 okx: subscribed again"
    assert text_line(LINE, coloured=True) == "02:05:11 \x1b[33mokx: subscribed again\x1b[0m"
    assert text_line({**LINE, "event": "okx is silent"}, coloured=False) == "02:05:11 okx is silent", "what is said is not said twice"


def test_what_a_terminal_would_obey_is_not_sent_to_one() -> None:
    line = {**LINE, "event": "refused:\x1b[2J \x07\x9b1A\tcode 7\nsee there"}
    assert text_line(line, coloured=False) == "02:05:11 okx: refused:?[2J ??1A\tcode 7\nsee there"
    assert "\x1b" not in json_line(line)


def test_what_a_command_answers_has_no_time() -> None:
    assert text_line({"event": "Deleted.", "level": "info", "time": LINE["time"]}, coloured=False) == "Deleted."


def test_an_exception_is_below_its_line() -> None:
    assert text_line({**LINE, "exception": "Traceback ...\nKeyError: 1"}, coloured=False).splitlines()[1:] == ["Traceback ...", "KeyError: 1"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", ""),
        ("first\ncoinspark: no market okxx\n", "coinspark: no market okxx"),
        ('{"event":"first"}\n{"time":"...","event":"no market \\"okxx\\"","exit_status":2}\n', 'no market "okxx"'),
        ("Traceback\nKeyError: 1", "KeyError: 1"),
        ('{"no": "event"}', '{"no": "event"}'),
        ("[1]", "[1]"),
    ],
)
def test_the_last_message_of_a_process_is_found_in_either_form(written: str, said: str) -> None:
    assert last_event(written) == said


def test_json_is_one_line_whatever_is_said() -> None:
    line = json_line({"event": 'two\nlines and "quotes"', "level": "info"})
    assert "\n" not in line
    assert json.loads(line)["event"] == 'two\nlines and "quotes"'
