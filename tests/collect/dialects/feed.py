"""From the made-up markets to the sockets: who is told what, and which faults happen on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from src.collect.book_rule import FullReplace
from src.collect.exchange import Exchange
from src.collect.parsed import BookUpdate, Channel, Pair
from src.schema.records import Ticker, Trade
from tests.collect.dialects.client_socket import ClientSocket
from tests.collect.dialects.faults import FaultKind, Faults, Injected, Injector
from tests.collect.dialects.market import MadeUpMarket

_SETTLED = 5


class Feed:
    """Tells every socket what it is subscribed to, at once."""

    def __init__(self, exchange: Exchange, markets: Mapping[Pair, MadeUpMarket], faults: Faults, injector: Injector) -> None:
        self.sockets: list[ClientSocket] = []
        """Those that are open, oldest first."""
        self._exchange = exchange
        self._markets = markets
        self._faults = faults
        self._injector = injector
        self._settling: dict[Pair, int] = {}
        """Messages of a book since a snapshot of it was given out; absent once it was broken on purpose."""
        self._unseen: dict[Pair, Injected] = {}
        """Books that have lost a message and not had the next one, which shows it."""
        self._told_trades: Counter[Pair] = Counter()
        self._subscriptions: Counter[tuple[Channel, Pair]] = Counter()
        self._half_open = 0

    def subscribe(self, socket: ClientSocket, channel: Channel, pair: Pair) -> None:
        """Serve it from now on; a pair that there is no market for is never served, as at venues that acknowledge anything."""
        if pair not in self._markets:
            return
        self._subscriptions[channel, pair] += 1
        if self._subscriptions[channel, pair] <= self._faults.silent_subscriptions:
            self._injector.add(FaultKind.SILENT_SUBSCRIPTION, pair, channel)
            return
        socket.subscriptions.add((channel, pair))
        self.begin(socket, channel, self._markets[pair])

    def begin(self, socket: ClientSocket, channel: Channel, market: MadeUpMarket) -> None:
        """What a subscription begins with: the ticker as it is, or a snapshot of the book where it comes on the socket."""
        if channel is Channel.TICKER:
            socket.say_data([self._exchange.simulate(market.ticker())])
        elif channel is Channel.ORDERBOOK and not self._exchange.book_rule.rest_snapshot:
            socket.say_data([self._exchange.simulate(market.snapshot())])
            self.gave_snapshot(market.pair)
            # A client that asks anew for a book that it has may be faster than the next message.
            unseen = self._unseen.pop(market.pair, None)
            if unseen is not None:
                self._injector.heal(unseen)

    def gave_snapshot(self, pair: Pair) -> None:
        """Somebody was given a true snapshot of the book."""
        self._settling[pair] = 0

    def step(self) -> None:
        """One trade, one message of the book and one ticker of every pair."""
        for market in self._markets.values():
            self._trade(market)
            self._change_book(market)
            self._tell(Channel.TICKER, market, market.ticker())

    def end(self) -> None:
        """One last trade and message of the book of every pair, without a fault that loses any of it."""
        for market in self._markets.values():
            self._tell(Channel.TRADE, market, market.trade())
            self._tell(Channel.ORDERBOOK, market, market.publish())

    def _trade(self, market: MadeUpMarket) -> None:
        pair, trade = market.pair, market.trade()
        if self._told_trades[pair] and self._served(Channel.TRADE, pair) and self._injector.happens(self._faults.lost_trade):
            ids = (trade.trade_id, trade.trade_id)
            self._injector.add(FaultKind.LOST_TRADE, pair, Channel.TRADE, event_time=trade.event_time, sequence=ids)
        else:
            self._tell(Channel.TRADE, market, trade)

    def _change_book(self, market: MadeUpMarket) -> None:
        update = market.publish()
        kind = self._fault_of_book(market.pair, update)
        sequence = (update.first if update.first is not None else update.last, update.last)
        match kind:
            case FaultKind.BOOK_GAP:
                market.hold()
            case FaultKind.SPOILED_CHECKSUM:
                self._tell(Channel.ORDERBOOK, market, msgspec.structs.replace(update, checksum=(update.checksum or 0) ^ 1))
            case FaultKind.STALE_SNAPSHOT:
                self._tell(Channel.ORDERBOOK, market, update)
                stale = market.old_snapshot()
                self._tell(Channel.ORDERBOOK, market, stale)
                sequence = (stale.last, update.last)
            case _:
                self._tell(Channel.ORDERBOOK, market, update)
        if kind is None:
            if self._served(Channel.ORDERBOOK, market.pair):
                self._unseen.pop(market.pair, None)
        else:
            fault = self._injector.add(kind, market.pair, Channel.ORDERBOOK, event_time=update.event_time, sequence=sequence)
            if kind is FaultKind.BOOK_GAP:
                self._unseen[market.pair] = fault
            if not isinstance(self._exchange.book_rule, FullReplace):
                self._settling.pop(market.pair, None)
        market.stir_unseen()

    def _fault_of_book(self, pair: Pair, update: BookUpdate) -> FaultKind | None:
        rule, happens = self._exchange.book_rule, self._injector.happens
        if pair in self._settling:
            self._settling[pair] += 1
        if not self._served(Channel.ORDERBOOK, pair) or self._settling.get(pair, 0) <= _SETTLED:
            return None
        if not isinstance(rule, FullReplace) and happens(self._faults.book_gap):
            return FaultKind.BOOK_GAP
        if update.checksum is not None and happens(self._faults.spoiled_checksum):
            return FaultKind.SPOILED_CHECKSUM
        if not rule.rest_snapshot and happens(self._faults.stale_snapshot):
            return FaultKind.STALE_SNAPSHOT
        return None

    def _served(self, channel: Channel, pair: Pair) -> list[ClientSocket]:
        return [socket for socket in self.sockets if (channel, pair) in socket.subscriptions and not socket.is_half_open]

    def _tell(self, channel: Channel, market: MadeUpMarket, said: Ticker | Trade | BookUpdate) -> None:
        sockets = self._served(channel, market.pair)
        if not sockets:
            return
        message = self._exchange.simulate(said)
        if channel is Channel.TRADE:
            self._told_trades[market.pair] += 1
        twice = self._injector.happens(self._faults.duplicate)
        if twice:
            self._injector.add(FaultKind.DUPLICATE, market.pair, channel, event_time=said.event_time)
        for socket in sockets:
            socket.say_data([message, message] if twice else [message])
            self._harm(socket)

    def _harm(self, socket: ClientSocket) -> None:
        if self._injector.happens(self._faults.abort):
            self._injector.add(FaultKind.ABORT)
            socket.abort()
        elif self._half_open < self._faults.half_open_sockets and socket.messages >= self._faults.half_open_messages:
            self._half_open += 1
            self._injector.add(FaultKind.HALF_OPEN)
            socket.half_open()
