"""Certificates made for a test: an authority, a server at 127.0.0.1, and an authority that nobody trusts."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import LOOPBACK


def make_certificates(folder: Path) -> Path:
    """The folder, with `authority.pem`, `server.pem` that it signed, and `stranger.pem`, an authority that signed nothing; a `.key` beside each."""
    key = _certificate(folder, "authority", None)
    _certificate(folder, "server", (x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes()), key))
    _certificate(folder, "stranger", None)
    return folder


def _certificate(folder: Path, name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None) -> ec.EllipticCurvePrivateKey:
    """Write `<name>.pem` and `<name>.key`: an authority's without an issuer, else a server's at 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signer = (subject, key) if issuer is None else (issuer[0].subject, issuer[1])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(signer[0]).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
    made = builder.sign(signer[1], hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(key.private_bytes(*plain))
    return key
