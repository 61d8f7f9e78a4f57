"""How a Kafka cluster is spoken to: its address with what TLS and SASL need, as options of the Python client and of Spark.

Everything that makes a client takes its options from here, by the cluster's address. A process says once for an address what it needs
(`src/broker/security.py` out of the settings); an address of which nothing was said, the embedded broker's for one, is spoken to in plain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """What the connections to one cluster need beside its address. The password is in no text that is made of this."""

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    cafile: str | None = None

    @property
    def client_options(self) -> dict[str, Any]:
        """Options of kafka-python's clients."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.mechanism is not None:
            options |= {"sasl_mechanism": self.mechanism, "sasl_plain_username": self.username, "sasl_plain_password": self.password}
        if self.cafile is not None:
            options["ssl_cafile"] = self.cafile
        return options

    @property
    def fetch_options(self) -> dict[str, str]:
        """Options of librdkafka's clients."""
        options = {"security.protocol": self.protocol}
        if self.mechanism is not None:
            options |= {"sasl.mechanism": self.mechanism, "sasl.username": self.username or "", "sasl.password": self.password or ""}
        if self.cafile is not None:
            options["ssl.ca.location"] = self.cafile
        return options

    @property
    def spark_options(self) -> dict[str, str]:
        """Options of Spark's Kafka source. They hold the password: give them to a reader, never to the session's configuration."""
        options = {"kafka.security.protocol": self.protocol}
        if self.mechanism is not None:
            module = _PLAIN_MODULE if self.mechanism == "PLAIN" else _SCRAM_MODULE
            options["kafka.sasl.mechanism"] = self.mechanism
            options["kafka.sasl.jaas.config"] = f"{module} required username={_quoted(self.username)} password={_quoted(self.password)};"
        if self.cafile is not None:
            options |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": self.cafile}
        return options


_IN_PLAIN = KafkaSecurity()
_said: dict[str, KafkaSecurity] = {}


def secure_connection(bootstrap_servers: str, security: KafkaSecurity) -> None:
    """From now on connections of this process to the address are made so. A worker process is told what its driver was told."""
    _said[bootstrap_servers] = security


def security_of(bootstrap_servers: str) -> KafkaSecurity:
    """What was said of the address."""
    return _said.get(bootstrap_servers, _IN_PLAIN)


def client_options(bootstrap_servers: str) -> dict[str, Any]:
    """The address and its security as options of kafka-python's clients."""
    return {"bootstrap_servers": bootstrap_servers.split(","), **security_of(bootstrap_servers).client_options}


def spark_options(bootstrap_servers: str) -> dict[str, str]:
    """The same as options of Spark's Kafka source."""
    return {"kafka.bootstrap.servers": bootstrap_servers, **security_of(bootstrap_servers).spark_options}


def _quoted(text: str | None) -> str:
    escaped = (text or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
