"""The dashboards of compose/grafana."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.servers import ROOT

FOLDER = ROOT / "compose" / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions() -> list[tuple[str, str, str]]:
    """Dashboard, panel and expression of every query."""
    return [
        (name, panel["title"], target["expr"]) for name, dashboard in DASHBOARDS.items() for panel in panels(dashboard) for target in panel["targets"]
    ]


def filled_in(expression: str, rate_interval: str) -> str:
    """As Grafana asks it with All chosen of every variable."""
    return re.sub(r"\$(?!__)\w+", ".*", expression.replace("$__rate_interval", rate_interval))
