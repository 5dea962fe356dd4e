"""Send events as Filebeat does: the Lumberjack protocol, version 2, over TLS, waiting for the acknowledgement."""

import json
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Any

_ACK_BYTES = 6


def send(port: int, context: ssl.SSLContext, events: Sequence[dict[str, Any]]) -> None:
    """Send one window of events; raises OSError when it is not acknowledged whole."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"2W" + struct.pack(">I", len(events)))
        for number, event in enumerate(events, start=1):
            payload = json.dumps(event, ensure_ascii=False).encode()
            connection.sendall(b"2J" + struct.pack(">II", number, len(payload)) + payload)
        acknowledged = 0
        while acknowledged < len(events):
            answer = b""
            while len(answer) < _ACK_BYTES:
                block = connection.recv(_ACK_BYTES - len(answer))
                if not block:
                    message = f"{acknowledged} of {len(events)} events were acknowledged"
                    raise ConnectionError(message)
                answer += block
            acknowledged = struct.unpack(">I", answer[2:])[0]
