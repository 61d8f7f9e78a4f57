"""The Kafka cluster a run uses: the user's own where the settings name one, else the embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from src.broker.admin import REACH_SECONDS, administration
from src.broker.embedded import BrokerLease, EmbeddedBroker
from src.broker.patience import patient
from src.broker.security import secure_connections
from src.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster that answered when it was asked for."""

    bootstrap_servers: str
    """host:port,... as Kafka clients take it. It stays the same when the embedded broker is started again."""
    cluster_id: str
    """Identity of the cluster's data; part of every checkpoint's identity."""
    lease: BrokerLease | None = None
    """This process's hold on the embedded broker; None for the user's own cluster."""

    @property
    def is_embedded(self) -> bool:
        """Whether we run it."""
        return self.lease is not None

    def ensure_running(self) -> bool:
        """Start a dead embedded broker again, as `BrokerLease.ensure_running`; the user's own cluster is left to its owner (False)."""
        return self.lease is not None and self.lease.ensure_running()


@contextmanager
def cluster(settings: Settings, purpose: str = "unnamed", reach_seconds: float = REACH_SECONDS) -> Iterator[Cluster]:
    """The cluster of these settings for the length of the block; `purpose` is what `status` shows of an embedded broker's user.

    Raises `MissingPartError` when the user's own cluster does not answer within `reach_seconds`, and for the embedded
    broker what `EmbeddedBroker.acquire` raises.
    """
    if settings.kafka_bootstrap_servers:
        secure_connections(settings)
        yield Cluster(settings.kafka_bootstrap_servers, _identity(settings.kafka_bootstrap_servers, reach_seconds))
    else:
        with EmbeddedBroker(settings).acquire(purpose) as lease:
            yield Cluster(lease.bootstrap_servers, lease.cluster_id, lease)


@patient
def _identity(bootstrap_servers: str, reach_seconds: float) -> str:
    with administration(bootstrap_servers, reach_seconds) as client:
        return str(client.describe_cluster()["cluster_id"])
