"""HTTP/1.1 as curl and probes speak it, on the port that gRPC uses too."""

import http.client
import ssl
from dataclasses import dataclass

from harness.processes import Server


@dataclass(frozen=True)
class Page:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: str


def client_context(server: Server) -> ssl.SSLContext:
    """TLS as a client of this server does it."""
    context = ssl.create_default_context(cafile=str(server.tls.ca))
    if server.tls.client_cert:
        context.load_cert_chain(server.tls.client_cert, server.tls.client_key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def fetch(server: Server, path: str, method: str = "GET", body: str | None = None) -> Page:
    """One request on a connection of its own."""
    if server.tls:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=10, context=client_context(server)
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Page(response.status, headers, response.read().decode())
    finally:
        connection.close()
