"""The exchanges' lists: what can be read is used, whatever an exchange answers; and what stops being traded is noticed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from src.collect.exchange import Exchange
from src.collect.exchanges import EXCHANGES
from src.collect.listings import changes, read_listings
from src.collect.parsed import Frame, Listing, Pair
from src.errors import ConfigurationError, TransientError
from src.schema.records import Instrument, Source

BTC, SHIB, THOUSAND_SHIB = Pair("BTC", "USDT"), Pair("SHIB", "USDT"), Pair("SHIB", "USDT", 1000)


class Answers:
    """What exchanges answer to a request for their list, by name."""

    def __init__(self, **answers: str | Exception | None) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def get(self, exchange: Exchange, path: str) -> Frame:
        self.asked.append(path)
        answer = self._answers[exchange.name]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return Frame(exchange.name, Source.LIVE, 0, str(answer), url=f"https://www.okx.com{path}")


def read(markets: list[str], answers: Answers) -> object:
    return asyncio.run(read_listings({market: EXCHANGES[market] for market in markets}, answers, 0.05))


def instruments(*states: tuple[str, str]) -> str:
    return msgspec.json.encode({"code": "0", "data": [{"instType": "SPOT", "instId": name, "state": state} for name, state in states]}).decode()


def test_a_list_is_what_the_parser_reads_of_the_answer() -> None:
    answers = Answers(okx=instruments(("BTC-USDT", "live"), ("LUNA-USDT", "suspend")))
    assert read(["okx"], answers) == {
        "okx": [Listing(BTC, Instrument.SPOT, trading=True), Listing(Pair("LUNA", "USDT"), Instrument.SPOT, trading=False)]
    }
    assert answers.asked == ["/api/v5/public/instruments?instType=SPOT"]


@pytest.mark.parametrize(
    "answer",
    [
        TransientError("down"),
        ConfigurationError("451"),
        None,
        "<html>",
        "[[",
        "{}",
        '{"code":"50011","msg":"Too Many Requests","data":[]}',
        instruments(),
    ],
)
def test_a_market_whose_list_cannot_be_read_is_absent_and_the_others_are_not(answer: str | Exception | None) -> None:
    good = '{"retCode":0,"result":{"list":[{"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"Trading"}]}}'
    assert read(["okx", "bybit"], Answers(okx=answer, bybit=good)) == {"bybit": [Listing(BTC, Instrument.SPOT, trading=True)]}


def spot(*pairs: Pair, trading: bool = True) -> list[Listing]:
    return [Listing(pair, Instrument.SPOT, trading) for pair in pairs]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (spot(BTC), spot(BTC), ([], [])),
        (spot(BTC), spot(SHIB), ([BTC], [])),
        (spot(BTC), spot(BTC, trading=False), ([BTC], [])),
        (spot(BTC, trading=False), spot(BTC), ([], [BTC])),
        (spot(), spot(BTC), ([], [BTC])),
        (spot(), spot(BTC, trading=False), ([], [])),
        (spot(BTC), [Listing(BTC, Instrument.FUTURE, trading=True)], ([BTC], [])),
        (spot(Pair("ETH", "USDT")), spot(), ([], [])),
    ],
)
def test_only_a_change_of_what_is_collected_is_told(before: list[Listing], after: list[Listing], expected: object) -> None:
    assert changes(before, after, [BTC], Instrument.SPOT) == expected


def test_a_coin_and_a_thousand_of_it_are_two() -> None:
    assert changes(spot(SHIB, THOUSAND_SHIB), spot(SHIB), [THOUSAND_SHIB, SHIB], Instrument.SPOT) == ([THOUSAND_SHIB], [])
