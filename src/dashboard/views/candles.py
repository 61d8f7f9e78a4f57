"""Candles with volume, means and bands, and panes of RSI and MACD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from dash import html

from src.dashboard.candle_gaps import Gap, gaps, ledger_lines
from src.dashboard.components import chips, graph, in_both_zones, table
from src.dashboard.format import in_zone, utc
from src.dashboard.freshness import newest_event, newest_event_at
from src.dashboard.question import Question, Row
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View

_LENGTHS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000} | dict.fromkeys(("1d", "1d_kst"), 86_400_000)
_LENGTHS |= dict.fromkeys(("1w", "1w_kst"), 604_800_000)
_SHOWN = 240
_NOTHING = 1e-9
"""A share of a volume that is no volume."""
_LINES = ("bollinger_upper", "bollinger_lower", "sma_20", "ema_20")
_COLUMNS = (
    Column("time", "time"),
    *(Column(name, "price") for name in ("open", "high", "low", "close")),
    *(Column(name, "number") for name in ("volume", "buy_volume", "sell_volume")),
    Column("vwap", "price"),
    Column("trades", "whole"),
    Column("complete", "complete"),
)
_GAPS = (Column("time", "time"), Column("until", "time"), Column("missing", "missing"), Column("reason", "words"))


class Candles(NamedTuple):
    """What the view shows: candles, oldest first, the indicators of each by its beginning, and the gaps."""

    candles: tuple[Row, ...]
    indicators: Mapping[int, Row]
    gaps: Sequence[Gap]


class CandleView(View):
    """Candles of one price: symbol, market and interval of the address, by default those traded most."""

    name: ClassVar[str] = "candles"
    order: ClassVar[int] = 20

    def load(self, reading: Reading, page: Page) -> Loaded:
        interval = page.choice.interval if page.choice.interval in _LENGTHS else "1m"
        newest = reading.newest("candles", page.choice.source or None)
        if newest is None:
            return Loaded(())
        source, length = ("source", newest.source), _LENGTHS[interval]
        # What was traded in the last minutes can be chosen; the longest candles say it of a whole week, but most rows are of those.
        recent = reading.rows(Question("candles", ("symbol", "market"), (source, ("interval", "5m")), newest.time - 3_600_000))
        options = {part: sorted({row[part] for row in recent}) for part in ("symbol", "market")}
        symbol = page.choice.symbol or next(iter([name for name in page.settings.symbols if name in options["symbol"]] or options["symbol"]), "")
        markets = sorted({row["market"] for row in recent if row["symbol"] == symbol})
        market = page.choice.market or next((name for name in page.settings.markets if name in markets), next(iter(markets), ""))
        where = (source, ("symbol", symbol), ("market", market), ("interval", interval))
        since = newest.time - _SHOWN * length
        found = _one_price(reading.rows(Question("candles", (), where, since, _SHOWN * 4)))
        price = {(row["quote"], row["instrument"]) for row in found}
        indicators = {
            row["window_start"]: row
            for row in reading.rows(Question("indicators", (), where, since, _SHOWN * 4))
            if (row["quote"], row["instrument"]) in price
        }
        events: list[Row] = []
        event = newest_event(reading, newest, "trade")
        if found:
            events = ledger_lines(reading, newest.source, market, symbol, found[0]["window_start"])
            event = newest_event_at(reading, newest, "trade", market, found[-1]["window_end"])
        options |= {"market": markets or options["market"], "interval": list(_LENGTHS)}
        chosen = {"symbol": symbol, "market": market, "interval": interval}
        rows = Candles(tuple(found), indicators, gaps(found, events, length))
        return Loaded(rows, newest.source, event, options, chosen)

    def show(self, loaded: Loaded, page: Page) -> Any:
        shown, choice = loaded.rows, page.choice
        given = [
            chips(page.texts(part), part, loaded.options[part], loaded.chosen[part], choice, partial(page.texts.named, part))
            for part in ("symbol", "market", "interval")
        ]
        choices = html.Div(given, className="choices")
        if not shown.candles:
            return [choices, html.P(page.texts("candles.empty"), className="empty")]
        # What a chart says where it is pointed at must be there for whoever cannot point.
        tables = [table(sheet, page) for sheet in self.sheets(loaded, page) if sheet.rows]
        return [choices, *_charts(shown, loaded.chosen, page), *tables]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        if not loaded.rows:
            return Sheet("gaps", _GAPS, []), Sheet("candles", _COLUMNS, [])
        rows = [
            [
                *(row["window_start"], row["open"], row["high"], row["low"], row["close"], row["volume"], row["buy_volume"], row["sell_volume"]),
                *(row["vwap"], row["trades"], row["complete"]),
            ]
            for row in reversed(loaded.rows.candles)
        ]
        found = [[gap.start, gap.end, "all" if gap.is_missing else "some", _why(gap, page)] for gap in reversed(loaded.rows.gaps)]
        return Sheet("gaps", _GAPS, found), Sheet("candles", _COLUMNS, rows)


def _one_price(rows: Sequence[Row]) -> list[Row]:
    """The newest candles, oldest first, of the quote and instrument that has the most trades: two prices must not be one line."""
    trades: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["quote"], row["instrument"])
        trades[key] = trades.get(key, 0) + (row["trades"] or 0)
    best = max(trades, key=lambda key: (trades[key], key), default=None)
    return [row for row in rows if (row["quote"], row["instrument"]) == best][:_SHOWN][::-1]


def _charts(shown: Candles, chosen: Mapping[str, str], page: Page) -> list[Any]:
    texts, palette, candles = page.texts, page.palette, shown.candles
    length, last = _LENGTHS[chosen["interval"]], candles[-1]
    by_start = {row["window_start"]: row for row in candles}
    # A window without a candle is in the lines as a null, so that they break there.
    starts = list(range(candles[0]["window_start"], last["window_start"] + 1, length))
    revision = "-".join(chosen.values())
    edges = [in_zone(candles[0]["window_start"] - length, page.zone), in_zone(last["window_end"] + length, page.zone)]
    given = {"range": edges, "type": "date", "rangeslider": {"visible": False}, "uirevision": revision}
    shades = [_shade(gap, page) for gap in shown.gaps]

    def times(label: str) -> dict[str, Any]:
        return in_both_zones(starts, label, page)

    def line(name: str, label: str, colour: str, rows: Mapping[int, Row], **more: Any) -> dict[str, Any]:
        values = [rows[start][name] if start in rows else None for start in starts]
        drawn = {"color": colour, "width": 1.4, **more}
        return {"type": "scatter", "mode": "lines", "name": label, **times(label), "y": values, "line": drawn, "connectgaps": False}

    def bars(label: str, colour: str, values: Sequence[float | None]) -> dict[str, Any]:
        return {"type": "bar", "name": label, **times(label), "y": values, "marker": {"color": colour}}

    def column(name: str) -> list[float | None]:
        return [by_start[start][name] if start in by_start else None for start in starts]

    ohlc: dict[str, Any] = {
        "type": "candlestick",
        "name": texts("candles.ohlc"),
        "x": [in_zone(start, page.zone) for start in starts],
        "text": [utc(start) for start in starts],
        **{n: column(n) for n in ("open", "high", "low", "close")},
    }
    ohlc |= {"increasing": {"line": {"color": palette.up}}, "decreasing": {"line": {"color": palette.down}}}
    quote, instrument = last["quote"], texts.named("instrument", last["instrument"])
    said = {part: texts.named(part, name) for part, name in chosen.items()}
    name = texts("candles.chart", **said, quote=quote, instrument=instrument)
    band = palette.series[3]
    labels: dict[str, tuple[str, str, dict[str, Any]]] = {"sma_20": ("SMA 20", palette.series[1], {}), "ema_20": ("EMA 20", palette.series[2], {})}
    labels |= {"bollinger_upper": (texts("candles.bands"), band, {"dash": "dot"}), "bollinger_lower": ("", band, {"dash": "dot"})}
    price = [ohlc, line("vwap", "VWAP", palette.series[4], by_start)]
    for key in _LINES:
        label, colour, more = labels[key]
        price.append(line(key, label, colour, shown.indicators, **more) | {"showlegend": bool(label)})
    price += [_gap_marks(shown, page)] if shown.gaps else []
    volume = [
        bars(texts("candles.buy"), palette.up, column("buy_volume")),
        bars(texts("candles.sell"), palette.down, column("sell_volume")),
    ]
    unsided = [_unsided(by_start[start]) if start in by_start else None for start in starts]
    if any(unsided):
        volume.append(bars(texts("candles.unsided"), palette.soft, unsided))

    def layout(height: int, **more: Any) -> dict[str, Any]:
        # One left edge for all panes, so that a time is above itself.
        more["yaxis"] = {"automargin": False, **more.get("yaxis", {})}
        return palette.layout(revision, height, xaxis=given, margin={"l": 86, "r": 8, "t": 8, "b": 8}, **more)

    rsi = line("rsi_14", texts("candles.rsi"), palette.series[0], shown.indicators)
    histogram = [shown.indicators[start]["macd_histogram"] if start in shown.indicators else None for start in starts]
    macd = [
        bars(texts("candles.histogram"), palette.soft, histogram),
        line("macd", "MACD", palette.series[0], shown.indicators),
        line("macd_signal", texts("candles.signal"), palette.series[1], shown.indicators),
    ]
    bounds = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": {"color": palette.series[3], "dash": "dot", "width": 1}}
        for level in (30, 70)
    ]
    return [
        graph("price", price, layout(430, shapes=shades, hovermode="closest"), name),
        graph("volume", volume, layout(170, barmode="stack", shapes=shades), texts("candles.volume", symbol=chosen["symbol"])),
        graph("rsi", [rsi], layout(150, yaxis={"range": [0, 100]}, shapes=[*shades, *bounds]), texts("candles.rsi")),
        graph("macd", macd, layout(170, shapes=shades), texts("candles.macd")),
    ]


def _unsided(row: Row) -> float | None:
    """What was traded without anybody saying which side took it; None where that is nothing."""
    rest = (row["volume"] or 0.0) - (row["buy_volume"] or 0.0) - (row["sell_volume"] or 0.0)
    # A sum in another order differs in its last digits.
    return rest if rest > (row["volume"] or 0.0) * _NOTHING else None


def _shade(gap: Gap, page: Page) -> dict[str, Any]:
    ends = {"x0": in_zone(gap.start, page.zone), "x1": in_zone(gap.end, page.zone), "y0": 0, "y1": 1}
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        **ends,
        "fillcolor": page.palette.gap,
        "opacity": 0.12,
        "line": {"width": 0},
        "layer": "below",
    }


def _gap_marks(shown: Candles, page: Page) -> dict[str, Any]:
    """A mark in each gap, which says why when it is pointed at."""
    level = min(row["low"] for row in shown.candles)
    said = ["<br>".join([_known(gap, page), *gap.reasons, f"{utc(gap.start)} – {utc(gap.end)}"]) for gap in shown.gaps]
    middle = [in_zone((gap.start + gap.end) // 2, page.zone) for gap in shown.gaps]
    marker = {"symbol": "x-thin", "size": 9, "line": {"width": 2, "color": page.palette.gap}}
    return {
        "type": "scatter", "mode": "markers", "name": page.texts("candles.gap"), "x": middle, "y": [level] * len(middle), "text": said,
        "hovertemplate": "%{text}<extra></extra>", "marker": marker,
    }  # fmt: skip


def _known(gap: Gap, page: Page) -> str:
    return page.texts("candles.gap.quiet" if gap.is_missing and not gap.reasons else "candles.gap.known")


def _why(gap: Gap, page: Page) -> str:
    return "; ".join(gap.reasons) or _known(gap, page)
