"""Numbers, ages and times as a person reads them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from src.dashboard.texts import Texts

MISSING = "–"
_MOST_DECIMALS = 10
_AGES = ((86_400, "age.days"), (3_600, "age.hours"), (60, "age.minutes"))


def number(value: float | None, significant: int = 6) -> str:
    """With thousands separators, whole digits all, and so many digits that `significant` of them count: 65,123.4, 0.523412."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    decimals = significant - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, min(_MOST_DECIMALS, decimals))}f}"


def whole(value: float | None) -> str:
    """Without decimals."""
    return MISSING if value is None else f"{value:,.0f}"


def percent(value: float | None, decimals: int = 2) -> str:
    """With its sign: +1.20 %; none where it is zero in so many decimals."""
    if value is None:
        return MISSING
    return f"{value:+,.{decimals}f} %" if round(value, decimals) else f"{0:.{decimals}f} %"


def ratio(value: float | None) -> str:
    """Between -1 and 1, with its sign: +0.58."""
    return MISSING if value is None else f"{value:+.2f}" if round(value, 2) else "0.00"


def age(milliseconds: int, texts: Texts) -> str:
    """In the largest unit that it fills."""
    seconds = max(0, milliseconds // 1000)
    for size, key in _AGES:
        if seconds >= size:
            return texts(key, count=f"{seconds // size:,}")
    return texts("age.seconds", count=seconds)


def zone_named(name: str | None) -> ZoneInfo:
    """The viewer's time zone as the browser calls it; UTC where it says none that is known."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def clock(milliseconds: int, zone: ZoneInfo, now: int) -> str:
    """The time of day in a zone, with its date where that is not today's."""
    moment = datetime.fromtimestamp(milliseconds / 1000, zone)
    today = datetime.fromtimestamp(now / 1000, zone).date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else "%Y-%m-%d %H:%M:%S")


def in_zone(milliseconds: int, zone: ZoneInfo) -> str:
    """As the axis of a chart takes it: the local time without a zone."""
    return datetime.fromtimestamp(milliseconds / 1000, zone).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def utc(milliseconds: int) -> str:
    """For hovering: 2026-11-21 23:00:00 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
