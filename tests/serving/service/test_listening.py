"""Where the service listens and whom it reaches: this machine alone, unless that is safe."""

import contextlib
import datetime as dt
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import textwrap
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.serving.service.corner_shop import FORESTAY, corner_shop
from tests.serving.service.served import Served, free_port

#: Loaded by every Python of the service before anything else: tells whom it would reach.
WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        where = arguments[1] if event != "socket.getaddrinfo" else arguments[:1]
        host = where[0] if isinstance(where, tuple) else where
        if host in ("127.0.0.1", "localhost", "::1", None) or str(host).startswith("/"):
            return
        with open(os.environ["REACHED"], "a") as file:
            file.write(f"{event} {host}\\n")

sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copy the shop."""
    return corner_shop(tmp_path_factory, tmp_path_factory.mktemp("listen") / "shop")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a certificate for this machine; return its file and its key's."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "tls.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls.key").write_bytes(private)
    return folder / "tls.crt", folder / "tls.key"


def refused(folder, *options):
    """Try to serve; return what is said instead."""
    done = subprocess.run(
        [FORESTAY, "serve", "--workspace", str(folder), "--port", str(free_port()), *options],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_elsewhere_needs_tls_or_a_proxy(folder):
    """An address that others reach, in plain text, is refused with what to do."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104 - that is what is refused
        words = refused(folder, "--host", host)
        assert "--certificate" in words
        assert "--behind-proxy" in words


def test_elsewhere_needs_a_key(folder):
    """Behind a proxy, but without any key that counts: refused."""
    words = refused(folder, "--host", "0.0.0.0", "--behind-proxy")  # noqa: S104 - as above
    assert "forestay keys create" in words


def test_a_certificate_needs_its_key(folder, certificate):
    """One without the other is refused."""
    assert "give both" in refused(folder, "--certificate", str(certificate[0]))


def test_it_answers_over_tls(folder, certificate):
    """With its own certificate; who does not trust it gets nothing, nor who speaks plainly."""
    options = ["--certificate", str(certificate[0]), "--private-key", str(certificate[1])]
    served = Served(folder, *options)
    with served.log.open("ab") as log:
        command, environment = served.command()
        served.process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **environment}
        )
    url = f"https://127.0.0.1:{served.port}"
    trusted = ssl.create_default_context(cafile=str(certificate[0]))
    try:
        answer = None
        for _ in range(300):
            try:
                answer = httpx.get(f"{url}/readyz", verify=trusted)
                break
            except httpx.ConnectError:
                assert served.process.poll() is None, served.log.read_text()
                time.sleep(0.1)
        assert answer is not None
        assert answer.status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/readyz")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{served.port}/readyz")
    finally:
        served.stop()


def test_nobody_is_reached_but_who_asked(folder, tmp_path):
    """Start, score, event, page, metrics: no name is looked up, no address is called."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(WATCH))
    reached = tmp_path / "reached.txt"
    served = Served(folder)
    command, environment = served.command()
    served.command = lambda: (
        command, {**environment, "PYTHONPATH": str(tmp_path), "REACHED": str(reached),
                  "GITHUB_ACTIONS": "", "MLFLOW_DISABLE_TELEMETRY": "", "DO_NOT_TRACK": ""},
    )  # fmt: skip
    with served as service:
        assert service.score("x")["results"]
        assert service.ask("GET", "/metrics", "auditor").status_code == 200
        row = {"customer_id": "x", "order_id": "reach", "amount": 1.0,
               "ordered_at": "2026-01-01T00:00:00Z"}  # fmt: skip
        sent = service.ask("POST", "/events", json={"table": "orders", "rows": [row]},
                           headers={"Idempotency-Key": "reaching-1"})  # fmt: skip
        assert sent.status_code == 200, sent.text
        assert service.ask("GET", "/audit/models/churn-1", "auditor").status_code == 200
    assert not reached.exists(), reached.read_text()


def answered(connection):
    """Read one answer, which is one JSON object; return its status and what it says."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(8192)
        assert part, answer
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split()[1], json.loads(body)


def test_a_thousand_connections_may_stay_open(folder):
    """All of them idle: others are answered, and each can still be used."""
    with Served(folder) as service, contextlib.ExitStack() as stack:
        ask = (
            f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.keys['crm']}\r\n"
            "Content-Type: application/json\r\nContent-Length: 23\r\n\r\n"
            '{"customer_ids": ["x"]}'
        ).encode()
        kept = []
        for _ in range(1000):
            one = socket.create_connection(("127.0.0.1", service.port), 10)
            kept.append(stack.enter_context(one))
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        for one in kept:
            assert answered(one) == (b"200", {"live": True})
        assert service.score("x")["results"]
        for one in kept[::100]:
            one.sendall(ask)
            status, told = answered(one)
            assert status == b"200"
            assert told["results"]
