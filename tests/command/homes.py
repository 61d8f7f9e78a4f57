"""A home folder with things in it, for commands that delete some of them."""

from __future__ import annotations

from pathlib import Path

from src.config.settings import Settings, load_settings
from tests.servers import ROOT, free_port

_PORTS = ("broker_port", "controller_port", "clickhouse_port")


def settings_of(home: Path) -> Settings:
    """Settings of servers of the test's own."""
    return load_settings(home=home, jars=ROOT / ".jars", **{name: free_port() for name in _PORTS})


def environment(settings: Settings) -> dict[str, str]:
    """The same for a command."""
    return {f"COINSPARK_{name.upper()}": str(getattr(settings, name)) for name in ("home", "jars", *_PORTS)}


def leave_state(home: Path) -> None:
    """What jobs and collectors leave behind, and things that are not theirs."""
    for name in (
        "checkpoints/ticker-abc/offsets/0",
        "checkpoints/ticker.lock",
        "replay/1.json",
        "collect/1.json",
        "spool/0/1.spool",
        "coin.db",
        "mine.txt",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")


def files(home: Path) -> set[str]:
    """What is there but the broker's own."""
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.relative_to(home).parts[0] != "broker"}
