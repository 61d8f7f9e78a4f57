"""What docs/api.md says is so: every curl line and the websocket program are run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.dashboard.api.limits import Limits
from tests.dashboard.served import Served
from tests.servers import ROOT, missing

PAGE = (ROOT / "docs" / "api.md").read_text()
LINES = re.findall(r"^curl .*$", PAGE, re.MULTILINE)
PLACE = "127.0.0.1:8050"
WRONG = "binanse"


def curl(line: str, api: Served) -> object:
    """What a line of the page prints, put to the test's server."""
    if shutil.which("curl") is None:
        raise missing("no curl on this machine")
    words = shlex.split(line.replace(PLACE, f"127.0.0.1:{api.port}"))
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


def test_the_page_has_lines_to_run() -> None:
    assert len(LINES) == 8


@pytest.mark.parametrize("line", [line for line in LINES if WRONG not in line and "NEXT_CURSOR" not in line])
def test_a_line_gives_data(line: str, api: Served) -> None:
    found = curl(line, api)
    assert isinstance(found, dict)
    assert "status" not in found
    assert found.get("rows", found.get("prices", ["of another kind"]))


def test_the_line_behind_a_cursor_gives_the_rows_behind(api: Served) -> None:
    (line,) = (line for line in LINES if "NEXT_CURSOR" in line)
    first = curl(line.replace("&cursor=NEXT_CURSOR", ""), api)
    assert isinstance(first, dict)
    second = curl(line.replace("NEXT_CURSOR", first["next_cursor"]), api)
    assert isinstance(second, dict)
    assert first["rows"][-1]["window_start"] >= second["rows"][0]["window_start"]
    assert [row for row in second["rows"] if row in first["rows"]] == []


def test_the_wrong_line_is_answered_with_what_is_near(api: Served) -> None:
    (line,) = (line for line in LINES if WRONG in line)
    found = curl(line, api)
    assert isinstance(found, dict)
    assert found["detail"] == (
        "market: 'binanse' is none of "
        + found["detail"].partition("is none of ")[2].partition(" (")[0]
        + " (nearest: binance); symbl: there is no such parameter (nearest: symbol)"
    )


def test_the_program_prints_candles(api: Served, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "live.py"
    path.write_text(program.replace(PLACE, f"127.0.0.1:{api.port}"))
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline().split() for _ in range(3)]
        running.terminate()
    candles = api.json("/candles", symbol="BTC", market="binance", interval="1m", limit=3)["rows"][::-1]
    assert lines == [[str(row["window_start"]), str(row["close"]), row["complete"]] for row in candles]


def test_the_limits_are_those_that_the_page_names() -> None:
    limits = Limits()
    said = (
        f"more than {limits.requests_per_second:g} requests a second ({limits.burst} at once after a quiet while), or more than {limits.connections}",
        f"`limit` is {limits.rows_unasked} unless it is given, at most {limits.rows:,}.",
        f"The newest {limits.watched_rows:,} rows",
        f"{limits.waiting_messages} messages or {limits.waiting_bytes // 1024**2} MB behind",
        f"a message longer than {limits.message_bytes // 1024} kB",
        f"after {limits.heartbeat_seconds:g} s without",
        f"at most {limits.subscriptions} subscriptions",
    )
    assert [text for text in said if text not in PAGE] == []
