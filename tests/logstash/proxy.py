"""A loopback proxy that lets Logstash talk to the minimal Elasticsearch of the tests.

The elasticsearch output asks ``GET /`` and ``HEAD /`` before it sends anything; the minimal distribution has no such
route. The proxy answers these two (once the backend accepts the caller's credentials) and forwards everything else
byte for byte: bodies of any size are streamed, compressed ones stay compressed, chunked ones stay chunked.

Run it with ``python proxy.py --backend https://127.0.0.1:9200 --ca ca.crt --port 9299``, or use ``Proxy`` as a context
manager.
"""

from __future__ import annotations

import argparse
import http.client
import json
import select
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

BLOCK = 64 * 1024
CREDENTIALS_PATH = "/_security/_authenticate"
LICENSE_PATH = "/_license"
PRODUCT = ("X-elastic-product", "Elasticsearch")
BANNER_TYPE = "application/json"
# They belong to one connection, not to the message; Transfer-Encoding is set anew by whoever writes the body.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where the requests go."""

    url: str
    ca: Path | None = None
    timeout: float = 120.0

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is opened by its first request."""
        parts = urlsplit(self.url)
        if parts.hostname is None or parts.scheme not in {"http", "https"}:
            msg = f"not an http or https URL: {self.url!r}"
            raise ValueError(msg)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        context = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout, context=context)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one client connection, through one backend connection of its own."""

    protocol_version = "HTTP/1.1"
    server: Server
    backend: http.client.HTTPConnection | None = None

    def setup(self) -> None:
        """Complete the client's TLS handshake in this thread, where it can't hold up the others."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.server.backend.timeout)
            self.request.do_handshake()
        super().setup()

    def finish(self) -> None:
        """Close the backend connection together with the client's."""
        if self.backend is not None:
            self.backend.close()
        super().finish()

    def forward_or_answer(self) -> None:
        """Handle one request of any method."""
        route = (self.command, urlsplit(self.path).path)
        try:
            if route in {("GET", "/"), ("HEAD", "/")}:
                self.answer_banner()
            else:
                self.answer(self.ask(self.command, self.path, self.request_body()), route=route)
        except (OSError, http.client.HTTPException) as error:
            self.close_connection = True
            with suppress(OSError):
                self.answer_text(502, json.dumps({"error": f"backend of the proxy: {error}", "status": 502}))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = forward_or_answer  # noqa: N815 - as the base class wants

    def answer_banner(self) -> None:
        """Say which Elasticsearch this is, to whom the backend knows."""
        for _ in self.request_body():  # nobody sends one; if so, it must not be read as the next request
            pass
        response = self.ask("GET", CREDENTIALS_PATH, iter(()))
        if response.status in {401, 403}:
            self.answer(response)
        else:
            response.read()
            self.answer_text(200, self.server.banner)

    def ask(self, method: str, path: str, body: Iterator[bytes]) -> http.client.HTTPResponse:
        """Send a request to the backend, with the client's headers."""
        if self.backend is None:
            self.backend = self.server.backend.connect()
        connection = self.backend
        if connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # the backend ended an idle connection: the next request opens another
        own = path == self.path
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP and (own or name.lower() != "content-length"):
                connection.putheader(name, value)
        chunked = own and self.is_chunked()
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for block in body:
            if not self.send(connection, b"%x\r\n%b\r\n" % (len(block), block) if chunked else block):
                break
        else:
            if chunked:
                self.send(connection, b"0\r\n\r\n")
        return connection.getresponse()

    def send(self, connection: http.client.HTTPConnection, block: bytes) -> bool:
        """Send a part of the body; False when the backend hears no more, for it may have answered (413) already."""
        try:
            connection.send(block)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            self.close_connection = True  # the rest of the client's body stays unread
            return False
        return True

    def is_chunked(self) -> bool:
        """Tell whether the client sends its body in chunks."""
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def request_body(self) -> Iterator[bytes]:
        """Yield the client's body, never empty blocks, without the framing of chunks."""
        if self.is_chunked():
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield from self.read_blocks(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
        else:
            yield from self.read_blocks(int(self.headers.get("Content-Length", "0")))

    def read_blocks(self, size: int) -> Iterator[bytes]:
        """Yield exactly so many bytes of the client's."""
        while size:
            block = self.rfile.read(min(size, BLOCK))
            if not block:
                msg = "the client left in the middle of its body"
                raise ConnectionError(msg)
            size -= len(block)
            yield block

    def answer(self, response: http.client.HTTPResponse, route: tuple[str, str] | None = None) -> None:
        """Pass the backend's answer on."""
        if route == ("GET", LICENSE_PATH) and response.status in {404, 405}:
            response.read()
            self.answer_text(200, json.dumps({"license": {"status": "active", "type": "basic"}}))
            return
        bodiless = self.command == "HEAD" or response.status in {204, 304}
        chunked = not bodiless and response.getheader("Content-Length") is None
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while block := response.read(BLOCK):
            if not bodiless:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def answer_text(self, status: int, text: str) -> None:
        """Answer in the proxy's own words."""
        body = text.encode()
        self.send_response_only(status)
        self.send_header(*PRODUCT)
        self.send_header("Content-Type", BANNER_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""


class Server(ThreadingHTTPServer):
    """A thread for each client connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], backend: Backend, version: str) -> None:
        self.backend = backend
        self.banner = json.dumps(
            {
                "name": "proxy",
                "cluster_name": "proxy",
                "cluster_uuid": "AAAAAAAAAAAAAAAAAAAAAA",
                "version": {"number": version, "build_flavor": "default", "build_type": "tar"},
                "tagline": "You Know, for Search",
            }
        )
        super().__init__(address, Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - as in the base class
        """Say what went wrong, unless a client went away or refused the certificate."""
        error = sys.exception()
        if not isinstance(error, OSError):
            sys.stderr.write(f"proxy: {type(error).__name__}: {error}\n")


class Proxy:
    """A running proxy, stopped at the end of its ``with`` block."""

    def __init__(
        self,
        backend: Backend,
        *,
        port: int = 0,
        version: str = "9.5.3",
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self._server = Server(("127.0.0.1", port), backend, version)
        self._scheme = "http" if certificate is None else "https"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate, key)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The address that Logstash is given."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def move(self, backend: Backend) -> None:
        """Forward new connections to another backend, such as a node that came back with another port."""
        self._server.backend = backend

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Serve until interrupted."""
        self._thread.join()


def main() -> None:
    """Run the proxy from the command line."""
    parser = argparse.ArgumentParser(description="Let Logstash talk to a minimal Elasticsearch.")
    parser.add_argument("--backend", required=True, help="URL of Elasticsearch")
    parser.add_argument("--ca", type=Path, help="certificate authority of the backend")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--version", default="9.5.3", help="version that GET / gives")
    parser.add_argument("--certificate", type=Path, help="serve TLS with this certificate (default: plain http)")
    parser.add_argument("--key", type=Path, help="its key, if not in the same file")
    given = parser.parse_args()
    backend = Backend(url=given.backend, ca=given.ca)
    with (
        Proxy(backend, port=given.port, version=given.version, certificate=given.certificate, key=given.key) as proxy,
        suppress(KeyboardInterrupt),
    ):
        sys.stdout.write(f"{proxy.url}\n")
        sys.stdout.flush()
        proxy.wait()


if __name__ == "__main__":
    main()
