"""The names of metrics keep Prometheus' conventions, and are the only ones that anything uses."""

from __future__ import annotations

import re

import pytest

from src.monitoring.family import Distribution, Family, FamilyKind
from src.monitoring.names import FAMILIES
from tests.servers import ROOT

UNITS = ("seconds", "bytes", "records", "messages", "rows", "frames", "batches", "offset", "second")
"""What a gauge's name may end with; one that is 0 or 1 says what it is."""


def test_there_are_all_kinds_and_no_name_twice() -> None:
    assert {family.kind for family in FAMILIES} == set(FamilyKind)
    names = [name for family in FAMILIES for name in family.names]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_name_says_whose_it_is_what_it_counts_and_in_which_unit(family: Family) -> None:
    assert re.fullmatch(r"coinspark_(collector|home|job|query|sink|group)_[a-z_]+[a-z]", family.name)
    assert family.name.endswith("_total") == (family.kind is FamilyKind.COUNTER)
    if family.kind is FamilyKind.GAUGE and family.name != "coinspark_collector_connected":
        assert set(family.name.split("_")) & set(UNITS), family.name
    assert (family.kind is FamilyKind.HISTOGRAM) == bool(family.bounds) == family.name.endswith("_duration_seconds")
    assert not re.search("milli|minute|kilo|mega|percent", family.name), "base units"
    assert list(family.bounds) == sorted(set(family.bounds))
    assert family.help.endswith(".")
    # Prometheus itself puts the first two on everything.
    assert not {"job", "instance", "le"} & set(family.labels)


def test_a_distribution_counts_what_is_at_or_below_each_bound() -> None:
    times = Distribution((0.5, 1.0, 10.0))
    for seconds in (0.1, 0.5, 0.6, 10.0, 11.0):
        times.add(seconds)
    assert times.buckets() == [("0.5", 2.0), ("1.0", 3.0), ("10.0", 4.0), ("+Inf", 5.0)]
    assert times.sum == pytest.approx(22.2)


def test_no_name_stands_in_the_documentation_or_the_configuration_that_is_none() -> None:
    known = {name for family in FAMILIES for name in family.names} | {family.name for family in FAMILIES}
    files = [*(ROOT / "docs").glob("*.md"), *(ROOT / "compose").rglob("*.yml"), *(ROOT / "compose").rglob("*.json")]
    used = {(path.name, name) for path in files for name in re.findall(r"\bcoinspark_(?:collector|home|job|query|sink|group)_\w+", path.read_text())}
    assert len(used) > 50
    assert {(path, name) for path, name in used if name not in known} == set()
    assert {name for path, name in used if path == "monitoring.md"} >= {family.name for family in FAMILIES}
