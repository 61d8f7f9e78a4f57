"""The documentation as a site: built with warnings as errors, every page in it, nothing loaded from the internet."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.site_docstrings import written
from tests.servers import ROOT

# What a browser loads by itself; an <a href> is followed by people.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"']?([^\"'\s>]+)|<link\b[^>]*\bhref=[\"']?([^\"'\s>]+)", re.IGNORECASE
)
_LOADED_BY_STYLE = re.compile(r"(?:@import\s+(?:url\()?|url\()[\"']?([^\"')\s]+)", re.IGNORECASE)
_NOT_LOADED = re.compile(r'<link\b[^>]*rel="?canonical', re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    index = (site / "index.html").read_text()
    assert len(pages) > 15
    for page in [*pages, Path("reference/settings.html"), Path("changelog.html")]:
        assert (site / page).is_file(), page
        assert f'href="{page}"' in index, page


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    looked = 0
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = path.read_text()
        loaded = [found for pair in _LOADED.findall(_without_canonical(text)) for found in pair if found] if path.suffix == ".html" else []
        loaded += _LOADED_BY_STYLE.findall(text)
        looked += len(loaded)
        outside = [address for address in loaded if re.match(r"(https?:)?//", address)]
        assert outside == [], path
    assert looked > 100


def test_the_public_names_are_in_the_reference(site: Path) -> None:
    reference = "\n".join(path.read_text() for path in (site / "reference").glob("*.html"))
    for name in (
        *("src.preprocess.metric.Metric", "src.preprocess.metric.Window", "src.preprocess.statistics.Vwap", "src.preprocess.expression.col"),
        *("src.storage.sink.BatchSink.write", "src.storage.sink.Sink.open", "src.collect.exchange.Exchange.parse"),
        *("src.setting.jobs.SparkStreamingTicker", "src.setting.abstract.AbstractSparkSettingOrganization._create_spark_session"),
        *("src.errors.TransientError", "src.schema.records.OrderBook", "src.config.settings.load_settings", "src.long_work.showing.long_work"),
    ):
        assert f'id="{name}"' in reference, name
    assert "COINSPARK_LOG_FORMAT" in (site / "reference" / "settings.html").read_text()


def _without_canonical(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not _NOT_LOADED.search(line))


@pytest.mark.parametrize(
    ("docstring", "markdown"),
    [
        ("Plain text,\nof two lines.", "Plain text,\nof two lines."),
        (
            "What it is.\n\nname: its table.\nkeys: record columns\n    that tell rows.",
            "What it is.\n\n- `name`: its table.\n- `keys`: record columns\n    that tell rows.",
        ),
        ("price_<market>: USD; *_size: coins", "- `price_<market>`: USD; \\*\\_size: coins"),
        ("Rows of `<table>_current`, under <home>.", "Rows of `<table>_current`, under &lt;home>."),
        ("A name that begins with _ or is _hidden; a[0] | b.", "A name that begins with _ or is \\_hidden; a\\[0] \\| b."),
        ("Like so:\n\n    with about(part=_part) as x:\n        x[0] < 1", "Like so:\n\n    with about(part=_part) as x:\n        x[0] < 1"),
        ("Examples:\n- `python coin_spark.py`\n- two", "Examples:\n- `python coin_spark.py`\n- two"),
        ("Raises: nothing is a list here.", "Raises: nothing is a list here."),
    ],
)
def test_docstrings_become_markdown(docstring: str, markdown: str) -> None:
    assert written(docstring) == markdown
