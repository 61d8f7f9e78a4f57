"""Trades out of the payloads of Binance's perpetuals, as they lie on their own topic (`binance-aggtrade`)."""

from __future__ import annotations

import msgspec

from src.collect.exchanges.binance_futures import BinanceFutures
from src.collect.exchanges.binance_messages import Number
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, coins, per_coin
from src.collect.rates import UNKNOWN, USDT_PAR
from src.errors import MalformedFrame
from src.schema.records import RawMessage, Side, Trade


class _Payload(msgspec.Struct, kw_only=True):
    """Binance's own one-letter names, and what the collector adds to a trade that it fetched."""

    trade_id: Number = msgspec.field(name="a")
    symbol: str = msgspec.field(name="s")
    price: Price = msgspec.field(name="p")
    size: Price = msgspec.field(name="q")
    time: EventTime = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")
    contract_kind: int | None = msgspec.field(name="st", default=None)
    backfilled: bool = False


_USD_M = 1
_payload = FrameDecoder(_Payload).decode_part
_venue = BinanceFutures()


def aggregate_trade(raw: RawMessage) -> Trade | None:
    """The trade in a payload, or the mark that some may be missing; times are ms since 1970 UTC.

    None for a payload of price zero, which stands for ids that were spent on no trade. A mark says no event time of its own: the gap reaches up to
    when the mark was made. Raises MalformedFrame for anything else.
    """
    if bytes(raw.data) == b"null":
        return _mark(raw)
    payload = _payload(raw.data)
    if payload.contract_kind not in (None, _USD_M):
        raise MalformedFrame("a trade of another Binance market")
    if not payload.price:
        return None
    pair, instrument = _venue.traded(payload.symbol)
    # A payload carries no rate: only USDT, which is taken at par, has one.
    rate = USDT_PAR if pair.quote == "USDT" else UNKNOWN
    return Trade(
        region=_venue.region,
        market=raw.market,
        symbol=pair.symbol,
        quote=pair.quote,
        instrument=instrument,
        source=raw.source,
        event_time=payload.time,
        received_time=raw.ts,
        usd_rate=rate.value,
        rate_source=rate.source,
        backfilled=payload.backfilled,
        trade_id=str(payload.trade_id),
        price=per_coin(payload.price, pair),
        size=coins(payload.size, pair),
        side=Side.SELL if payload.buyer_is_maker else Side.BUY,
    )


def _mark(raw: RawMessage) -> Trade:
    if raw.gap_since is None:
        raise MalformedFrame("neither a payload nor a gap mark")
    pair, instrument = _venue.traded(raw.symbol)
    return Trade(
        region=_venue.region,
        market=raw.market,
        symbol=pair.symbol,
        quote=pair.quote,
        instrument=instrument,
        source=raw.source,
        event_time=max(raw.ts, raw.gap_since),
        received_time=raw.ts,
        backfilled=True,
        gap_since=raw.gap_since,
    )
