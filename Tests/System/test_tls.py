"""TLS: certificates renewed under a running server, clients that must show one, bad files."""

import os
import shutil
import socket
import ssl
import time
from pathlib import Path

import grpc
import pytest

from harness import certs, paths, processes
from harness.api import Client
from harness.certs import Authority
from harness.processes import TLSFiles

ROTATION_SECONDS_MAX = 10.0
NOT_ETCD = pytest.mark.skipif(paths.byre().name == "etcd", reason="more than etcd 3.5.1 does")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


def served_serial(server, files: TLSFiles) -> str:
    """Serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if files.client_cert:
        context.load_cert_chain(files.client_cert, files.client_key)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as secure:
            der = secure.getpeercert(binary_form=True)
    pem = files.cert.with_suffix(".served")
    pem.write_text(ssl.DER_cert_to_PEM_cert(der))
    return certs.serial(pem)


def replace(new: Path, old: Path) -> None:
    """Puts a file in another's place in one step, as certificate managers do."""
    temporary = old.with_suffix(".new")
    shutil.copy(new, temporary)
    os.replace(temporary, old)


def eventually(condition) -> None:
    deadline = time.monotonic() + ROTATION_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "still not so after ten seconds"
        time.sleep(0.05)


def can_read(server, files: TLSFiles) -> bool:
    """Whether a client with these files is served, on a connection of its own."""
    with Client(server.target, certs.credentials(files)) as client:
        answer = client.call("Range", b"\x0a\x01a", seconds=3)
    assert answer.ok or answer.code is grpc.StatusCode.UNAVAILABLE, answer
    return answer.ok


@NOT_ETCD
def test_a_renewed_certificate_is_served_without_a_restart(start_byre, authority) -> None:
    files = authority.server_files()
    server = start_byre(tls=files)
    with Client(server.target, certs.credentials(files)) as client, client.watch() as watching:
        watching.create(key=b"a")
        first = served_serial(server, files)
        assert first == certs.serial(files.cert)
        cert, key = authority.issue("renewed")
        replace(key, files.key)
        # Between the two files the pair does not match: the old one goes on being served.
        assert served_serial(server, files) == first
        replace(cert, files.cert)
        eventually(lambda: served_serial(server, files) == certs.serial(cert))
        client.put(b"a", b"over the old connection")
        assert watching.wait_events(0, 1)[0].kv.value == b"over the old connection"
    assert can_read(server, files)


@NOT_ETCD
def test_rubbish_in_the_files_does_not_stop_a_running_server(start_byre, authority) -> None:
    files = authority.server_files()
    server = start_byre(tls=files)
    first = served_serial(server, files)
    good = files.cert.read_bytes()
    files.cert.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
    assert served_serial(server, files) == first
    files.cert.unlink()
    assert served_serial(server, files) == first
    files.cert.write_bytes(good)
    assert can_read(server, files)


@NOT_ETCD
def test_a_renewed_client_authority_is_accepted_without_a_restart(start_byre, authority) -> None:
    files = authority.server_files(mutual=True)
    server = start_byre(tls=files)
    newer = Authority(authority.folder, "newer")
    stranger = TLSFiles(files.cert, files.key, files.ca, *newer.issue("client", client=True))
    own_ca = authority.folder / "clients-trust.crt"
    shutil.copy(files.ca, own_ca)
    old = TLSFiles(files.cert, files.key, own_ca, files.client_cert, files.client_key)
    stranger = TLSFiles(files.cert, files.key, own_ca, stranger.client_cert, stranger.client_key)
    assert can_read(server, old) and not can_read(server, stranger)
    replace(newer.cert, files.ca)
    eventually(lambda: can_read(server, stranger))
    eventually(lambda: not can_read(server, old))


def test_a_client_certificate_is_required_when_asked_for(start_byre, authority) -> None:
    files = authority.server_files(mutual=True)
    server = start_byre(tls=files)
    other = Authority(authority.folder, "other")
    assert can_read(server, files)
    assert not can_read(server, TLSFiles(files.cert, files.key, files.ca))
    assert not can_read(
        server, TLSFiles(files.cert, files.key, files.ca, *other.issue("client", client=True))
    )
    # A certificate that is made for servers does not identify a client.
    assert not can_read(server, TLSFiles(files.cert, files.key, files.ca, files.cert, files.key))
    with Client(server.target) as plaintext:
        answer = plaintext.call("Range", b"\x0a\x01a", seconds=3)
        assert answer.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "offered, chosen",
    [
        (["h2"], "h2"),
        pytest.param(["http/1.1"], "http/1.1", marks=NOT_ETCD),
        ([], None),
        (["h2", "http/1.1"], "h2"),
    ],
)
def test_the_protocol_is_agreed_on_by_alpn(start_byre, authority, offered, chosen) -> None:
    files = authority.server_files()
    server = start_byre(tls=files)
    context = ssl.create_default_context(cafile=str(files.ca))
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as secure:
            assert secure.selected_alpn_protocol() == chosen
            if chosen != "h2":
                secure.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                assert secure.recv(65536).startswith(b"HTTP/1.1 200")


def test_old_protocol_versions_are_refused(start_byre, authority) -> None:
    files = authority.server_files()
    server = start_byre(tls=files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(files.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw, server_hostname="localhost")
    assert can_read(server, files)


def test_a_broken_handshake_harms_nobody(start_byre, authority) -> None:
    files = authority.server_files()
    server = start_byre(tls=files)
    for garbage in (
        b"",
        b"\x16\x03\x01\x00\x05hello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        os.urandom(500),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
            raw.sendall(garbage)
    assert can_read(server, files)


# Bad files at the start

BAD = {
    "no certificate file": lambda a, f: (f.cert.parent / "missing.crt", f.key, None),
    "no key file": lambda a, f: (f.cert, f.key.parent / "missing.key", None),
    "certificate is rubbish": lambda a, f: (_rubbish(a, "crt"), f.key, None),
    "key is rubbish": lambda a, f: (f.cert, _rubbish(a, "key"), None),
    "key of another certificate": lambda a, f: (f.cert, a.issue("another")[1], None),
    "authority is missing": lambda a, f: (f.cert, f.key, f.cert.parent / "missing-ca.crt"),
    "authority is rubbish": lambda a, f: (f.cert, f.key, _rubbish(a, "crt")),
}


def _rubbish(authority: Authority, ending: str) -> Path:
    path = authority.folder / f"rubbish.{ending}"
    path.write_text("this is no PEM\n")
    return path


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_at_the_start(name, tmp_path, authority) -> None:
    cert, key, ca = BAD[name](authority, authority.server_files())
    flags = [f"--cert-file={cert}", f"--key-file={key}"]
    if ca:
        flags += [f"--trusted-ca-file={ca}", "--client-cert-auth"]
    server = processes.byre(tmp_path / "data", *flags)
    command = [word.replace("http://", "https://") for word in server.command()]
    done = processes.run(command, seconds=20)
    assert done.returncode != 0
    if paths.byre().name == "etcd":
        return
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"one clear line, not:\n{done.stderr}"
    blamed = ca or (cert if "certificate" in name and "another" not in name else key)
    assert blamed.name in lines[0] or cert.name in lines[0], f"which file? {lines[0]}"
    assert not (tmp_path / "data").exists() or not any((tmp_path / "data").iterdir())


def test_https_without_a_certificate_is_refused(tmp_path) -> None:
    if paths.byre().name == "etcd":
        pytest.skip("etcd's own words")
    server = processes.byre(tmp_path / "data")
    command = [word.replace("http://", "https://") for word in server.command()]
    done = processes.run(command, seconds=20)
    assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1
