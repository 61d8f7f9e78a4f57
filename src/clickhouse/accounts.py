"""Who may use the embedded ClickHouse: its owner, and one who may only read. Their passwords are made once and kept in files of the user's alone."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

OWNER, READER = "coinspark", "reader"
_BYTES = 18


@dataclass(frozen=True)
class Account:
    """A user of the server."""

    name: str
    password: str = field(repr=False)
    may_write: bool


@dataclass(frozen=True)
class Accounts:
    """Both of them."""

    owner: Account
    reader: Account

    def of(self, name: str) -> Account | None:
        """The account of this name; `default` is the owner's too, as it is what clients call themselves when they are not told a name."""
        return {OWNER: self.owner, "default": self.owner, READER: self.reader}.get(name)


def accounts(folder: Path) -> Accounts:
    """The accounts of a folder, `password` and `reader-password` in it; made when they are missing. Call under the folder's lock."""
    return Accounts(
        Account(OWNER, _kept(folder / "password"), may_write=True),
        Account(READER, _kept(folder / "reader-password"), may_write=False),
    )


def _kept(path: Path) -> str:
    if not path.exists():
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(_BYTES))
        fresh.replace(path)
    return path.read_text().strip()
