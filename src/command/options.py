"""Options and arguments that several commands have: what means the same has the same name and the same help everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from src.collect.exchange import Channel
from src.collect.options import SourceChoice
from src.command import completers
from src.errors import ConfigurationError
from src.nearest import one_of

_OF_SETTINGS = "those of the settings; for a replay all"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Topic = Annotated[str, typer.Argument(help="Name of a topic.", show_default=False, autocompletion=completers.topics)]
Files = Annotated[list[str] | None, typer.Argument(help="Recordings for `--source replay`, JSONL: FILE or market=FILE.", show_default=False)]
Source = Annotated[
    SourceChoice | None, typer.Option(help="Where frames come from.", show_default="live, or simulate where no exchange can be reached")
]
Speed = Annotated[float, typer.Option(help="Replay: times the original pace; inf sends without waiting.")]
Loop = Annotated[bool, typer.Option("--loop", help="Replay: begin again at the end.")]
StartAt = Annotated[
    str | None, typer.Option(help="Replay: put the first frame at this ISO 8601 time.", metavar="TIME", show_default="so that the last is now")
]
Symbols = Annotated[str | None, typer.Option(help="Base coins, with commas, or all.", show_default=_OF_SETTINGS, autocompletion=completers.symbols)]
Markets = Annotated[str | None, typer.Option(help="Exchanges, with commas, or all.", show_default=_OF_SETTINGS, autocompletion=completers.markets)]
Channels = Annotated[
    str, typer.Option("--channels", "--channel", help="Kinds of market data, with commas, or all.", autocompletion=completers.channels)
]
Home = Annotated[Path | None, typer.Option(help="Folder of all data and state.", show_default=".coinspark")]
MetricsPort = Annotated[int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics on this port.", show_default="none")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port that the dashboard is served on.")]


def channels_of(text: str, option: str = "--channels") -> tuple[Channel, ...]:
    """The channels that a text with commas names; `all` names every one. Raises ConfigurationError with the nearest name."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == [completers.ALL]:
        return tuple(Channel)
    known = [channel.value for channel in Channel]
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{option} {name}: {one_of(name, known, 'The channels are')}, or all")
    if not names:
        raise ConfigurationError(f"{option} is empty: name at least one of {', '.join(known)}, or all")
    return tuple(dict.fromkeys(Channel(name) for name in names))
