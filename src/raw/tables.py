"""The tables of raw records, derived from the records' one definition: a row for each record, with its place in Kafka."""

from __future__ import annotations

from collections.abc import Mapping

from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import OrderBook, Record, Trade
from src.schema.tables import TableColumn, TableSchema

TIMES = frozenset({"event_time", "received_time", "gap_since"})
"""Fields that are ms since 1970 UTC, and times in the tables."""
LEVELS: Mapping[str, tuple[str, str]] = {"bids": ("bid_prices", "bid_sizes"), "asks": ("ask_prices", "ask_sizes")}
"""Of each side of a book the columns of its prices and its sizes."""
PLACES: Mapping[str, Kind] = {
    "kafka_cluster": Kind.STRING,
    "topic": Kind.STRING,
    "partition": Kind.LONG,
    "offset": Kind.LONG,
    "place": Kind.LONG,
}
"""Where on Kafka a record was read."""
_KEY = ("source", "symbol", "market", "event_time", *PLACES)
_DESCRIPTION = """\
A record is known by its place in Kafka, so one that is read again is the same row, and two records are never taken for one, whatever they say.
Metrics leave out late records, these rows do not; what is no record is a dead letter. event_time: when the exchange says it happened;
received_time: when the frame reached the collector; kafka_cluster: id of the Kafka; topic, partition and offset: of the message; place: of the
record in its message, from 0; usd_rate: USD per unit of quote, null where none was fresh; rate_source: how usd_rate was found; bank_usd_rate: USD
per unit of quote as a bank publishes it; bank_rate_source: who published it; backfilled: fetched later, to fill a gap."""
_TRADES = """\
Every trade, and every mark that trades may be missing (gap_since is not null, and there is no price). price: quote currency; size: base coin; side:
the taker's; trade_id: the exchange's own, as text; gap_since: of a mark, time of the last trade known before the gap."""
_BOOKS = """\
Every order-book record: the best levels, the best first. Of the topic binance-depth they are changes of a futures book, size 0 for a level that is
gone. bid_prices and ask_prices: quote currency; bid_sizes and ask_sizes: base coin, one for each price; sequence: the exchange's number of the last
change in it; valid: false where the book was broken, and has no levels; gap_since: time of the last whole book before a break."""


def _table(name: str, record: type[Record], description: str) -> TableSchema:
    kinds = {name: Kind.TIMESTAMP if name in TIMES else kind for name, kind in record_kinds(record).items()}
    for side, parts in LEVELS.items():
        if side in record.__struct_fields__:
            kinds |= dict.fromkeys(parts, Kind.DOUBLES)
    kinds |= PLACES
    names = [*_KEY, *(name for name in kinds if name not in _KEY)]
    columns = tuple(TableColumn(name, kinds[name]) for name in names)
    return TableSchema(name, "", columns, _KEY, " ".join(f"{description} {_DESCRIPTION}".split()))


RAW_TRADES = _table("raw_trades", Trade, _TRADES)
RAW_ORDERBOOKS = _table("raw_orderbooks", OrderBook, _BOOKS)
