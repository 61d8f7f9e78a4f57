"""Which pairs are collected: what is not listed is left out and said, what nobody lists is refused with the names that are near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from src.collect.exchange import Exchange
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Listing, Pair
from src.collect.wanted import choose_pairs, wanted_pairs
from src.config import Settings, load_settings
from src.errors import ConfigurationError
from src.schema.records import Instrument


def settings(home: Path, *symbols: str, **given: Any) -> Settings:
    return load_settings(home=home, symbols=symbols, **given)


def exchanges(*markets: str) -> dict[str, Exchange]:
    return {market: EXCHANGES[market] for market in markets}


def listed(*symbols: str, quote: str = "USDT", instrument: Instrument = Instrument.SPOT, trading: bool = True) -> list[Listing]:
    return [Listing(Pair(symbol, quote), instrument, trading) for symbol in symbols]


def test_without_lists_every_symbol_is_taken_in_the_quote_of_each_market(tmp_path: Path) -> None:
    chosen = choose_pairs(exchanges("okx", "kraken"), settings(tmp_path, "BTC", "ETH", quotes={"okx": "USDC"}), {})
    assert chosen.pairs == {
        "okx": [Pair("BTC", "USDC"), Pair("ETH", "USDC")],
        "kraken": [Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("USDT", "USD")],
    }
    assert list(chosen.remarks) == []


def test_a_symbol_that_one_market_does_not_list_is_left_out_there_and_said(tmp_path: Path) -> None:
    listings = {"okx": listed("BTC", "WEMIX"), "bybit": listed("BTC")}
    chosen = choose_pairs(exchanges("okx", "bybit"), settings(tmp_path, "BTC", "WEMIX"), listings)
    assert chosen.pairs == {"okx": [Pair("BTC", "USDT"), Pair("WEMIX", "USDT")], "bybit": [Pair("BTC", "USDT")]}
    assert list(chosen.remarks) == ["bybit does not trade WEMIX against USDT: left out there"]


def test_a_symbol_that_nobody_lists_is_refused_with_the_names_that_are_near(tmp_path: Path) -> None:
    listings = {"okx": listed("BTC", "DOGE"), "bybit": listed("BTC", "DOGS")}
    with pytest.raises(ConfigurationError, match=r"no exchange asked for trades DOGX \(COINSPARK_SYMBOLS\): did you mean DOGS or DOGE\?"):
        choose_pairs(exchanges("okx", "bybit"), settings(tmp_path, "BTC", "DOGX"), listings)
    with pytest.raises(ConfigurationError, match=r"trades QQQQ .*: look at the exchanges' own lists"):
        choose_pairs(exchanges("okx", "bybit"), settings(tmp_path, "QQQQ"), listings)


def test_nothing_is_refused_while_a_list_is_not_known(tmp_path: Path) -> None:
    chosen = choose_pairs(exchanges("okx", "bybit"), settings(tmp_path, "BTC", "DOGX"), {"okx": listed("BTC")})
    assert chosen.pairs == {"okx": [Pair("BTC", "USDT")], "bybit": [Pair("BTC", "USDT"), Pair("DOGX", "USDT")]}
    assert list(chosen.remarks) == [
        "what bybit trades could not be read: the symbols are not checked there",
        "okx does not trade DOGX against USDT: left out there",
    ]


def test_a_halted_symbol_is_known_but_left_out_and_said(tmp_path: Path) -> None:
    listings = {"okx": listed("BTC") + listed("LUNA", trading=False)}
    chosen = choose_pairs(exchanges("okx"), settings(tmp_path, "BTC", "LUNA"), listings)
    assert (chosen.pairs, list(chosen.remarks)) == ({"okx": [Pair("BTC", "USDT")]}, ["okx does not trade LUNA against USDT: left out there"])


def test_only_the_quote_and_the_instrument_that_are_collected_count(tmp_path: Path) -> None:
    listings = {"okx": listed("BTC") + listed("ETH", quote="USDC") + listed("SOL", instrument=Instrument.PERPETUAL)}
    chosen = choose_pairs(exchanges("okx"), settings(tmp_path, "BTC", "USDT"), listings)
    assert chosen.pairs == {"okx": [Pair("BTC", "USDT")]}
    for symbol in ("ETH", "SOL"):
        with pytest.raises(ConfigurationError, match=symbol):
            choose_pairs(exchanges("okx"), settings(tmp_path, symbol), listings)
    futures = {"binance_futures": listed("SOL", instrument=Instrument.PERPETUAL) + listed("BTC", instrument=Instrument.FUTURE)}
    with pytest.raises(ConfigurationError, match="BTC"):
        choose_pairs(exchanges("binance_futures"), settings(tmp_path, "SOL", "BTC"), futures)


@pytest.mark.parametrize("turned", [False, True])
def test_a_multiplied_coin_is_taken_as_the_exchange_lists_it_and_plainly_where_it_can_be(tmp_path: Path, turned: bool) -> None:
    thousand, plain = Pair("SHIB", "USDT", 1000), Pair("SHIB", "USDT")
    markets = exchanges("binance_futures")

    def chosen(*lines: tuple[Pair, bool]) -> object:
        listings = [Listing(pair, Instrument.PERPETUAL, trading) for pair, trading in (reversed(lines) if turned else lines)]
        return choose_pairs(markets, settings(tmp_path, "SHIB"), {"binance_futures": listings}).pairs["binance_futures"]

    assert chosen((thousand, True)) == [thousand]
    assert chosen((thousand, True), (plain, True)) == [plain]
    assert chosen((thousand, True), (plain, False)) == [thousand]


def test_all_is_what_most_markets_list_then_by_name_up_to_the_limit(tmp_path: Path) -> None:
    listings = {"okx": listed("ZEC", "BTC", "ETH", "ADA"), "bybit": listed("BTC", "ZEC", "XRP") + listed("ADA", trading=False)}
    chosen = choose_pairs(exchanges("okx", "bybit"), settings(tmp_path, "all", symbol_limit=3), listings)
    assert [pair.symbol for pair in chosen.pairs["okx"]] == ["BTC", "ZEC", "ADA"]
    assert [pair.symbol for pair in chosen.pairs["bybit"]] == ["BTC", "ZEC"]
    assert list(chosen.remarks) == ["bybit does not trade ADA against USDT: left out there"]


def test_all_without_any_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_SYMBOLS=all needs the list of at least one exchange, and none was read"):
        choose_pairs(exchanges("okx"), settings(tmp_path, "all"), {})


def test_a_symbol_named_twice_is_collected_once(tmp_path: Path) -> None:
    assert choose_pairs(exchanges("okx"), settings(tmp_path, "BTC", "btc"), {}).pairs == {"okx": [Pair("BTC", "USDT")]}


def test_the_pair_of_the_rate_is_added_where_there_is_something_to_convert(tmp_path: Path) -> None:
    rate = Pair("USDT", "KRW")
    assert choose_pairs(exchanges("upbit"), settings(tmp_path, "BTC"), {}).pairs == {"upbit": [Pair("BTC", "KRW"), rate]}
    assert choose_pairs(exchanges("upbit"), settings(tmp_path, "USDT"), {}).pairs == {"upbit": [rate]}
    assert choose_pairs(exchanges("upbit"), settings(tmp_path, "KRW"), {}).pairs == {"upbit": []}


def test_channels_are_those_that_a_market_offers(tmp_path: Path) -> None:
    markets = exchanges("okx", "binance_futures")
    wanted = wanted_pairs(markets, [Channel.TICKER, Channel.TRADE], settings(tmp_path, "BTC"))
    btc = [Pair("BTC", "USDT")]
    assert wanted == {"okx": {Channel.TICKER: btc, Channel.TRADE: btc}, "binance_futures": {Channel.TRADE: btc}}


def test_a_market_with_nothing_to_collect_is_left_out_and_it_is_an_error_when_none_is_left(tmp_path: Path) -> None:
    listings = {"okx": listed("BTC"), "bybit": listed("WEMIX")}
    wanted = wanted_pairs(exchanges("okx", "bybit"), [Channel.TRADE], settings(tmp_path, "BTC"), listings)
    assert set(wanted) == {"okx"}
    with pytest.raises(ConfigurationError, match=r"none of binance_futures has a public ticker channel .*COINSPARK_MARKETS, COINSPARK_SYMBOLS"):
        wanted_pairs(exchanges("binance_futures"), [Channel.TICKER], settings(tmp_path, "BTC"))
