"""Certificates and secrets of a run: generated at its start, never committed."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from local.sample_data import MSPS


def make_certificates(run_dir: Path) -> None:
    """Write the CA, the server's certificate, and each MSP's secrets, unless they exist."""
    folder = run_dir / "secrets"
    folder.mkdir(parents=True, exist_ok=True)
    for msp in MSPS:
        if not (folder / msp.client_secret).exists():
            (folder / msp.client_secret).write_text(secrets.token_urlsafe(32))
    if (run_dir / "ca.pem").exists():
        return
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(run_dir / "server.pem")
    for msp in MSPS:
        (folder / msp.credential).write_text(key_and_certificate(msp.name))
        (folder / msp.service_account).write_text(secrets.token_urlsafe(32))
    authority.cert_pem.write_to_path(run_dir / "ca.pem")


def key_and_certificate(name: str, days: int = 365) -> str:
    """Return a new key with its self-signed certificate, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode() + certificate.public_bytes(serialization.Encoding.PEM).decode()
