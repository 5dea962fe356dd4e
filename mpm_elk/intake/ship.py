"""Ship files of events: read, take apart, send, and put into quarantine what cannot be accepted."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from elasticsearch import Elasticsearch

from mpm_elk.cluster.bulk import Action, Outcome, Patience, Result, send
from mpm_elk.errors import InputError
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import Line, Position, read
from mpm_elk.intake.quarantine import quarantine
from mpm_elk.intake.reasons import REFUSAL_MAX, Rejected
from mpm_elk.intake.receive import may_be_ours, receive
from mpm_elk.intake.resume import Checkpoint

_PLACES_SHOWN = 5
_REFUSED_HELD = 200
_PROGRESS_EVERY = 500


@dataclass
class Reason:
    """Lines that went to quarantine for one reason: how many, the first sentence, and the first places."""

    code: str
    example: str
    count: int = 0
    places: list[str] = field(default_factory=list)


@dataclass
class ShipReport:
    """What became of the lines.

    Every event that was read is in exactly one of `created`, `duplicates` and `quarantined` when neither `failure` nor
    `damaged` says otherwise. `duplicates` were stored before; a request that was sent twice because its answer was
    lost counts there too. `passed` are lines that hold no event, as an application's log has them. `notes` is what
    went wrong without harm to the events.
    """

    created: int = 0
    duplicates: int = 0
    passed: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    failure: str | None = None
    resumed: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def quarantined(self) -> int:
        """Events in quarantine."""
        return sum(reason.count for reason in self.reasons.values())

    @property
    def events(self) -> int:
        """Events that were handled."""
        return self.created + self.duplicates + self.quarantined

    @property
    def complete(self) -> bool:
        """Whether every line of every source was handled."""
        return self.failure is None and not self.damaged

    def count(self, rejected: Rejected, place: str) -> None:
        """Count a line that went to quarantine."""
        reason = self.reasons.setdefault(rejected.code, Reason(rejected.code, rejected.reason))
        reason.count += 1
        if len(reason.places) < _PLACES_SHOWN:
            reason.places.append(place)


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or a stream with a name."""

    name: str
    origin: Path | BinaryIO

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Make the source of a file."""
        return cls(str(path), path)


def ship(
    client: Elasticsearch,
    sources: Sequence[Source],
    *,
    limits: Limits,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    resume: bool = True,
    state: Path | None = None,
    progress: Callable[[ShipReport, int], None] | None = None,
    patience: Patience | None = None,
    threads: int = 4,
    wanted: str | None = None,
) -> ShipReport:
    """Send all events of `sources`, and say what became of them.

    Events that break a rule, and documents that Elasticsearch refuses, go to quarantine. A damaged source ends its own
    reading; the others go on. When the cluster takes no documents for as long as `patience` lasts, shipping stops,
    and `failure` says why. `wanted` is the format that all lines must have (see `receive`). With `resume`, regular
    files start where an earlier, interrupted call was acknowledged; the memory of that is under `state` (default: the
    user's state folder). `progress` is called with the report and the bytes that were handled (after decompression).
    Raises the MpmError of wrong credentials, privileges or certificates.
    """
    shipment = _Shipment(
        client,
        sources,
        limits=limits,
        now_ms=now_ms,
        patience=patience or Patience(),
        threads=threads,
        progress=progress,
        wanted=wanted,
    )
    if resume:
        shipment.remember(_cluster(client), state)
    return shipment.run()


def _cluster(client: Elasticsearch) -> str:
    return " ".join(sorted(node.base_url for node in client.transport.node_pool.all()))


@dataclass(slots=True)
class _Sent:
    """What travels with an action: the event's text, where reading goes on when it is stored, why if it is rejected."""

    source: int
    line: Line
    after: Position
    rejected: Rejected | None = None


class _Shipment:
    """One call of `ship`."""

    def __init__(
        self,
        client: Elasticsearch,
        sources: Sequence[Source],
        *,
        limits: Limits,
        now_ms: Callable[[], int],
        patience: Patience,
        threads: int,
        progress: Callable[[ShipReport, int], None] | None,
        wanted: str | None,
    ) -> None:
        self._client = client
        self._sources = sources
        self._limits = limits
        self._now_ms = now_ms
        self._patience = patience
        self._threads = threads
        self._progress = progress
        self._wanted = wanted
        self._checkpoints: dict[int, Checkpoint] = {}
        self._acknowledged: dict[int, Position] = {}
        self._refused: list[Outcome] = []
        self._read_whole: set[int] = set()
        self._finished = False
        self._handled = 0
        self._bytes = 0
        self._report = ShipReport()

    def remember(self, cluster: str, folder: Path | None) -> None:
        """Keep checkpoints for the regular files among the sources."""
        for i, source in enumerate(self._sources):
            if isinstance(source.origin, Path) and source.origin.is_file():
                self._checkpoints[i] = Checkpoint(source.origin, cluster, folder)

    def run(self) -> ShipReport:
        """Send everything."""
        began = time.monotonic()
        try:
            for outcome in send(self._client, self._actions(), patience=self._patience, threads=self._threads):
                self._take(outcome)
                if self._report.failure:
                    break
            else:
                self._send_refused()
            self._finished = self._report.failure is None
        finally:
            self._close()
            self._report.seconds = time.monotonic() - began
        return self._report

    def _actions(self) -> Iterator[Action]:
        """Read all sources, and make one action an event."""
        for i, source in enumerate(self._sources):
            before = self._checkpoints[i].load() if i in self._checkpoints else Position()
            if before.line:
                self._report.resumed[source.name] = before.line
            try:
                for line in read(source.origin, limit=self._limits.max_line_bytes, start=before):
                    yield from self._of_line(i, line, before)
                    before = Position(line.number, line.offset)
                self._read_whole.add(i)
            except InputError as error:
                self._report.damaged.append(error.message)

    def _of_line(self, source: int, line: Line, before: Position) -> Iterator[Action]:
        """Make the actions of one line; of several, only the last one moves the reading on."""
        after = Position(line.number, line.offset)
        if line.cut:
            if self._wanted or may_be_ours(line.raw.lstrip()):
                rejected = Rejected("line_too_long", found=line.size, limit=self._limits.max_line_bytes)
                yield self._quarantine(_Sent(source, line, after, rejected), rejected)
            else:
                self._report.passed += 1
            return
        events = list(
            receive(
                line.raw,
                source=self._sources[source].name,
                now_ms=self._now_ms(),
                limits=self._limits,
                wanted=self._wanted,
            )
        )
        for event in events:
            of_event = Line(line.number, line.offset, event.raw, size=len(event.raw))
            sent = _Sent(source, of_event, after if event is events[-1] else before, event.rejected)
            if event.stored is not None:
                yield Action(event.stored.index, event.stored.id, event.stored.source, sent)
            elif event.rejected is not None:
                yield self._quarantine(sent, event.rejected)
            else:
                self._report.passed += 1

    def _quarantine(self, sent: _Sent, rejected: Rejected) -> Action:
        name = self._sources[sent.source].name
        action = quarantine(sent.line, rejected, source=name, now_ms=self._now_ms())
        return replace(action, tag=sent)

    def _take(self, outcome: Outcome) -> None:
        """Count what became of one line, and move on."""
        sent: _Sent = outcome.action.tag
        if outcome.result is Result.REFUSED and sent.rejected is None:
            self._refused.append(outcome)
            if len(self._refused) >= _REFUSED_HELD:
                self._send_refused()
        else:
            self._count(outcome)
        if not self._report.failure:
            self._move_on(sent)

    def _count(self, outcome: Outcome) -> None:
        sent: _Sent = outcome.action.tag
        if outcome.result is Result.FAILED:
            self._report.failure = outcome.reason
        elif outcome.result is Result.REFUSED:
            self._report.failure = f"the quarantine itself refuses a document: {outcome.reason}"
        elif sent.rejected is not None:
            self._report.count(sent.rejected, f"{self._sources[sent.source].name}:{sent.line.number}")
        elif outcome.result is Result.CREATED:
            self._report.created += 1
        else:
            self._report.duplicates += 1

    def _send_refused(self) -> None:
        """Put what Elasticsearch refused into quarantine, before anything after it counts as acknowledged."""
        actions = []
        for outcome in self._refused:
            rejected = Rejected("refused_by_elasticsearch", found=outcome.reason[:REFUSAL_MAX])
            actions.append(self._quarantine(replace(outcome.action.tag, rejected=rejected), rejected))
        for outcome in send(self._client, actions, patience=self._patience, threads=1):
            self._count(outcome)
            if self._report.failure:
                return
        self._refused.clear()

    def _move_on(self, sent: _Sent) -> None:
        """Note that everything up to this event has been acknowledged."""
        before = self._acknowledged.get(sent.source, Position())
        self._acknowledged[sent.source] = sent.after
        self._bytes += max(0, sent.after.offset - before.offset)
        self._handled += 1
        if self._progress and self._handled % _PROGRESS_EVERY == 0:
            self._progress(self._report, self._bytes)
        checkpoint = self._checkpoints.get(sent.source)
        if checkpoint and checkpoint.is_due():
            self._send_refused()
            if self._report.failure:
                return
            try:
                checkpoint.save(self._acknowledged[sent.source])
            except OSError as error:
                self._do_without_checkpoints(error)

    def _do_without_checkpoints(self, error: OSError) -> None:
        """Go on: nothing but time depends on checkpoints."""
        self._checkpoints.clear()
        self._report.notes.append(f"how far the files were sent cannot be remembered: {error}")

    def _close(self) -> None:
        """Forget the files that were sent whole, and remember how far the others came."""
        if self._progress:
            self._progress(self._report, self._bytes)
        # While refused documents wait for the quarantine, only the last saved checkpoint is true.
        if self._refused:
            return
        try:
            for i, checkpoint in self._checkpoints.items():
                if self._finished and i in self._read_whole:
                    checkpoint.remove()
                elif i in self._acknowledged:
                    checkpoint.save(self._acknowledged[i])
        except OSError as error:
            self._do_without_checkpoints(error)
