"""Leases that fence: who works on a model now, and which writes come from a runner that was overtaken.

A lease is a document with a holder, an expiry, and a token that grows with each holder. It is taken and kept by
compare-and-set. Results are written with the token as external version (`fenced.py`), so whatever a stalled runner
still sends after its successor wrote is refused by Elasticsearch itself.
"""

import time
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from elasticsearch import ConflictError, Elasticsearch

from mpm_elk.cluster.client import translated
from mpm_elk.contract.names import Index
from mpm_elk.errors import ClusterError, LeaseHeldError, LeaseLostError
from mpm_elk.timespan import to_ms


class Lease:
    """The right to work on one thing, for a while.

    `with Lease(...) as lease:` takes it (LeaseHeldError where another holder's has not run out) and gives it back.
    `keep()` is called before every write: it renews the lease when a third of its time is gone, and raises
    LeaseLostError once another holder has it.
    """

    def __init__(self, client: Elasticsearch, name: str, holder: str, span: timedelta) -> None:
        self._client = client
        self._id = f"lease:{name}"
        self._name = name
        self._holder = holder
        self._span = span
        self._position: dict[str, int] = {}
        self._renewed = 0.0
        self.token = 0

    def __enter__(self) -> Self:
        with translated():
            found = self._client.options(ignore_status=404).get(index=Index.STATE, id=self._id)
        previous = found["_source"]["mpm"]["state"]["lease"] if found.get("found") else {"token": 0, "expires": 0}
        if previous["expires"] > to_ms(datetime.now(tz=UTC)):
            raise LeaseHeldError(
                f"another run works on {self._name}: {previous['holder']}",
                remedy=f"try again later; a run that died keeps its lease for at most {self._span}",
            )
        # By the clock, so that tokens go on growing when the state was lost: results still carry the old ones.
        self.token = max(previous["token"] + 1, to_ms(datetime.now(tz=UTC)))
        condition: dict[str, Any] = (
            {"if_seq_no": found["_seq_no"], "if_primary_term": found["_primary_term"]}
            if found.get("found")
            else {"op_type": "create"}
        )
        try:
            self._write(condition)
        except ConflictError:
            raise LeaseHeldError(f"another run has just taken {self._name}", remedy="try again later") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._write(self._position, released=True)
        except ConflictError:
            if error is None:
                raise LeaseLostError(f"another run has overtaken this one on {self._name}") from None
        except ClusterError:
            # What went wrong inside the block matters more; a lease that is not given back runs out by itself.
            if error is None:
                raise

    def keep(self) -> None:
        """Make sure that the lease is still held; renew it when a third of its time is gone."""
        age = time.monotonic() - self._renewed
        if age < self._span.total_seconds() / 3:
            return
        try:
            self._write(self._position)
        except ConflictError:
            raise LeaseLostError(
                f"this run stalled, and another has overtaken it on {self._name}",
                remedy="nothing to do: the other goes on",
            ) from None

    def _write(self, condition: dict[str, Any], *, released: bool = False) -> None:
        now = datetime.now(tz=UTC)
        expires = 0 if released else to_ms(now + self._span)
        document = {
            "@timestamp": now.isoformat(),
            "mpm": {
                "state": {
                    "kind": "lease",
                    "lease": {"holder": self._holder, "token": self.token, "expires": expires},
                }
            },
        }
        started = time.monotonic()
        with translated():
            try:
                written = self._client.index(index=Index.STATE, id=self._id, document=document, **condition)
            except ConflictError:
                # A request that was sent again because its answer was lost conflicts with itself.
                written = self._client.get(index=Index.STATE, id=self._id)
                if written["_source"] != document:
                    raise
        self._position = {"if_seq_no": written["_seq_no"], "if_primary_term": written["_primary_term"]}
        self._renewed = started


def check_free(client: Elasticsearch, name: str) -> None:
    """Raise LeaseHeldError where somebody holds the lease `name` now; needs the right to read only."""
    with translated():
        found = client.options(ignore_status=404).get(index=Index.STATE, id=f"lease:{name}")
    if found.get("found"):
        lease = found["_source"]["mpm"]["state"]["lease"]
        if lease["expires"] > to_ms(datetime.now(tz=UTC)):
            raise LeaseHeldError(
                f"another run works on {name}: {lease['holder']}", remedy="try again when it has ended"
            )
