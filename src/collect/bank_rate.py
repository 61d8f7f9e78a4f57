"""The bank's KRW per USD, from keyless public endpoints: the second basis of a premium, kept apart from the market's own rate."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.parsed import Frame
from src.errors import MalformedFrame

BANK = "bank"
"""The market that a bank rate's frame names."""
_LOWEST, _HIGHEST = 500.0, 3000.0
_LONGEST_NAME = 64


class BankRate(msgspec.Struct, frozen=True):
    """What a frame said: how many KRW a dollar is, and who says so."""

    krw_per_usd: float
    publisher: str
    """Host of the endpoint."""
    time: int
    """When it was read, ms since 1970 UTC. Banks publish none at weekends, so the date of the rate itself may be days before."""


class _Rates(msgspec.Struct):
    rates: dict[str, float]


class _Quotation(msgspec.Struct, rename="camel"):
    base_price: float


_BY_CURRENCY = FrameDecoder(_Rates)
_QUOTATIONS = FrameDecoder(list[_Quotation])


def parse_bank_rate(frame: Frame) -> BankRate:
    """The rate in an endpoint's answer: `{"rates":{"KRW":...}}` (open.er-api.com, frankfurter) or `[{"basePrice":...}]` (Hana Bank by Dunamu).

    Raises `MalformedFrame` for anything else, and for a rate outside 500 to 3000 KRW, which no dollar has had since 1995.
    """
    if frame.message.lstrip()[:1] in ("[", b"["):
        quotations = _QUOTATIONS.decode(frame)
        rate = quotations[0].base_price if quotations else None
    else:
        rate = _BY_CURRENCY.decode(frame).rates.get("KRW")
    if rate is None or not _LOWEST < rate < _HIGHEST:
        raise MalformedFrame("no believable KRW per USD in a bank's answer")
    return BankRate(rate, _publisher(frame.url or ""), frame.received_time)


def _publisher(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "unknown")[:_LONGEST_NAME]
    except ValueError:
        return "unknown"
