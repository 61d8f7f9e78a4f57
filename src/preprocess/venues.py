"""The configured markets as metrics see them: where each is, and in which quote its prices are compared."""

from __future__ import annotations

from dataclasses import dataclass

from src.collect.exchanges import exchanges_named
from src.collect.quotes import chosen_quote
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.schema.records import Region


@dataclass(frozen=True)
class Venue:
    """One market: its region and the one quote currency that metrics use of it."""

    market: str
    region: Region
    quote: str


def venues(settings: Settings) -> tuple[Venue, ...]:
    """The settings' markets, in order. Raises ConfigurationError for an unknown market or a quote that it does not have."""
    found = [Venue(market, known.region, chosen_quote(known, settings.quotes)) for market, known in exchanges_named(settings.markets).items()]
    if not found:
        raise ConfigurationError("COINSPARK_MARKETS names no exchange; leave it out to use all of them")
    return tuple(found)
