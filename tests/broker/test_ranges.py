"""Ranges of offsets: what a batch has, and how it is shared out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from src.broker.ranges import OffsetRange, TopicPartition, as_offsets, as_places, limited, shares

PLACES = [TopicPartition(topic, partition) for topic in ("a", "b") for partition in range(3)]
COUNTS = st.dictionaries(st.sampled_from(PLACES), st.integers(0, 2_000))


def test_offsets_are_written_in_one_order() -> None:
    places = {TopicPartition("b", 0): 3, TopicPartition("a", 10): 1, TopicPartition("a", 2): 7}
    assert list(as_offsets(places).items()) == [("a", {"2": 7, "10": 1}), ("b", {"0": 3})]
    assert list(as_offsets(places)["a"]) == ["2", "10"]
    assert as_places(as_offsets(places)) == places


def test_each_partition_gives_its_share_of_a_batch() -> None:
    one, two, three = PLACES[:3]
    assert limited({one: 10, two: 5}, {one: 110, two: 305, three: 1}, 41) == {one: 21, two: 36, three: 1}
    assert limited({one: 10}, {one: 110}, 100) == {one: 110}


@given(COUNTS, COUNTS, st.integers(1, 500))
def test_a_batch_is_bounded_goes_on_and_never_back(begin: dict[TopicPartition, int], waiting: dict[TopicPartition, int], most: int) -> None:
    end = {place: begin.get(place, 0) + count for place, count in waiting.items()}
    found = limited(begin, end, most)
    taken = {place: found[place] - begin.get(place, 0) for place in end}
    assert all(0 <= taken[place] <= waiting[place] for place in end)
    assert sum(taken.values()) <= most + len(end)
    assert sum(taken.values()) >= min(most, sum(waiting.values()))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 400)), max_size=6), st.integers(1, 5))
def test_shares_hold_every_offset_once_and_are_of_one_size(ranges: list[tuple[int, int]], parts: int) -> None:
    given_ranges = [OffsetRange("a", number, begin, begin + count) for number, (begin, count) in enumerate(ranges)]
    found = shares(given_ranges, parts)
    sizes = [sum(each.size for each in share) for share in found]
    total = sum(each.size for each in given_ranges)
    assert len(found) == min(parts, total)
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    for share in found:
        assert len({each.partition for each in share}) == len(share), "one range of a partition, at most"
    assert _offsets(each for share in found for each in share) == _offsets(given_ranges)


def _offsets(ranges: object) -> list[tuple[int, int]]:
    return sorted((each.partition, offset) for each in ranges for offset in range(each.begin, each.end))  # type: ignore[attr-defined]
