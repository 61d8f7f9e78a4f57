"""What is collected: which pairs of which market by which channel, from the settings and, where they can be read, the exchanges' own lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from src.collect.exchange import Exchange
from src.collect.parsed import Channel, Listing, Pair
from src.collect.quotes import chosen_quote
from src.config import Settings
from src.errors import ConfigurationError
from src.nearest import did_you_mean

ALL = "ALL"
"""The symbol that stands for everything an exchange lists."""

Listings = Mapping[str, Sequence[Listing]]
"""By market what it lists; a market is absent when its list could not be read."""


@dataclass(frozen=True)
class ChosenPairs:
    """By market the pairs to collect, and what a person should know about the choice."""

    pairs: Mapping[str, Sequence[Pair]]
    remarks: Sequence[str] = ()


def wanted_pairs(
    exchanges: Mapping[str, Exchange], channels: Sequence[Channel], settings: Settings, listings: Listings | None = None
) -> dict[str, dict[Channel, list[Pair]]]:
    """By market and channel the pairs to subscribe to, the one that gives a market's USD rate among them.

    A market without a channel is left out of it. Raises `ConfigurationError` when nothing is left, and as `choose_pairs`.
    """
    chosen = choose_pairs(exchanges, settings, listings or {})
    wanted: dict[str, dict[Channel, list[Pair]]] = {}
    for market, pairs in chosen.pairs.items():
        offered = {channel: list(pairs) for channel in channels if channel in exchanges[market].urls}
        if offered and pairs:
            wanted[market] = offered
    if not wanted:
        raise ConfigurationError(
            f"none of {', '.join(exchanges) or 'no market'} has a public {' or '.join(channels)} channel with the symbols asked for; "
            "name others (COINSPARK_MARKETS, COINSPARK_SYMBOLS)"
        )
    return wanted


def choose_pairs(exchanges: Mapping[str, Exchange], settings: Settings, listings: Listings) -> ChosenPairs:
    """The symbols of the settings at each market, in the quote chosen for it.

    Where a market's list is known, a symbol that it does not list is left out there and remarked; a symbol that no market lists is an error that
    names the nearest ones. `all` stands for at most `symbol_limit` symbols: those that most markets list, then by name.
    """
    quotes = {market: chosen_quote(exchange, settings.quotes) for market, exchange in exchanges.items()}
    listed = {market: _listed(exchanges[market], listings[market], quotes[market]) for market in exchanges if market in listings}
    symbols = tuple(dict.fromkeys(settings.symbols))
    if ALL in symbols:
        if not listed:
            raise ConfigurationError("COINSPARK_SYMBOLS=all needs the list of at least one exchange, and none was read: name the symbols instead")
        symbols = _most_listed(listed.values(), settings.symbol_limit)
    if len(listed) == len(exchanges):
        _refuse_unknown(symbols, listed, quotes)
    pairs: dict[str, Sequence[Pair]] = {}
    remarks: list[str] = []
    if listed and (unread := [market for market in exchanges if market not in listed]):
        remarks.append(f"what {', '.join(unread)} trades could not be read: the symbols are not checked there")
    for market, exchange in exchanges.items():
        found, missing = _pairs_at(exchange, symbols, quotes[market], listed.get(market))
        if missing:
            remarks.append(f"{market} does not trade {', '.join(missing)} against {quotes[market]}: left out there")
        pairs[market] = found
    return ChosenPairs(pairs, remarks)


def _pairs_at(exchange: Exchange, symbols: Sequence[str], quote: str, listed: Mapping[str, Listing] | None) -> tuple[list[Pair], list[str]]:
    pairs: list[Pair] = []
    missing: list[str] = []
    for symbol in symbols:
        if symbol == quote:
            continue
        if listed is None:
            pairs.append(Pair(symbol, quote))
        elif symbol in listed and listed[symbol].trading:
            pairs.append(listed[symbol].pair)
        else:
            missing.append(symbol)
    if exchange.rate_pair is not None and pairs and exchange.rate_pair not in pairs:
        pairs.append(exchange.rate_pair)
    return pairs, missing


def _listed(exchange: Exchange, listings: Sequence[Listing], quote: str) -> dict[str, Listing]:
    mine = (listing for listing in listings if listing.pair.quote == quote and listing.instrument is exchange.instrument)
    # A coin that is listed plainly and in thousands is taken plainly.
    return {listing.pair.symbol: listing for listing in sorted(mine, key=lambda listing: (listing.trading, -listing.pair.multiple))}


def _most_listed(listed: Iterable[Mapping[str, Listing]], limit: int) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for market in listed:
        for symbol, listing in market.items():
            if listing.trading:
                counts[symbol] = counts.get(symbol, 0) + 1
    return tuple(sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[:limit])


def _refuse_unknown(symbols: Sequence[str], listed: Mapping[str, Mapping[str, Listing]], quotes: Mapping[str, str]) -> None:
    """A symbol that no list has is an error. While a list is not known, it may be the one that has it."""
    known = sorted({symbol for market in listed.values() for symbol in market} | set(quotes.values()))
    for symbol in symbols:
        if symbol not in known:
            hint = did_you_mean(symbol, known, "look at the exchanges' own lists")
            raise ConfigurationError(f"no exchange asked for trades {symbol} (COINSPARK_SYMBOLS): {hint}")
