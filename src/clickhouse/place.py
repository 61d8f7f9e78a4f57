"""The ClickHouse a run uses: the user's own where the settings name one, the embedded one where they say so, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.config.settings import Settings
from src.storage.clickhouse import ClickHouseSink
from src.storage.clickhouse_address import parsed


@dataclass(frozen=True, slots=True)
class ClickHousePlace:
    """A ClickHouse that rows can go to."""

    url: SecretStr
    """As `ClickHouseSink` takes it. It stays the same when the embedded one is started again."""
    settings: Settings
    lease: ClickHouseLease | None = None
    """This process's hold on the embedded one; None for the user's own."""

    @property
    def shown(self) -> str:
        """Where it is, for a person: no user, no password."""
        return parsed(self.url.get_secret_value()).shown + (" (embedded)" if self.is_embedded else "")

    @property
    def is_embedded(self) -> bool:
        """Whether we run it."""
        return self.lease is not None

    def ensure_running(self) -> bool:
        """Start a dead embedded one again, as `ClickHouseLease.ensure_running`; the user's own is left to its owner (False)."""
        return self.lease is not None and self.lease.ensure_running()

    def sink(self) -> ClickHouseSink:
        """A sink of the settings' layout."""
        layout = self.settings
        return ClickHouseSink(
            self.url.get_secret_value(),
            ttl_days=layout.clickhouse_ttl_days,
            cluster=layout.clickhouse_cluster,
            replicated=layout.clickhouse_replicated,
        )


@contextmanager
def clickhouse(settings: Settings, purpose: str = "unnamed") -> Iterator[ClickHousePlace | None]:
    """The ClickHouse of these settings for the length of the block, None where they name none; `purpose` is what `status` shows of its user.

    Raises for the embedded one what `EmbeddedClickHouse.acquire` raises; the user's own is first asked when its sink is opened.
    """
    given = settings.clickhouse_url
    if given is None:
        yield None
    elif settings.has_own_clickhouse:
        yield ClickHousePlace(given, settings)
    else:
        with EmbeddedClickHouse(settings).acquire(purpose) as lease:
            yield ClickHousePlace(SecretStr(lease.url), settings, lease)
