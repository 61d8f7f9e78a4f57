"""The benches are there when they are wanted: what they import is still where they look for it."""

from __future__ import annotations

import importlib
import sys

import pytest

from tests.servers import ROOT

ELSEWHERE = {"cryptofeed_parse": "cryptofeed", "throughput_flink": "PyFlink"}
"""Run in environments of their own, which have what the project's has not."""
MODULES = sorted(file.stem for file in (ROOT / "bench").glob("*.py"))


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ELSEWHERE])
def test_a_bench_can_be_imported(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    importlib.import_module(f"bench.{module}")
    assert f"bench.{module}" in sys.modules


def test_those_of_other_environments_are_still_there() -> None:
    assert set(ELSEWHERE) <= set(MODULES)
