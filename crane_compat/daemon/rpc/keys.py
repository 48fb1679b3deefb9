"""The cluster's secrets: the token key and the TLS certificate of the controller.

They live in the first of these directories that has them: ``[keys] directory`` of
crane.toml, ``keys`` beside slurm.conf, ``keys`` below StateSaveLocation.  The
controller makes them in the last of these when there are none.  Nodes on other
hosts need the directory as they need slurm.conf; it is readable by root and
SlurmUser only.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import secrets
from dataclasses import dataclass

from crane_compat.parsers.slurm_conf import SlurmConf

TOKEN_KEY, CERTIFICATE, PRIVATE_KEY = "jwt_hs256.key", "controller.crt", "controller.key"
VALID_DAYS = 3650


class KeysMissing(Exception):
    """This host has no keys of the cluster; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Where they are and what they hold."""

    directory: str
    token_key: bytes
    certificate: bytes
    private_key: bytes


def candidates(conf: SlurmConf) -> list[str]:
    """The directories that may hold the keys, in order."""
    from crane_compat.config.crane_toml import crane_toml

    configured = crane_toml(conf.directory).get("keys", {}).get("directory", "")
    state = conf.path_of("StateSaveLocation")
    return [name for name in (configured, os.path.join(conf.directory, "keys"), os.path.join(state, "keys")) if name]


def find(conf: SlurmConf) -> Keys:
    """The keys of this cluster on this host; raises KeysMissing."""
    for directory in candidates(conf):
        if os.path.exists(os.path.join(directory, TOKEN_KEY)):
            return _read(directory)
    raise KeysMissing(
        f"no keys in {' or '.join(candidates(conf))}: start the controller once, "
        "then copy its keys directory to this host beside slurm.conf"
    )


def _read(directory: str) -> Keys:
    parts = []
    for name in (TOKEN_KEY, CERTIFICATE, PRIVATE_KEY):
        try:
            with open(os.path.join(directory, name), "rb") as file:
                parts.append(file.read())
        except FileNotFoundError:
            parts.append(b"")
        except OSError as exc:
            raise KeysMissing(f"cannot read {directory}/{name}: {exc.strerror}") from exc
    return Keys(directory, *parts)


def ensure(conf: SlurmConf) -> Keys:
    """The keys, made below StateSaveLocation if there are none."""
    with contextlib.suppress(KeysMissing):
        return find(conf)
    directory = os.path.join(conf.path_of("StateSaveLocation"), "keys")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    _write(directory, TOKEN_KEY, secrets.token_bytes(32))
    certificate, private = _certificate(conf)
    _write(directory, PRIVATE_KEY, private)
    _write(directory, CERTIFICATE, certificate)
    return _read(directory)


def _write(directory: str, name: str, content: bytes) -> None:
    descriptor = os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _certificate(conf: SlurmConf) -> tuple[bytes, bytes]:
    """A self-signed certificate for the controllers' names and addresses (nodes trust exactly this one)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"cranectld {conf.cluster_name}")])
    names: list[x509.GeneralName] = [x509.DNSName("cranectld"), x509.DNSName("localhost")]
    for host, address in conf.controllers:
        for text in {host, address} - {""}:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(text)))
            except ValueError:
                names.append(x509.DNSName(text))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(list(dict.fromkeys(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
