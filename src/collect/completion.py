"""The last step of a record: its times moved as a replay asks, its USD rates filled in, and whether it was asked for at all."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from src.collect.exchange import Exchange
from src.collect.parsed import Pair
from src.collect.rates import UsdRates
from src.collect.status import MarketStatus
from src.collect.volume import TradedVolume
from src.schema.records import OrderBook, Ticker, Trade

MarketRecord = Ticker | Trade | OrderBook


_SNAPSHOT_MS = 60_000
"""What is older when it comes is no news: a first frame with the last trade or the book of a quiet market. It tells nothing of the way to us."""


class Completion:
    """Completes the records of one source in their order. `symbols` are the base coins asked for; None asks for all."""

    def __init__(
        self, exchanges: Mapping[str, Exchange], symbols: AbstractSet[str] | None, rates: UsdRates, markets: Mapping[str, MarketStatus]
    ) -> None:
        self._exchanges = exchanges
        self._symbols = symbols
        self._rates = rates
        self._markets = markets
        self._volumes = TradedVolume()

    def start_pass(self) -> None:
        """A looped recording begins again, and with it the volume that it counted."""
        self._volumes = TradedVolume()

    def complete(self, record: MarketRecord, shift: int, received_time: int) -> MarketRecord | None:
        """The record as it goes to Kafka, or None when its symbol was not asked for; its price counts for the rates all the same."""
        traded_volume = self._volumes.traded(record) if isinstance(record, Ticker) else None
        moved = _moved(record, shift, received_time, traded_volume)
        self._rates.observe(moved)
        if not self._asked_for(moved):
            return None
        rate, bank = self._rates.rate(moved.quote), self._rates.bank_rate(moved.quote)
        return msgspec.structs.replace(moved, usd_rate=rate.value, rate_source=rate.source, bank_usd_rate=bank.value, bank_rate_source=bank.source)

    def wants(self, symbol: str) -> bool:
        """Whether a base coin was asked for."""
        return self._symbols is None or symbol in self._symbols

    def _asked_for(self, record: Ticker | Trade | OrderBook) -> bool:
        status = self._markets[record.market]
        if not _tells_of_the_past(record) and record.received_time - record.event_time <= _SNAPSHOT_MS:
            status.saw(record.event_time, record.received_time)
        if self._symbols is None or record.symbol in self._symbols:
            return True
        if Pair(record.symbol, record.quote) != self._exchanges[record.market].rate_pair:
            status.unknown_symbols += 1
            status.note = f"{record.symbol} was not asked for"
        return False


def _tells_of_the_past(record: MarketRecord) -> bool:
    """Whether its age is not the way from the exchange to us: what was fetched afterwards, and marks of gaps."""
    match record:
        case Trade():
            return record.backfilled or record.gap_since is not None
        case OrderBook():
            return not record.valid
        case _:
            return False


def _moved(record: MarketRecord, shift: int, received_time: int, traded_volume: float | None) -> MarketRecord:
    """The record with its times moved. An order book's are already: several frames made it."""
    match record:
        case Ticker():
            acc_since = None if record.acc_since is None else record.acc_since + shift
            return msgspec.structs.replace(
                record, event_time=record.event_time + shift, received_time=received_time, acc_since=acc_since, traded_volume=traded_volume
            )
        case Trade():
            gap_since = None if record.gap_since is None else record.gap_since + shift
            return msgspec.structs.replace(record, event_time=record.event_time + shift, received_time=received_time, gap_since=gap_since)
        case _:
            return record
