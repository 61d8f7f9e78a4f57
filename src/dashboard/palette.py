"""Colours that people with any colour vision can tell apart: Okabe and Ito's (https://jfly.uni-koeln.de/color/), on light and dark ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ORANGE, VERMILION, PURPLE = "#e69f00", "#d55e00", "#cc79a7"
_SEPARATORS = ".,"


@dataclass(frozen=True)
class Palette:
    """Colours of charts. Up is blue and down orange, which colour-blind people tell apart, as many cannot red and green."""

    is_dark: bool
    ground: str
    text: str
    grid: str
    up: str
    down: str
    series: tuple[str, ...]

    def layout(self, revision: str, height: int, **more: Any) -> dict[str, Any]:
        """The layout of a chart. It keeps its zoom and hidden lines while `revision` stays the same."""
        axis = {"gridcolor": self.grid, "zerolinecolor": self.grid, "linecolor": self.grid}
        given: dict[str, Any] = {
            "paper_bgcolor": self.ground,
            "plot_bgcolor": self.ground,
            "font": {"color": self.text, "family": "system-ui, sans-serif", "size": 12},
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "height": height,
            "uirevision": revision,
            "separators": _SEPARATORS,
            "hoverlabel": {"bgcolor": self.ground, "font": {"color": self.text}},
            "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
            "xaxis": {**axis, "automargin": True},
            "yaxis": {**axis, "automargin": True, "exponentformat": "none", "tickformat": ","},
        }
        for name, value in more.items():
            given[name] = {**axis, "automargin": True, **given.get(name, {}), **value} if "axis" in name else value
        return given


LIGHT = Palette(
    is_dark=False,
    ground="#ffffff",
    text="#1b2330",
    grid="#e3e7ee",
    up="#0072b2",
    down=VERMILION,
    series=("#0072b2", ORANGE, "#009e73", PURPLE, "#56b4e9", VERMILION),
)
DARK = Palette(
    is_dark=True,
    ground="#171d27",
    text="#e8ecf3",
    grid="#2c3545",
    up="#56b4e9",
    down=ORANGE,
    series=("#56b4e9", ORANGE, "#2fc79b", PURPLE, "#f0e442", VERMILION),
)
