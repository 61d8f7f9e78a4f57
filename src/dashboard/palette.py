"""Colours that people with any colour vision can tell apart, after Okabe and Ito's (https://jfly.uni-koeln.de/color/), on light and dark ground.

Lines and bars have a contrast of 3:1 to their ground at least, and texts 4.5:1 (WCAG 2.2, 1.4.11 and 1.4.3): on white some of theirs are darkened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

BLUE, SKY, ORANGE, VERMILION = "#0072b2", "#56b4e9", "#e69f00", "#d55e00"
_BLACK, _WHITE = "#000000", "#ffffff"
_SEPARATORS = ".,"
_LINEAR_BELOW = 0.04045
_DATES: dict[str, Any] = {
    # The names of months would be English ones in every language.
    "hoverformat": "%Y-%m-%d %H:%M:%S",
    "tickformatstops": [
        {"dtickrange": [low, high], "value": value}
        for low, high, value in ((None, 59_999, "%H:%M:%S\n%Y-%m-%d"), (60_000, 86_399_999, "%H:%M\n%Y-%m-%d"), (86_400_000, None, "%Y-%m-%d"))
    ],
}
_UP_IS_RED = frozenset({"ko"})
"""Languages whose readers know prices that rise as red and those that fall as blue, from every page they have seen."""


@dataclass(frozen=True)
class Palette:
    """Colours of charts. Up is blue and down orange, which colour-blind people tell apart, as many cannot red and green."""

    is_dark: bool
    ground: str
    text: str
    grid: str
    up: str
    down: str
    soft: str
    """Bars that say less than others."""
    gap: str
    """Where something is missing."""
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
            "legend": {"orientation": "h", "traceorder": "normal", "y": 1, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
            "xaxis": {**axis, "automargin": True},
            "yaxis": {**axis, "automargin": True, "exponentformat": "none", "tickformat": ","},
        }
        for name, value in more.items():
            dates = _DATES if "axis" in name and value.get("type") == "date" else {}
            given[name] = {**axis, "automargin": True, **given.get(name, {}), **dates, **value} if "axis" in name else value
        return given

    def between(self, end: str, share: float) -> str:
        """The colour a share of the way from the ground to another."""
        return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in zip(_rgb(self.ground), _rgb(end), strict=True))


LIGHT = Palette(
    is_dark=False,
    ground="#ffffff",
    text="#1b2330",
    grid="#e3e7ee",
    up=BLUE,
    down=VERMILION,
    soft="#8791a3",
    gap=VERMILION,
    series=(BLUE, "#c98500", "#009e73", "#a64d8c", "#4a5160"),
)
DARK = Palette(
    is_dark=True,
    ground="#171d27",
    text="#e8ecf3",
    grid="#2c3545",
    up=SKY,
    down=ORANGE,
    soft="#6b7689",
    gap=ORANGE,
    series=(SKY, "#ff9f43", "#009e73", "#cc79a7", "#f0e442"),
)


@cache
def palette(language: str, *, is_dark: bool) -> Palette:
    """The colours for readers of a language."""
    found = DARK if is_dark else LIGHT
    return replace(found, up=found.down, down=found.up) if language in _UP_IS_RED else found


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21, as WCAG 2.2 defines it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(ground: str) -> str:
    """Black or white, whichever is read more easily there."""
    return max((_BLACK, _WHITE), key=lambda colour: contrast(colour, ground))


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    """A share of a colour as light, of sRGB (IEC 61966-2-1)."""
    return share / 12.92 if share <= _LINEAR_BELOW else ((share + 0.055) / 1.055) ** 2.4
