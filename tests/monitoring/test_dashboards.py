"""The dashboards as Grafana reads them: whole, on the datasource that is provisioned, and with variables that are declared."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from src.monitoring.names import FAMILIES
from tests.monitoring.configured import read_yaml, selectors
from tests.monitoring.dashboards import DASHBOARDS, expressions, filled_in, panels
from tests.servers import ROOT

GRAFANA = ROOT / "compose" / "grafana"
Dashboard = dict[str, Any]


def test_there_are_three() -> None:
    assert {dashboard["title"] for dashboard in DASHBOARDS.values()} == {"CoinSpark: markets", "CoinSpark: pipeline", "CoinSpark: Kafka"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == 3


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_stand_beside_each_other_and_are_named(dashboard: Dashboard) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(set(titles)) == len(titles)
    for panel in panels(dashboard):
        assert panel["targets"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_all_is_asked_of_the_datasource_that_is_provisioned(dashboard: Dashboard) -> None:
    (provisioned,) = read_yaml(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    variables = dashboard["templating"]["list"]
    targets = [target for panel in panels(dashboard) for target in panel["targets"]]
    for asked in (*variables, *panels(dashboard), *targets):
        assert asked["datasource"] == {"type": provisioned["type"], "uid": provisioned["uid"]}


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_each_variable_is_a_label_of_a_metric_and_is_used(dashboard: Dashboard) -> None:
    labels = {family.name: family.labels for family in FAMILIES}
    used = {name for panel in panels(dashboard) for target in panel["targets"] for name in re.findall(r"\$(?!__)(\w+)", target["expr"])}
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == used
    for variable in dashboard["templating"]["list"]:
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
        assert found is not None
        assert found[2] in labels[found[1]]
        assert variable["query"]["query"] == variable["definition"]


@pytest.mark.parametrize(("dashboard", "panel", "expression"), expressions())
def test_each_label_that_is_asked_for_is_one_of_the_metric(dashboard: str, panel: str, expression: str) -> None:
    labels = {name: {*family.labels, "le", "instance"} for family in FAMILIES for name in family.names}
    found = selectors(filled_in(expression, "1m"))
    assert found, (dashboard, panel)
    known = set.intersection(*(labels[re.split(r"[{\[]", selector)[0]] for selector in found))
    for selector in found:
        assert set(re.findall(r"(\w+)=~?\"", selector)) <= labels[re.split(r"[{\[]", selector)[0]]
    assert {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")} <= known
