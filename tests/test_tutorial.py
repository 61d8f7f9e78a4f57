"""docs/tutorial.md as a reader follows it: each file written, each command run, from top to bottom, in a clone of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from src.collect.parsed import Channel, Frame, Pair
from src.errors import MalformedFrame
from src.schema.records import Region, Source, Ticker
from tests.loopback import NOTHING_OUTSIDE
from tests.servers import ROOT, free_port

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
PATIENCE = 600.0
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# ([\w./]+\.py)\n")


@dataclass(frozen=True)
class Step:
    """A file to be written, or a command line to be typed."""

    file: str = ""
    text: str = ""

    @property
    def runs_until_stopped(self) -> bool:
        return "Ctrl-C" in self.text

    def __str__(self) -> str:
        return self.file or self.text


def steps() -> list[Step]:
    found: list[Step] = []
    for language, text in _BLOCK.findall(PAGE):
        if language == "python":
            name = _FILE.match(text)
            assert name is not None, f"a block of Python is a file, whose name its first line says: {text[:80]}"
            # The name is told to the reader; what is behind it is the file.
            found.append(Step(file=name[1], text=text[name.end() :]))
        else:
            assert language == "sh", f"what is a block of {language} for?"
            found += [Step(text=line) for line in text.splitlines() if line.strip()]
    return found


@dataclass
class Clone:
    """A clone that somebody follows the page in."""

    folder: Path
    environment: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)
    """Standard output by command line."""

    def follow(self, step: Step) -> None:
        if step.file:
            path = self.folder / step.file
            assert path.parent.is_dir()
            path.write_text(step.text)
        elif step.text.startswith("make "):
            # That it installs, and does nothing when all is there, is what tests/install is for.
            self._run(f"make --dry-run {step.text.removeprefix('make ')}")
        elif step.runs_until_stopped:
            self._stop_after_a_while(step)
        else:
            self.said[step.text] = self._run(step.text)

    def output(self, beginning: str) -> str:
        """What the command that begins so has printed."""
        [found] = [said for line, said in self.said.items() if line.startswith(beginning)]
        return found

    def _run(self, line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
        return done.stdout

    def _stop_after_a_while(self, step: Step) -> None:
        """Stopped as a person does it, once it has shown what it is for."""
        log = self.folder / "shown.txt"
        with log.open("w") as output:
            words = step.text.split("#")[0].split()
            process = subprocess.Popen(words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wanted = "The dashboard is at" if "dashboard" in words else "first row of market_arbitrage_signal"
            deadline = time.monotonic() + PATIENCE
            while wanted not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """The project as it lies in a clone after `make install`; whatever still runs there afterwards is killed."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("coin_spark.py", "Makefile", "ivy.xml", "pyproject.toml", "poetry.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "install", folder / "install", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COINSPARK_", "MAKE", "MFLAGS"))}
    environment = {
        **inherited,
        **NOTHING_OUTSIDE,
        "PATH": os.pathsep.join((str(ROOT / ".venv" / "bin"), os.environ.get("PATH", ""))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COINSPARK_JARS": str(ROOT / ".jars"),
        "COINSPARK_BROKER_PORT": str(free_port()),
        "COINSPARK_CONTROLLER_PORT": str(free_port()),
        "COINSPARK_REACH_SECONDS": "1",
        "COINSPARK_SIMULATE_RATE": "10",
    }
    yield Clone(folder, environment)
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            process.kill()


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.timeout(3600)
def test_the_page_does_what_it_says(clone: Clone) -> None:
    for step in steps():
        if step.text.startswith("rm "):
            assert_all_is_there(clone)
        clone.follow(step)
    left = {str(path.relative_to(clone.folder)) for path in clone.folder.iterdir()} - {"shown.txt"}
    assert left == {"src", "install", "coin_spark.py", "Makefile", "ivy.xml", "pyproject.toml", "poetry.lock", ".venv"}, "nothing else is left"


def cells(table: str) -> list[list[str]]:
    """Of the rows that `query` has printed."""
    return [[cell.strip() for cell in line.rstrip()[1:-1].split("│")] for line in table.splitlines() if line.startswith("│")]


def assert_all_is_there(clone: Clone) -> None:
    """What a reader has seen, and has, before it is all thrown away."""
    of_one = cells(clone.output("python coin_spark.py query market_arbitrage_signal BTC"))
    assert {cell for row in of_one for cell in row} >= {"upbit", "okx", "bybit"}
    looked = cells(clone.output('python coin_spark.py query "SELECT symbol, market, first_price'))
    # Where a price of USDT in won came in time, as won are converted by it, it is a price like others.
    places = {(symbol, market) for symbol, market, *_ in looked} - {("USDT", "upbit")}
    assert places == {(s, m) for s in ("BTC", "ETH") for m in ("upbit", "okx", "bybit")}
    assert "--source" in clone.output("python my_metric.py --help")
    ranges = cells(clone.output('python coin_spark.py query "SELECT symbol, market, min(low), max(high)'))
    assert {(symbol, market) for symbol, market, *_ in ranges} >= {("BTC", "okx"), ("ETH", "bybit")}
    assert all(0 < float(low.replace(",", "")) <= float(high.replace(",", "")) for *_, low, high in ranges)
    messages = [json.loads(line) for line in clone.output("python coin_spark.py topics consume PriceRange").splitlines()]
    assert [message["range"] >= 0 for message in messages] == [True, True]

    header, *rows = clone.output("cat csv/price_range").splitlines()
    assert {"symbol", "market", "low", "high", "range"} <= set(header.replace('"', "").split(","))
    assert any("BTC" in row and "okx" in row for row in rows)

    frame = json.loads(clone.output("head -n 1 tuesday/example"))
    assert json.loads(frame["message"])["pair"] == "BTC-USDT"
    records = [json.loads(line) for line in clone.output("python coin_spark.py normalise example").splitlines()]
    assert {(record["market"], record["symbol"], record["quote"]) for record in records} == {("example", "BTC", "USDT")}
    assert cells(clone.output('python coin_spark.py query "SELECT symbol, market, last_price'))[0][:2] == ["BTC", "example"]
    assert clone.output("python coin_spark.py down") == "No broker runs.\n"
    sources = {source for source, _ in cells(clone.output('python coin_spark.py query "SELECT source'))}
    assert sources == {"simulated", "replay"}, "what was looked on at is simulated where no exchange can be reached"


def test_there_is_a_file_of_each_kind_and_every_command_begins_with_a_program() -> None:
    assert [step.file for step in steps() if step.file] == ["my_metric.py", "my_sink.py", "src/collect/exchanges/example.py"]
    programs = {step.text.split()[0] for step in steps() if not step.file}
    assert programs == {"make", "source", "python", "head", "cat", "rm"}


@pytest.mark.parametrize("step", [step for step in steps() if step.file], ids=str)
def test_its_files_are_as_clean_as_the_project(step: Step) -> None:
    ours = 'lint.isort.known-first-party = ["my_metric", "src"]'
    for words in (["check", "--ignore", "D100,INP001", "--config", ours], ["format", "--check"]):
        command = [str(ROOT / ".venv" / "bin" / "ruff"), *words, "--stdin-filename", str(ROOT / step.file), "-"]
        done = subprocess.run(command, cwd=ROOT, input=step.text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The exchange of the page."""
    [step] = [step for step in steps() if step.file.endswith("example.py")]
    path = tmp_path / "example.py"
    path.write_text(step.text)
    spec = importlib.util.spec_from_file_location(f"tutorial_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Where annotations are looked up.
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_exchange_reads_what_it_says_and_refuses_the_rest(module: ModuleType) -> None:
    example = module.Example()
    ticker = Ticker(
        region=Region.ASIA,
        market="example",
        symbol="BTC",
        quote="USDT",
        source=Source.SIMULATED,
        event_time=1_790_000_000_000,
        received_time=1_790_000_000_050,
        price=65_000.1,
        bid=65_000.0,
        ask=None,
    )

    def frame(message: str) -> Frame:
        return Frame("example", Source.SIMULATED, ticker.received_time, message)

    assert list(example.parse(frame(example.simulate(ticker)))) == [ticker]
    assert json.loads(example.subscribe(Channel.TICKER, [Pair("BTC", "USDT")])[0])["pairs"] == ["BTC-USDT"]
    assert example.parse(frame('{"type":"subscribed","pair":"BTC-USDT"}'))[0].kind == "acknowledged"
    for wrong in ("", "{}", '{"type":"trade"}', '{"type":"ticker","pair":"BTC"}', '{"type":"ticker","pair":"b-c-d"}', '{"type":"ticker","time":-1}'):
        with pytest.raises(MalformedFrame):
            example.parse(frame(wrong))
