"""TLS and SASL of a user's Kafka: what the settings mean, and a real broker that takes nothing else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from src.broker.admin import administration
from src.broker.cluster import cluster
from src.broker.connection import KafkaSecurity, client_options, secure_connection, security_of, spark_options
from src.broker.security import kafka_security
from src.broker.topic_reader import EARLIEST, read_topic
from src.broker.topics import TopicSpec, ensure_topics
from src.collect.producer import connected_producer
from src.config.settings import load_settings
from src.errors import CoinSparkError, ConfigurationError
from src.panes.dead_letters import KafkaDeadLetters
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter
from tests.kafka_node import KafkaNode, run_kafka_class
from tests.servers import LOOPBACK, free_port

SECRET = 'hunter2"\\;'  # noqa: S105  (made up; it must not be shown)
SCRAM_SECRET = "hunter2scram"  # noqa: S105  (Kafka's tool that makes such users takes no quotation marks)
SASL = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_username": "coin", "kafka_sasl_password": SECRET}


def test_without_settings_a_connection_is_plain() -> None:
    assert client_options("nobody:1,nobody:2") == {"bootstrap_servers": ["nobody:1", "nobody:2"], "security_protocol": "PLAINTEXT"}
    assert spark_options("nobody:1") == {"kafka.bootstrap.servers": "nobody:1", "kafka.security.protocol": "PLAINTEXT"}


def test_settings_become_options_of_both_clients(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    security = kafka_security(load_settings(**SASL | {"kafka_security_protocol": "SASL_SSL", "kafka_ssl_cafile": file}))
    assert security.client_options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "coin",
        "sasl_plain_password": SECRET,
        "ssl_cafile": str(file),
    }
    assert security.spark_options == {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": 'org.apache.kafka.common.security.scram.ScramLoginModule required username="coin" password="hunter2\\"\\\\;";',
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.location": str(file),
    }
    assert "hunter2" not in f"{security!r} {security}"
    assert pickle.loads(pickle.dumps(security)) == security  # noqa: S301  (our own)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kafka_sasl_password": None}, "KAFKA_SASL_PASSWORD: KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT needs it"),
        ({"kafka_security_protocol": "SSL"}, "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: KAFKA_SECURITY_PROTOCOL=SSL does not use it"),
        ({"kafka_ssl_cafile": "ca.pem"}, "KAFKA_SSL_CAFILE: KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT does not use it"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_ssl_cafile": "not.pem"}, "KAFKA_SSL_CAFILE: there is no file not.pem"),
    ],
)
def test_what_does_not_go_together_is_refused(changed: dict[str, str | None], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        kafka_security(load_settings(**SASL | changed))
    assert "hunter2" not in str(refusal.value)


class Secured:
    """A node with a listener for each protocol."""

    def __init__(self, folder: Path) -> None:
        self.addresses = {name: f"{LOOPBACK}:{free_port()}" for name in ("SASL_PLAINTEXT", "SASL_SSL")}
        self.cafile = folder / "ca.pem"
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_coin="{_escaped(SECRET)}";'
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        properties: dict[str, object] = {
            "listeners": ",".join(f"{name}://{address}" for name, address in self.addresses.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in self.addresses),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": "server.pem",
        }
        for name in self.addresses:
            properties |= {
                f"listener.name.{name.lower()}.plain.sasl.jaas.config": _in_properties(jaas),
                f"listener.name.{name.lower()}.scram-sha-512.sasl.jaas.config": scram,
            }
        folder.mkdir()
        certificate, key = _certificate()
        self.cafile.write_bytes(certificate)
        (folder / "server.pem").write_bytes(key + certificate)
        self.node = KafkaNode(folder, properties)

    def start(self) -> None:
        self.node.start("--add-scram", f"SCRAM-SHA-512=[name=coin,password={SCRAM_SECRET}]")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    server = Secured(tmp_path_factory.mktemp("secured") / "node")
    server.start()
    yield server
    server.node.stop()


@pytest.mark.broker
@pytest.mark.parametrize(("protocol", "mechanism"), [("SASL_PLAINTEXT", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-512"), ("SASL_SSL", "SCRAM-SHA-512")])
def test_every_client_speaks_to_a_broker_with_sasl(secured: Secured, protocol: str, mechanism: str) -> None:
    address = secured.addresses[protocol]
    cafile = secured.cafile if protocol == "SASL_SSL" else None
    password = SECRET if mechanism == "PLAIN" else SCRAM_SECRET
    settings = load_settings(
        **SASL
        | {"kafka_sasl_password": password}
        | {"kafka_bootstrap_servers": address, "kafka_security_protocol": protocol, "kafka_sasl_mechanism": mechanism, "kafka_ssl_cafile": cafile}
    )
    topic = f"said-{protocol}-{mechanism}"
    with cluster(settings, "tests") as kafka:
        ensure_topics(kafka.bootstrap_servers, [TopicSpec(topic, 1), TopicSpec(DEAD_LETTER_TOPIC, 1)])
        with closing(connected_producer(kafka.bootstrap_servers, [topic])) as producer:
            producer.send(topic, b"hello").get(30)
        assert [one.value for one in read_topic(kafka.bootstrap_servers, topic, EARLIEST)] == [b"hello"]
        letters = pickle.loads(pickle.dumps(KafkaDeadLetters(address, security_of(address))))()  # noqa: S301  (our own)
        letters.send(DeadLetter(reason="odd", origin=topic, market=None, source=None, received_time=None, raw=b"", raw_size=0))
        letters.close()
        assert topic in [one.key for one in read_topic(address, DEAD_LETTER_TOPIC, EARLIEST)]


@pytest.mark.broker
@pytest.mark.parametrize(("protocol", "mechanism", "password"), [("SASL_PLAINTEXT", "PLAIN", SECRET), ("SASL_SSL", "SCRAM-SHA-512", SCRAM_SECRET)])
def test_kafka_own_client_takes_the_options_for_spark(secured: Secured, tmp_path: Path, protocol: str, mechanism: str, password: str) -> None:
    cafile = str(secured.cafile) if protocol == "SASL_SSL" else None
    options = KafkaSecurity(protocol, mechanism, "coin", password, cafile).spark_options
    (tmp_path / "client.properties").write_text(
        "".join(f"{name.removeprefix('kafka.')}={_in_properties(value)}\n" for name, value in options.items())
    )
    arguments = ("--bootstrap-server", secured.addresses[protocol], "--command-config", "client.properties")
    asked = run_kafka_class(tmp_path, "kafka.admin.ConfigCommand", *arguments, "--describe", "--entity-type", "topics")
    assert asked.wait() == 0, (tmp_path / "kafka.log").read_text()


@pytest.mark.broker
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_one_line_without_it(secured: Secured, mechanism: str, caplog: pytest.LogCaptureFixture) -> None:
    address = secured.addresses["SASL_PLAINTEXT"]
    secure_connection(address, KafkaSecurity("SASL_PLAINTEXT", mechanism, "coin", "hunter3"))
    with pytest.raises(CoinSparkError, match="KAFKA_SASL_PASSWORD") as refusal, administration(address, 3):
        pass
    assert "hunter" not in f"{refusal.value!r} {refusal.value.__context__!r} {caplog.text}"
    assert "\n" not in str(refusal.value)


@pytest.mark.broker
def test_a_broker_with_tls_that_nobody_vouches_for_is_refused(secured: Secured) -> None:
    address = secured.addresses["SASL_SSL"]
    secure_connection(address, KafkaSecurity("SASL_SSL", "SCRAM-SHA-512", "coin", SECRET))
    with pytest.raises(CoinSparkError, match="no Kafka answers") as refusal, administration(address, 3):
        pass
    assert "hunter" not in str(refusal.value)


def _certificate() -> tuple[bytes, bytes]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, LOOPBACK)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _in_properties(text: str) -> str:
    """In a properties file a backslash is written twice."""
    return text.replace("\\", "\\\\")
