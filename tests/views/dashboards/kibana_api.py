"""A server that speaks Kibana's API for saved objects as documented: what is imported is kept, and can be exported."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SUMMARY = {"exportedCount": 0, "missingRefCount": 0}


@dataclass
class State:
    """What the server was asked, what it holds, and how it should answer."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """What to answer instead, in order: status, and a body that is JSON or bytes."""
    authorization: str | None = None
    space: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers POST requests below /api/saved_objects of the default space, or of one other."""

    state: State

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        path, _, query = self.path.partition("?")
        self.state.requests.append({"path": path, "query": query, "headers": dict(self.headers), "body": body})
        if self.state.answers:
            self.answer(*self.state.answers.pop(0))
        elif not self.headers.get("kbn-xsrf"):
            self.answer(400, {"message": "Request must contain a kbn-xsrf header."})
        elif self.state.authorization and self.headers.get("authorization") != self.state.authorization:
            self.answer(401, {"message": "unauthorized"})
        elif path == f"{self.state.space}/api/saved_objects/_import":
            self.answer(*self.imported(body, query))
        elif path == f"{self.state.space}/api/saved_objects/_export":
            self.answer(200, self.exported(json.loads(body)))
        else:
            self.answer(404, {"message": "Not Found"})

    def imported(self, body: bytes, query: str) -> tuple[int, Any]:
        """Import the lines of the field `file`, whose name must end in .ndjson."""
        header = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        [part] = list(message_from_bytes(header + body).walk())[1:]
        name = part.get_filename()
        if not str(name).endswith(".ndjson"):
            return 400, {"message": f"Invalid file extension {name}"}
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        objects = [json.loads(line) for line in content.splitlines()]
        known = {**self.state.objects, **{(saved["type"], saved["id"]): saved for saved in objects}}
        errors = [
            {
                "type": saved["type"],
                "id": saved["id"],
                "error": {"type": "missing_references", "references": [reference]},
            }
            for saved in objects
            for reference in saved["references"]
            if (reference["type"], reference["id"]) not in known
        ]
        if "overwrite=true" not in query:
            errors += [
                {"type": kind, "id": identity, "error": {"type": "conflict"}} for kind, identity in self.state.objects
            ]
        if not errors:
            self.state.objects = known
        return 200, {"success": not errors, "successCount": len(objects) - len(errors), "errors": errors}

    def exported(self, wanted: dict[str, Any]) -> bytes:
        """Export objects and all that they refer to."""
        queue = [(each["type"], each["id"]) for each in wanted["objects"]]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        while queue:
            key = queue.pop()
            if key not in found:
                found[key] = self.state.objects[key]
                queue += [(each["type"], each["id"]) for each in found[key]["references"]]
        return b"\n".join(json.dumps(saved).encode() for saved in found.values())

    def answer(self, status: int, body: Any) -> None:
        """Send an answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the library's name
        """Say nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[State]:
    """Serve on a free port of this machine."""
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"state": state}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
