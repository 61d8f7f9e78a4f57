"""Kafka messages to records, inside Spark's Python workers: the one parse that all metrics of a job share.

A message that is not a record yields a record that only says so (`problem`), and goes to the dead letters from right here, keyed by its topic,
partition and offset: at least once, recognisable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from src.errors import MalformedMessage
from src.panes.arrays import Flags, Integers, Numbers
from src.panes.columns import Identities, Records
from src.panes.layout import IDENTITY
from src.panes.messages import UNREADABLE, Messages, parts_of
from src.panes.slim import slim_record, slimmed
from src.panes.spreading import Spread, spread_out
from src.preprocess.admission import BOUNDED, Admission
from src.preprocess.computed import Computed
from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import DeadLetter, Record

UNKNOWN = "unknown"
MESSAGE_LIMIT = 8 * 1024 * 1024
_EXTRA = {"late": Kind.BOOLEAN, "problem": Kind.STRING}

Convert = Callable[[bytes], Sequence[Record | MalformedMessage]]
"""Reads the messages of a topic that carries something else than the job's records; src/panes/raw_messages.py has the one there is."""


def parsed_kinds(record: type[Record], computed: Sequence[Computed] = ()) -> dict[str, Kind]:
    """The columns of parsed records, in order: the record's own, those computed of it, then `late` and `problem`."""
    found = record_kinds(record)
    for each in computed:
        found |= each.kinds
    return found | _EXTRA


@dataclass(frozen=True)
class Reading:
    """How the messages of a job are read; goes to the workers, so it must be picklable.

    record: what they hold. reads: the columns that metrics read. convert: by topic, for those that hold something else.
    spread: of a record for which `spreads` holds, the records that it stands for.
    """

    record: type[Record]
    admission: Admission
    reads: frozenset[str]
    computed: tuple[Computed, ...] = ()
    convert: Mapping[str, Convert] = field(default_factory=dict)
    spreads: str | None = None
    """The field that is not null in a record that `spread` is to be called for."""
    spread: Spread | None = None


