"""What the documentation says is so: commands exist, generated pages are current, the code in it runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from docs.generate import pages
from src.command.app import app
from src.preprocess import Metric
from src.setting import SparkStreamingTicker
from tests.servers import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _commands() -> list[str]:
    """Every command line in a code block: fenced, or indented by four spaces."""
    found = []
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"^(?: {4}.*\n)+", text, re.MULTILINE)
        lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
        found += [line for line in lines if re.match(r"(python coin_spark\.py|make) ", line)]
    return sorted(set(found))


def test_the_documentation_has_commands() -> None:
    assert len(_commands()) > 8


@pytest.mark.parametrize("line", _commands())
def test_a_command_of_the_documentation_is_one_of_the_program(line: str) -> None:
    program, *words = shlex.split(line)
    if program == "make":
        target = next(word for word in words if "=" not in word)
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    command = get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    context = command.make_context("coin_spark.py", words[1:], resilient_parsing=False)
    name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None
    found.make_context(name, list(rest), parent=context)


@pytest.mark.parametrize(("path", "text"), list(pages().items()), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_generated_pages_are_current(path: Path, text: str) -> None:
    assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


def test_the_metric_of_the_readme_is_a_metric() -> None:
    (code,) = re.findall(r"```python\n# my_job\.py\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, type[SparkStreamingTicker]] = {}
    exec(code.rsplit("MyJob().", 1)[0], names)  # noqa: S102  (it is our own README)
    table = names["MyJob"]().tables[-1]
    assert (table.name, table.topic) == ("price_range", "PriceRangeProcessedCoin")
    assert isinstance(names["MyJob"]().organization.metrics()[-1], Metric)
