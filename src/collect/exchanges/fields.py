"""What the fields of a frame may hold: numbers, times, coins. Each reads one value or raises `MalformedFrame`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

import msgspec

from src.collect.parsed import Pair
from src.errors import MalformedFrame

Price = Annotated[float, msgspec.Meta(ge=0, lt=1e30)]
"""A price or size that must be there: finite and not negative, plain or in a string."""

END_OF_TIME = 253_402_300_800_000
"""Year 10000, ms since 1970 UTC: no event is later, and every earlier one fits a database's timestamp."""

WireNumber = float | None
"""A number as venues send it, plain or in a string (`FrameDecoder` reads both)."""

EventTime = Annotated[int, msgspec.Meta(ge=0, lt=END_OF_TIME)]
"""ms since 1970 UTC, plain or in a string."""


def number(value: WireNumber) -> float | None:
    """The number, or None where it is absent, NaN or infinite."""
    return value if value is None or math.isfinite(value) else None


def spot_price(value: WireNumber) -> float | None:
    """The last price of a spot pair: above zero, or None where it is absent, NaN or infinite."""
    price = number(value)
    if price is not None and price <= 0:
        raise MalformedFrame("a spot price is zero or negative")
    return price


def milliseconds(text: str) -> int:
    """Milliseconds since 1970 UTC, cut (not rounded) to whole ones, of an RFC 3339 time with its zone."""
    try:
        time = (msgspec.convert(text, _Moment) - _EPOCH) // timedelta(milliseconds=1)
    except msgspec.ValidationError:
        raise MalformedFrame("a time is not of RFC 3339 with its zone") from None
    if not 0 <= time < END_OF_TIME:
        raise MalformedFrame("a time is before 1970 or after 9999")
    return time


def rfc3339(time: int) -> str:
    """The RFC 3339 text, in UTC, of milliseconds since 1970."""
    return (_EPOCH + timedelta(milliseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=8192)
def pair_of(symbol: str, quote: str) -> Pair:
    """The pair of a base coin and a quote currency, both plain upper case names; 1000SHIB is 1000 of the coin SHIB."""
    if not (_COIN.fullmatch(symbol) and _COIN.fullmatch(quote)):
        raise MalformedFrame("a symbol has characters that no coin's name has")
    if multiplied := _MULTIPLIED.fullmatch(symbol):
        return Pair(multiplied[2], quote, _MULTIPLES[multiplied[1]])
    if multiplied := _MULTIPLIED_BEHIND.fullmatch(symbol):
        return Pair(multiplied[1], quote, _MULTIPLES[multiplied[2]])
    return Pair(symbol, quote)


def traded_name(pair: Pair) -> str:
    """The base coin as venues name a multiplied one: 1000SHIB."""
    return pair.symbol if pair.multiple == 1 else f"{pair.multiple}{pair.symbol}"


def per_coin(price: float | None, pair: Pair) -> float | None:
    """A price of what the venue trades, as the price of one coin."""
    return price if price is None or pair.multiple == 1 else price / pair.multiple


def coins(size: float | None, pair: Pair) -> float | None:
    """A size of what the venue trades, in coins."""
    return size if size is None or pair.multiple == 1 else size * pair.multiple


@lru_cache(maxsize=8192)
def pair_without_separator(name: str, quotes: tuple[str, ...]) -> Pair:
    """The pair of a name like BTCUSDT, which only the list of the venue's quote currencies can split."""
    for quote in quotes:
        if name.endswith(quote) and name != quote:
            return pair_of(name.removesuffix(quote), quote)
    raise MalformedFrame("a symbol ends in no quote currency that is known")


def decimal_text(value: float | None) -> str | None:
    """The number as venues that send strings spell it: plain decimal digits, no exponent."""
    return None if value is None else format(Decimal(repr(value)), "f")


def sent(fields: Mapping[str, str | int | None]) -> dict[str, str | int]:
    """The fields that there is something to say in, for a frame that leaves the others out."""
    return {name: value for name, value in fields.items() if value is not None}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_COIN = re.compile(r"[A-Z0-9]{1,20}")
_MULTIPLES = {"1000": 1000, "10000": 10_000, "100000": 100_000, "1000000": 1_000_000, "1M": 1_000_000}
_MULTIPLIED = re.compile(r"(10{3,6}|1M)([A-Z][A-Z0-9]+)")
_MULTIPLIED_BEHIND = re.compile(r"([A-Z][A-Z0-9]+?)(10{3,6})")