class Reader:
    """Reads batches of messages; one worker's, for its share of a micro-batch. `dead` takes the dead letters."""

    def __init__(self, reading: Reading, dead: Callable[[DeadLetter], None]) -> None:
        self._reading = reading
        self._dead = dead
        self._kinds = parsed_kinds(reading.record, reading.computed)
        wanted = reading.reads | {name for each in reading.computed for name in each.reads} | ({reading.spreads} if reading.spreads else set())
        self._slim = slim_record(reading.record, wanted)
        self._decode = msgspec.json.Decoder(self._slim | list[self._slim]).decode  # type: ignore[name-defined]
        self._fields = tuple(name for name in self._slim.__struct_fields__ if name not in {*IDENTITY, "event_time", "received_time"})
        self._kept = tuple(name for name in self._fields if name in reading.reads)
        self._numeric = tuple(name for name in self._fields if self._kinds.get(name) is Kind.DOUBLE)
        self.identities = Identities()
        self._numbers = _Numbers(self.identities)
        self._unknown = self._slim(**dict.fromkeys(name for name in self._slim.__struct_fields__ if name in self._kinds) | _UNKNOWN)

    def read(self, messages: Messages) -> Iterator[Records]:
        """The records of messages: at once, but for what some stand for (src/panes/spreading.py)."""
        problems: list[tuple[int, str]] = []
        arrays = self._arrays(messages)
        if arrays is None:
            records, counts = self._one_after_another(messages, problems)
        else:
            records, counts = list(chain.from_iterable(arrays)), list(map(len, arrays))
        for decoded in self._spread(records, np.repeat(np.arange(len(counts)), counts), messages):
            yield self._records(decoded, messages, problems)
            problems = []

    def _arrays(self, messages: Messages) -> list[list[Any]] | None:
        """What almost all messages are, decoded with as little ado as can be; None where one of them is something else."""
        if self._reading.convert and not self._reading.convert.keys().isdisjoint(messages.topics()):
            return None
        values = [value for value in messages.values if value is not None]
        if len(values) < len(messages.values) or max(map(len, values), default=0) > MESSAGE_LIMIT:
            return None
        try:
            found = list(map(self._decode, values))
        except UNREADABLE:
            return None
        return found if {*map(type, found)} <= {list} and all(found) else None

    def _one_after_another(self, messages: Messages, problems: list[tuple[int, str]]) -> tuple[list[Any], list[int]]:
        """The records of messages of any kind, and how many each has."""
        records: list[Any] = []
        counts: list[int] = []
        topics = messages.topics() if self._reading.convert else ()
        for place, value in enumerate(messages.values):
            before = len(records)
            try:
                convert = self._reading.convert.get(topics[place]) if topics else None
                if convert is None:
                    self._take(self._decode(_checked(value)), place, records, problems)
                else:
                    self._take_converted(convert(_checked(value)), place, records, problems)
            except UNREADABLE:
                self._one_by_one(value, place, records, problems)
            except MalformedMessage as error:
                problems.append((place, error.reason))
            counts.append(len(records) - before)
        return records, counts

    def _take(self, found: Any, place: int, records: list[Any], problems: list[tuple[int, str]]) -> None:
        if type(found) is not list:
            records.append(found)
        elif found:
            records += found
        else:
            problems.append((place, "empty array"))

    def _take_converted(
        self, converted: Sequence[Record | MalformedMessage], place: int, records: list[Any], problems: list[tuple[int, str]]
    ) -> None:
        for found in converted:
            if isinstance(found, MalformedMessage):
                problems.append((place, found.reason))
            else:
                records.append(slimmed(self._slim, found))

    def _one_by_one(self, value: bytes | None, place: int, records: list[Any], problems: list[tuple[int, str]]) -> None:
        """An array with a bad element loses that element alone."""
        for part in parts_of(value or b""):
            try:
                records.append(msgspec.json.decode(part, type=self._slim))
            except UNREADABLE as error:
                problems.append((place, f"not a {self._reading.record.__name__}: {error}"[:200]))

    def _spread(self, records: list[Any], message: Integers, messages: Messages) -> Iterator[tuple[list[Any], Integers]]:
        name, spread = self._reading.spreads, self._reading.spread
        values = [] if name is None else list(map(attrgetter(name), records))
        if name is None or spread is None or values.count(None) == len(values):
            yield records, message
            return
        problem, arrived = self._reading.admission.problem_on_arrival, messages.arrived[message].tolist()
        # What is refused is refused once, as it came.
        spreads = [value is not None and problem(record, time) is None for value, record, time in zip(values, records, arrived, strict=True)]
        yield from spread_out(records, message, spreads, spread)

    def _records(self, decoded: tuple[list[Any], Integers], messages: Messages, problems: list[tuple[int, str]]) -> Records:
        records, message = decoded
        times = {name: np.fromiter(map(attrgetter(name), records), np.int64, len(records)) for name in _TIMES}
        identity = np.fromiter(map(self._numbers.__getitem__, map(_identity, records)), np.int64, len(records))
        numbers = {name: _doubles(list(map(attrgetter(name), records))) for name in self._numeric}
        fine = self._admitted(records, identity, times | numbers, messages.arrived[message], message, problems)
        if fine is not None:
            records = [record for record, is_fine in zip(records, fine.tolist(), strict=True) if is_fine]
            identity, times = identity[fine], {name: values[fine] for name, values in times.items()}
            numbers = {name: values[fine] for name, values in numbers.items()}
        if problems:
            # What is no record is a row all the same, so that it is counted.
            for place, reason in dict(reversed(problems)).items():
                # One letter a message, whatever number of its elements is bad: it holds them all.
                self._dead(messages.dead_letter(place, reason))
            arrived = messages.arrived[[place for place, _ in problems]]
            records += [self._unknown] * len(problems)
            identity = np.concatenate([identity, [self.identities.add((*_identity(self._unknown), reason)) for _, reason in problems]])
            times = {name: np.concatenate([values, arrived]) for name, values in times.items()}
            numbers = {name: np.concatenate([values, np.full(len(problems), np.nan)]) for name, values in numbers.items()}
        return self._columns(records, identity, times, numbers)

    def _admitted(
        self,
        records: Sequence[Any],
        identity: Integers,
        values: Mapping[str, Any],
        arrived: Integers,
        message: Integers,
        problems: list[tuple[int, str]],
    ) -> Flags | None:
        """Which records can be used; None for all of them. What is wrong with the others is added to `problems`."""
        admission = self._reading.admission
        suspect = admission.suspect(values["event_time"], values["received_time"], arrived)
        suspect |= np.array(self._numbers.unprintable, dtype=np.bool_)[identity]
        for name in self._numeric:
            if name in BOUNDED:
                suspect |= admission.suspect_numbers(name, values[name])
        if "trade_id" in self._fields:
            ids = list(map(attrgetter("trade_id"), records))
            gaps = list(map(attrgetter("gap_since"), records)) if "gap_since" in self._fields else []
            suspect |= admission.suspect_trades(ids, gaps, values["received_time"])
        if not suspect.any():
            return None
        for place in np.flatnonzero(suspect).tolist():
            problem = admission.problem_on_arrival(records[place], int(arrived[place]))
            if problem is None:
                suspect[place] = False
            else:
                problems.append((int(message[place]), problem))
        return ~suspect

    def _columns(self, records: Sequence[Any], identity: Integers, times: Mapping[str, Integers], numbers: Mapping[str, Any]) -> Records:
        fields: dict[str, Any] = {name: list(map(attrgetter(name), records)) for name in self._kept if name not in numbers}
        fields.update(numbers)
        read = {name for each in self._reading.computed for name in each.reads}
        decoded = {name: list(map(attrgetter(name), records)) for name in read}
        computed = {name: values for each in self._reading.computed for name, values in each.columns(decoded, len(records)).items()}
        backfilled = np.fromiter(map(_backfilled, records), np.bool_, len(records))
        fields["late"] = self._reading.admission.late(times["event_time"], times["received_time"], backfilled)
        return Records(self.identities, identity, times, fields, self._kinds, computed)


_TIMES = ("event_time", "received_time")
_UNKNOWN = {"source": UNKNOWN, "market": UNKNOWN, "event_time": 0, "received_time": 0}
_backfilled = attrgetter("backfilled")
_identity = attrgetter(*IDENTITY[:-1])


def _doubles(values: list[float | None]) -> Numbers:
    if values and values[0] is None and values.count(None) == len(values):
        # Many fields are those of some venues alone, and what is not there takes longest.
        return np.full(len(values), np.nan)
    return np.array(values, dtype=np.float64)


def _checked(value: bytes | None) -> bytes:
    if value is None or len(value) > MESSAGE_LIMIT:
        raise MalformedMessage("empty message" if value is None else f"message over {MESSAGE_LIMIT} bytes")
    return value


class _Numbers(dict[tuple[str | None, ...], int]):
    """The number of each identity that records have; one that is met for the first time gets its number when it is asked for."""

    def __init__(self, identities: Identities) -> None:
        super().__init__()
        self._identities = identities
        self.unprintable: list[bool] = []

    def __missing__(self, key: tuple[str | None, ...]) -> int:
        number = self[key] = self._identities.add((*key, None))
        self.unprintable += [False] * (number + 1 - len(self.unprintable))
        self.unprintable[number] = not all(text is None or text.isprintable() for text in key)
        return number
