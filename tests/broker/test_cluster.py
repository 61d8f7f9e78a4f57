"""The user's own Kafka is used as it is, and nothing embedded starts beside it."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from src.broker.cluster import Cluster, cluster
from src.config.settings import Settings
from src.errors import ConfigurationError, MissingPartError
from tests.servers import free_port


@pytest.mark.broker
def test_a_cluster_of_the_settings_is_used_and_no_broker_started(broker: Cluster, settings: Settings) -> None:
    own = settings.model_copy(update={"kafka_bootstrap_servers": broker.bootstrap_servers})
    with cluster(own, "test") as used:
        assert used == Cluster(broker.bootstrap_servers, broker.cluster_id)
        assert not used.is_embedded
        assert used.ensure_running() is False
    assert not settings.home.exists()


@pytest.mark.broker
def test_the_embedded_broker_listens_on_loopback_only_and_no_ctrl_c_reaches_it(broker: Cluster) -> None:
    assert broker.lease
    process = psutil.Process(broker.lease._running.pid)
    addresses = {connection.laddr.ip for connection in process.net_connections("inet") if connection.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}
    assert os.getsid(process.pid) != os.getsid(0)


def test_an_unreachable_cluster_is_one_clear_error(settings: Settings) -> None:
    address = f"127.0.0.1:{free_port()}"
    own = settings.model_copy(update={"kafka_bootstrap_servers": address})
    with (
        pytest.raises(MissingPartError, match=rf"no Kafka answers at {address} within 1 s: start it, correct KAFKA_BOOTSTRAP_SERVERS"),
        cluster(own, reach_seconds=1),
    ):
        pass


def test_a_server_that_is_no_kafka_is_one_clear_error(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        own = settings.model_copy(update={"kafka_bootstrap_servers": address})
        with pytest.raises(MissingPartError, match="no Kafka answers at"), cluster(own, reach_seconds=1):
            pass


def test_an_address_that_cannot_be_read_is_one_clear_error(settings: Settings) -> None:
    own = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:port"})
    with pytest.raises(ConfigurationError, match=r"KAFKA_BOOTSTRAP_SERVERS='127\.0\.0\.1:port'"), cluster(own, reach_seconds=1):
        pass
