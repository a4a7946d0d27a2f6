"""Connections with and without a proxy: unknown names, redirects to this machine, certificates."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.support import webtoon_server
from tests.support.crawl_faults import crawl_at, picture_url, redirect, status
from tests.support.crawl_runs import LIST, episodes
from tests.support.webtoon_server import API, IMAGES, Webtoons, title


@pytest.fixture
def direct() -> Iterator[Webtoons]:
    """A site with one server for each host, without a proxy."""
    with webtoon_server.serve_directly() as site:
        yield site


def test_a_proxy_that_refuses_to_connect_ends_the_crawl_with_one_line(site, crawl):
    process = crawl("--api=https://comic.test", "--images=https://image.test")
    assert process.returncode == 1
    assert "cannot be read: no answer: " in process.stderr
    assert process.stderr.count("\n") == 1


def test_a_crawl_without_a_proxy_sends_requests_to_both_hosts(direct, work):
    direct.add(title(10, 3), title(11, 1))
    process = crawl_at(work, direct)
    assert process.returncode == 0, process.stderr
    assert set(episodes()["status"]) == {"ok"}
    assert direct.agents == {"webtoon-genre (contact you@example.org)"}


def test_a_redirect_to_this_machine_is_rejected_without_a_proxy(direct, work):
    direct.add(title(10, 4))
    other = Webtoons()
    with webtoon_server.listen(other) as address:
        port = address.rpartition(":")[2]
        same_host = direct.names[IMAGES].replace("127.0.0.1", "localhost")
        for no, location in enumerate([f"{address}/", f"http://localhost:{port}/", f"{same_host}/10/4.jpg"], 1):
            direct.answers[picture_url(no, 10)] = [redirect(location)]
        process = crawl_at(work, direct)
    assert process.returncode == 0, process.stderr
    assert [status(no, 10) for no in range(1, 5)] == ["foreign_host", "foreign_host", "foreign_host", "ok"]
    assert other.requests == []


def test_an_unknown_host_name_ends_the_crawl_with_one_line(direct, work):
    process = crawl_at(work, direct, "--api=http://comic.invalid")
    assert process.returncode == 1
    assert process.stderr == (
        f"crawl: the list of titles at {LIST.replace(API, 'http://comic.invalid')} cannot be read: "
        "no answer: unknown host; nothing was changed, run again later\n"
    )


def certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, Path]:
    """Create a self-signed certificate for the IP `address`; return the server's TLS context and the certificate's file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, folder / "key.pem")
    return context, path


def test_https_works_with_a_certificate_that_verifies(work, tmp_path_factory, monkeypatch):
    context, path = certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with webtoon_server.serve_directly(context) as site:
        site.add(title(10, 2))
        process = crawl_at(work, site)
    assert process.returncode == 0, process.stderr
    assert set(episodes()["status"]) == {"ok"}


@pytest.mark.parametrize(("address", "trusted"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_a_certificate_that_does_not_verify_ends_the_crawl_before_any_request(
    work, tmp_path_factory, monkeypatch, address, trusted
):
    context, path = certificate(tmp_path_factory.mktemp("tls"), address)
    if trusted:  # but it belongs to another address
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with webtoon_server.serve_directly(context) as site:
        site.add(title(10, 2))
        process = crawl_at(work, site)
    assert process.returncode == 1
    assert process.stderr.endswith("cannot be read: no answer: bad certificate; nothing was changed, run again later\n")
    assert site.requests == []
