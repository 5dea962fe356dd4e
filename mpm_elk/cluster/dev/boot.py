"""Wait until a node answers, and say why when it does not."""

import base64
import http.client
import json
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from mpm_elk.cluster.dev.process import Process
from mpm_elk.cluster.dev.state import Folder
from mpm_elk.errors import DevClusterError

_NOISE = re.compile(
    r"^(\s|#|Caused by|ERROR: Elasticsearch (died|did not exit)|(output|error):$|$)|; for complete error details"
    r"|starting java failed"
)
_TELLING = re.compile(r"\bERROR\b|\bFATAL\b|Exception|Error:|[Cc]ould not|[Ff]ailed")


def wait(folder: Folder, keeper: Process, password: str, *, patience: float, say: Callable[[str], None]) -> str:
    """Wait until the node answers its `admin` user, and return its address.

    Raises DevClusterError, with the last telling line of the log, when it ends first or needs more than `patience`
    seconds.
    """
    began = time.monotonic()
    said = 0
    while keeper.alive:
        url = address(folder)
        if url is not None and answers(url, folder.ca_certs, password):
            _check_roles(folder)
            return url
        waited = time.monotonic() - began
        if waited > patience:
            raise DevClusterError(
                f"Elasticsearch did not answer within {patience:.0f} s{_quoted(folder)}",
                remedy=f"see {folder.logs}; a slow machine needs a longer --timeout",
            )
        if int(waited) > said:
            said = int(waited)
            say(f"starting Elasticsearch ({said} s)")
        time.sleep(0.25)
    raise DevClusterError(f"Elasticsearch ended while it started{_quoted(folder)}", remedy=f"see {folder.logs}")


def address(folder: Folder) -> str | None:
    """Read the address that the node wrote down; None while it has not."""
    try:
        lines = (folder.logs / "http.ports").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return None
    return next((f"https://{line}" for line in lines if line.startswith("127.0.0.1:")), None)


def answers(url: str, ca_certs: Path, password: str) -> bool:
    """Tell whether the node is ready for work."""
    host, _, port = url.removeprefix("https://").partition(":")
    credentials = base64.b64encode(f"admin:{password}".encode()).decode()
    connection = http.client.HTTPSConnection(
        host, int(port), timeout=5, context=ssl.create_default_context(cafile=ca_certs)
    )
    try:
        connection.request(
            "GET",
            "/_cluster/health?wait_for_status=yellow&timeout=1s",
            headers={"Authorization": f"Basic {credentials}"},
        )
        response = connection.getresponse()
        return response.status == http.client.OK and json.load(response)["status"] in ("yellow", "green")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_telling_line(text: str) -> str | None:
    """Find the line of a log that says most about a failed start: the last error, else the last line at all."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.search(line)]
    telling = [line for line in lines if _TELLING.search(line)]
    found = telling or lines
    return found[-1] if found else None


def _quoted(folder: Folder) -> str:
    try:
        text = folder.console.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    line = last_telling_line(text)
    return f": {line[:500]}" if line else ""


def _check_roles(folder: Folder) -> None:
    # A role that Elasticsearch cannot read is left out with a line in the log only; its users then may do nothing.
    text = folder.console.read_text(encoding="utf-8", errors="replace")
    wrong = [line for line in text.splitlines() if "FileRolesStore" in line and ("ERROR" in line or "WARN" in line)]
    if wrong:
        raise DevClusterError(
            f"Elasticsearch does not take a role: {wrong[-1][:500]}", remedy="mend the role's definition"
        )
