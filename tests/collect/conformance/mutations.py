"""Ways to break a frame: in one place, in its text, or altogether."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from src.collect.parsed import Frame

REMOVED = object()
_MARK = "@broken@"

ODD_VALUES = (
    *("null", "true", "false", "0", "-1", "1", "0.5", "1e308", "1e999", "-1e999", "NaN", "Infinity"),
    *("9" * 400, "-" + "9" * 30, "9223372036854775808", '"253402300800000"', '"' + "A" * 300 + '"', '"snapshot"'),
    *('""', '" "', '"1"', '"-1"', '"0"', '"1e999"', '"NaN"', '"-Infinity"', '"1_000"', '"0x10"', '"１"', '"abc"', '"KRW-BTC"', '"\\ud800"', '"🚀"'),
    *('"2026-11-20T00:00:00Z"', '"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999999Z"'),
    *("[]", "{}", "[[]]", "[null]", "[[1]]", '[["1","2"]]', '[["NaN","1"]]', '[["-1","1"]]', '{"a":1}', "[1,2,3]", "[" * 60 + "]" * 60),
)
"""JSON texts, and texts that some readers take for JSON, that may stand in the place of a value."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a message, its own first."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The message with another value at that place, or without it (`REMOVED`)."""
    if not path:
        return None if new is REMOVED else new
    changed = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and new is REMOVED:
        del changed[path[0]]
    else:
        changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def with_text(message: Any, path: tuple[Any, ...], text: str) -> str:
    """The message as JSON with this text, as it is, at that place."""
    return json.dumps(replaced(message, path, _MARK), ensure_ascii=False).replace(f'"{_MARK}"', text)


def broken_once(frame: Frame) -> Iterator[str]:
    """Every value of the frame removed, put in a string or taken out of one, and replaced by every odd value."""
    message = json.loads(frame.message)
    for path in places(message):
        if path:
            yield json.dumps(replaced(message, path, REMOVED))
        for text in ODD_VALUES:
            yield with_text(message, path, text)
        here = message
        for key in path:
            here = here[key]
        if isinstance(here, str):
            yield with_text(message, path, here)
        elif not isinstance(here, dict | list):
            yield with_text(message, path, json.dumps(str(here)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "NaN", "-Infinity", "1e999", "KRW-BTC", 10**400, -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def anything(draw: st.DrawFn, frames: tuple[Frame, ...]) -> Frame:
    """A frame broken in some places, cut off, with wrong bytes in it, or with nothing of it left."""
    frame = draw(st.sampled_from(frames))
    message = json.loads(frame.message)
    for _ in range(draw(st.integers(1, 3))):
        message = replaced(message, draw(st.sampled_from(list(places(message)))), draw(json_values))
    text = json.dumps(message)
    cut = text[: draw(st.integers(0, len(text)))]
    at = draw(st.integers(0, len(text)))
    wrong = text[:at].encode() + draw(st.binary(max_size=4)) + text[at:].encode()
    lone_surrogates = st.text(st.characters(categories=["Cs", "L"]), max_size=20)
    texts = st.sampled_from([text, cut]) | st.text(max_size=40) | json_values.map(json.dumps) | lone_surrogates
    raw = st.sampled_from([text.encode(), cut.encode(), wrong]) | st.binary(max_size=40)
    chosen = draw(texts) if draw(st.booleans()) else draw(raw)
    url = draw(st.sampled_from([frame.url, frame.url, *(other.url for other in frames)]))
    return Frame(frame.market, frame.source, frame.received_time, chosen, url)
