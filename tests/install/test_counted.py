"""What is shown of a download: which of how many, how fast, how long still; in the words of the programs that do it."""

from __future__ import annotations

from install.counted import Counted
from install.environment import shown_of_poetry
from install.jars import shown_of_ivy

# As Ivy 2.5.3 writes them.
IVY = """\
:: resolving dependencies :: coinspark#jars;working@vm
	found org.apache.kafka#kafka-clients;4.1.2 in public
	found org.slf4j#slf4j-api;1.7.36 in public
	found org.pcollections#pcollections;4.0.2 in public
downloading https://jars.example.org/org/apache/kafka/kafka-clients/4.1.2/kafka-clients-4.1.2.jar ...
	[SUCCESSFUL ] org.apache.kafka#kafka-clients;4.1.2!kafka-clients.jar (136ms)
	[SUCCESSFUL ] org.slf4j#slf4j-api;1.7.36!slf4j-api.jar (36ms)
	[SUCCESSFUL ] org.pcollections#pcollections;4.0.2!pcollections.jar (36ms)
"""
# As Poetry 2.5.1 writes them.
POETRY = """\
Package operations: 2 installs, 1 update, 0 removals

  - Installing numpy (2.4.0)
  - Updating rich (14.0.0 -> 15.0.0)
  - Installing pyspark (4.3.0)
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_jars() -> None:
    said = shown_of_ivy(Counted("jars", Clock()))
    assert [text for line in IVY.splitlines() if (text := said(line)) is not None] == [
        "1 of 3 jars: kafka-clients",
        "2 of 3 jars, 1.0/s, 1 s left: slf4j-api",
        "3 of 3 jars, 1.0/s: pcollections",
    ]


def test_packages() -> None:
    said = shown_of_poetry(Counted("packages", Clock()))
    assert [text for line in POETRY.splitlines() if (text := said(line)) is not None] == [
        "1 of 3 packages: Installing numpy (2.4.0)",
        "2 of 3 packages, 1.0/s, 1 s left: Updating rich (14.0.0 -> 15.0.0)",
        "3 of 3 packages, 1.0/s: Installing pyspark (4.3.0)",
    ]


def test_more_than_were_announced_are_counted_on() -> None:
    counted = Counted("jars", Clock())
    counted.expect(1)
    counted.done("a")
    assert counted.done("b").startswith("2 jars, 1.0/s: b")
