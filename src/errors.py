"""Every error CoinSpark raises on purpose, split by who must act.

    CoinSparkError
    |-- ConfigurationError      the user acts: a setting, an argument or the machine is wrong (exit status 2)
    |   `-- MissingPartError    something that must be installed or reachable is not: Java, jars, a database driver
    |       `-- UnreachableError    a server that may come back by itself, so who can wait for it may
    |-- TransientError          we act: the same call may succeed later, so it is retried with back-off
    |-- TerminalError           nobody can go on: the run stops, and resumes from its checkpoint later (exit status 1)
    `-- BadInput                data from outside that cannot be used: counted and sent to the dead letters, never fatal
        |-- MalformedFrame      an exchange's frame that its parser cannot read
        `-- MalformedMessage    a Kafka message that is not a record

A message says what was wrong, where, and what to do about it. It never holds a secret.
"""

from __future__ import annotations


class CoinSparkError(Exception):
    """Base of every error raised on purpose; `exit_status` is what the command line exits with."""

    exit_status = 1


class ConfigurationError(CoinSparkError):
    """The user must change a setting, an argument or the machine before the same command can work."""

    exit_status = 2


class MissingPartError(ConfigurationError):
    """A part that must be installed or reachable is absent; the message names the command that brings it."""


class UnreachableError(MissingPartError):
    """Nothing answers where a server should be, and nothing says that the address is wrong: start the server, or wait for it."""


class TransientError(CoinSparkError):
    """A call failed in a way that passes by itself (a dropped connection, a broker restarting): retry it."""


class TerminalError(CoinSparkError):
    """The run cannot go on. State on disk is consistent, and the next start resumes from it."""


class BadInput(CoinSparkError):
    """Outside data that cannot be used. `reason` is a short stable text, fit for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedFrame(BadInput):
    """A frame its exchange's parser cannot read."""


class MalformedMessage(BadInput):
    """A Kafka message that is neither a record nor an array of records."""
