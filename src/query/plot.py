"""An answer drawn in the terminal: values over time as lines, candles as candles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from src.errors import ConfigurationError
from src.printable import printable
from src.query.result import Result

_CANDLE = ("open", "close", "high", "low")
_MOST_LINES = 6
_TICKS = 6
_LEAST_WIDTH, _LEAST_HEIGHT = 40, 12
_MOST_HEIGHT = 40
_SIGNS = "●▲■◆○△"
"""Of lines where there are no colours."""


@dataclass(frozen=True)
class Line:
    """One line: its name, and its points by time, seconds since 1970 UTC."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Candle:
    """One candle; `time` in seconds since 1970 UTC."""

    time: float
    open: float
    close: float
    high: float
    low: float


def plotted(result: Result, first: Sequence[str], width: int, height: int, *, color: bool) -> str:
    """The drawing, in so many cells of the terminal; colours only where they are asked for. Raises as `candles_of` and `lines_of`."""
    candles = candles_of(result)
    every = [] if candles else lines_of(result, first)
    lines = every[:_MOST_LINES]
    # It takes a sixth of a second to load, and few draw.
    import plotext  # noqa: PLC0415

    figure = plotext.figure
    figure.clear()
    figure.theme("simple" if color else "colorless")
    figure.plot_size(max(_LEAST_WIDTH, width), min(_MOST_HEIGHT, max(_LEAST_HEIGHT, height - 1)))
    if candles:
        parts = {"date": "time", **{name: name for name in _CANDLE}}
        figure.draw(figure.candlestick({part: [getattr(candle, name) for candle in candles] for part, name in parts.items()}))
        figure.title(_title(result))
        times = [candle.time for candle in candles]
    else:
        for line, sign in zip(lines, _SIGNS, strict=False):
            marker = {} if color or len(lines) == 1 else {"marker": sign}
            figure.draw(figure.signal(*map(list, zip(*line.points, strict=True)), **marker).lines().label(line.name))
        if len(every) > len(lines):
            figure.title(f"{len(lines)} of {len(every)} lines")
        times = [time for line in lines for time, _ in line.points]
    marks = ticks(min(times), max(times))
    figure.ruler("x").ticks([place for place, _ in marks], labels=[text for _, text in marks])
    return str(figure.build().string(colorless=not color)).rstrip("\n")


def candles_of(result: Result) -> list[Candle] | None:
    """The candles of an answer, the oldest first; None where it has no such columns.

    Raises ConfigurationError for those of several prices, which would stand in each other's way.
    """
    places = {heading.name: place for place, heading in enumerate(result.headings)}
    time = _time_place(result)
    if time is None or not places.keys() >= {*_CANDLE}:
        return None
    rows = [row for row in result.rows if row[time] is not None and all(row[places[name]] is not None for name in _CANDLE)]
    if len({row[time] for row in rows}) < len(rows):
        keys = ", ".join(_differing(result, places, ("symbol", "market", "quote", "instrument", "interval", "source")))
        raise ConfigurationError(f"candles of several prices are in the answer ({keys}): name one, by symbol, --market, --interval and --where")
    found = [Candle(row[time].timestamp(), *(float(row[places[name]]) for name in _CANDLE)) for row in rows]
    return sorted(found, key=lambda candle: candle.time)


def lines_of(result: Result, first: Sequence[str] = ()) -> list[Line]:
    """The lines of an answer: one for each column of numbers, or where rows of several keys are in it, one column for each of them.

    first: columns that are drawn rather than others; of one key at most six.
    Raises ConfigurationError for an answer without times, or without numbers.
    """
    time = _time_place(result)
    numbers = [place for place in range(len(result.headings)) if place != time and _is_number(result, place)]
    if time is None or not numbers:
        raise ConfigurationError("this cannot be drawn: a plot needs a column of times and one of numbers; --csv and --json take anything")
    names = [heading.name for heading in result.headings]
    wanted = [place for name in first for place in numbers if names[place] == name] or numbers
    texts = [place for place in range(len(names)) if any(isinstance(row[place], str) for row in result.rows)]
    keys = [place for place in texts if len({row[place] for row in result.rows}) > 1] if _times_repeat(result, time) else []
    lines = list(_lines(result, time, wanted[:1] if keys else wanted[:_MOST_LINES], keys))
    if not lines:
        raise ConfigurationError("this cannot be drawn: no row has both a time and a number")
    return lines


def _lines(result: Result, time: int, wanted: Sequence[int], keys: Sequence[int]) -> Iterator[Line]:
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in result.rows:
        groups.setdefault(tuple(row[place] for place in keys), []).append(row)
    for key, rows in groups.items():
        for place in wanted:
            points = sorted((row[time].timestamp(), float(row[place])) for row in rows if row[time] is not None and _finite(row[place]))
            if points:
                yield Line(printable(" ".join([*map(str, key), result.headings[place].text])), tuple(points))


def ticks(begin: float, end: float) -> list[tuple[float, str]]:
    """Places on the axis of time, and what stands there: UTC, with the date where the axis spans more than a day."""
    form = "%m-%d %H:%M" if end - begin > 86_400 else "%H:%M" if end - begin > 300 else "%H:%M:%S"  # noqa: PLR2004
    places = [begin + (end - begin) * number / (_TICKS - 1) for number in range(_TICKS)] if end > begin else [begin]
    return [(place, datetime.fromtimestamp(place, UTC).strftime(form)) for place in places]


def _title(result: Result) -> str:
    """Whose candles they are, and in which currency: what is the same in all rows."""
    names = ("symbol", "market", "interval")
    said = {heading.name: {row[place] for row in result.rows} for place, heading in enumerate(result.headings) if heading.name in names}
    unit = next((heading.unit for heading in result.headings if heading.name == "close"), "")
    return " ".join([*(str(next(iter(said[name]))) for name in names if len(said.get(name, ())) == 1), f"({unit}, UTC)" if unit else "(UTC)"])


def _time_place(result: Result) -> int | None:
    return next((place for place in range(len(result.headings)) if any(isinstance(row[place], datetime) for row in result.rows)), None)


def _times_repeat(result: Result, time: int) -> bool:
    return len({row[time] for row in result.rows}) < len(result.rows)


def _is_number(result: Result, place: int) -> bool:
    values = [row[place] for row in result.rows if row[place] is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _differing(result: Result, places: dict[str, int], names: Sequence[str]) -> list[str]:
    return [
        f"{name} {', '.join(sorted(map(str, found)))}"
        for name in names
        if name in places and len(found := {row[places[name]] for row in result.rows}) > 1
    ]
