"""Which quote currency of an exchange is used."""

from __future__ import annotations

from collections.abc import Mapping

from src.collect.exchange import Exchange
from src.errors import ConfigurationError


def chosen_quote(exchange: Exchange, settings_quotes: Mapping[str, str]) -> str:
    """The quote that the settings choose for an exchange, in upper case, else the exchange's first.

    `settings_quotes` is by market. Raises `ConfigurationError` for a quote that the exchange does not have.
    """
    quote = settings_quotes.get(exchange.name, exchange.quotes[0]).upper()
    if quote not in exchange.quotes:
        raise ConfigurationError(
            f"COINSPARK_QUOTES: {exchange.name} has no quote currency {quote} that metrics can use; choose one of {', '.join(exchange.quotes)}"
        )
    return quote
