"""Turn captures into predictions and ground truth, endpoint by endpoint, in bounded memory.

What is written where, and in which order, so that a crash does no harm, is in `converted.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.leases import Lease
from mpm_elk.config import CaptureMapping, Config
from mpm_elk.contract.names import Index, from_captures
from mpm_elk.errors import ConfigError
from mpm_elk.intake import captured
from mpm_elk.intake.calls import Plan, State, Terms, plans
from mpm_elk.intake.conversion import Call, failed_inferences, ground_truth, predictions
from mpm_elk.intake.conversion_report import ConversionReport, Problem
from mpm_elk.intake.converted import Made, Writer
from mpm_elk.intake.ground_truth import normalise_ground_truth
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.normalise import normalise_event
from mpm_elk.intake.platforms import PLATFORMS
from mpm_elk.intake.platforms.exchange import Payload, Unconvertible
from mpm_elk.intake.platforms.shape import Platform
from mpm_elk.intake.reasons import Rejected, show
from mpm_elk.intake.stored import Stored
from mpm_elk.timespan import format_span, milliseconds

_CALLS_AT_ONCE = 400
"""Their halves fit one page of a search, so it needs no point in time."""

_BYTES_AT_ONCE = 8 << 20
_ANY_TIME_MS = 1 << 60


def convert(
    client: Elasticsearch,
    config: Config,
    *,
    run_id: str,
    now_ms: int,
    dry_run: bool = False,
    retry: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> ConversionReport:
    """Convert all captures that are new, have another mapping than before, or have waited long enough.

    With `retry`, those that failed under the same mapping too. A call that cannot be converted is noted with its reason
    and stops no other. Raises ConfigError for a mapping of an unknown platform, LeaseHeldError while another run
    converts, and ClusterError where the cluster takes no documents.
    """
    check_platforms(config)
    report = ConversionReport(dry_run)
    if dry_run:
        _convert_all(_Run(client, config, now_ms, report, progress, retry))
    else:
        with Lease(client, "captures", run_id, config.job.lease) as lease:
            _convert_all(_Run(client, config, now_ms, report, progress, retry, lease))
    return report


def check_platforms(config: Config) -> None:
    """Raise ConfigError where a mapping is for a platform that is not known."""
    for mapping in config.captures:
        if not any(mapping.takes(platform.name) for platform in PLATFORMS):
            known = ", ".join(sorted(platform.name for platform in PLATFORMS))
            message = f"`captures` has a mapping for the platform {mapping.platform!r}, which is not known"
            raise ConfigError(message, remedy=f"known platforms are {known}; left out, a mapping is for all")


@dataclass(frozen=True)
class _Run:
    """One conversion; without a lease nothing is written."""

    client: Elasticsearch
    config: Config
    now_ms: int
    report: ConversionReport
    progress: Callable[[str], None]
    retry: bool
    lease: Lease | None = None


def _convert_all(run: _Run) -> None:
    refresh(run.client, [Index.CAPTURES.pattern])
    for platform in PLATFORMS:
        for endpoint, count in sorted(captured.endpoints(run.client, platform.name).items()):
            mapping = run.config.mapping(platform.name, endpoint)
            if mapping is None:
                run.report.unmapped += count
            else:
                run.progress(f"converting captures of {endpoint}")
                _convert_endpoint(run, _Endpoint(run, platform, endpoint, mapping))


class _Endpoint:
    """An endpoint under one mapping: makes documents of its calls."""

    def __init__(self, run: _Run, platform: Platform, name: str, mapping: CaptureMapping) -> None:
        self.platform, self.name, self.mapping = platform, name, mapping
        self.terms = Terms(mapping.hash, run.now_ms - milliseconds(mapping.failed_after), run.retry)
        # The time of a capture was checked when it came, by the clock of then.
        limits = Limits.from_config(run.config.intake).for_backfill()
        self._limits = replace(limits, max_ahead_ms=_ANY_TIME_MS)
        self._now_ms = run.now_ms

    def make(self, plan: Plan, payloads: dict[str, Payload]) -> Made:
        """Make the documents of one call, or the reason why there are none."""
        made = Made(plan)
        try:
            if plan.redo:
                made.documents = self._documents(plan, payloads)
        except Unconvertible as failure:
            made.problem = (failure.code, failure.reason)
        except Exception as error:  # a fault of ours on one call must not stop the others; it is counted and shown
            unexpected = Unconvertible("unexpected", found=f"{type(error).__name__}: {error}"[:300])
            made.problem = (unexpected.code, unexpected.reason)
        return made

    def _documents(self, plan: Plan, payloads: dict[str, Payload]) -> list[Stored]:
        part = plan.anchor.part
        if plan.state is State.WAITING:
            return []
        if plan.state is State.UNSUPPORTED:
            raise Unconvertible("unsupported_part", part=part)
        call = Call(plan.call, plan.time_ms, captured.by_part(plan.used, payloads))
        if plan.state is State.EXPIRED:
            if part == "response" or not self.platform.answers_all:
                code = "no_request" if part == "response" else "no_response"
                raise Unconvertible(code, span=format_span(self.mapping.failed_after))
            return self._stored(failed_inferences(self.platform, call, self.mapping), normalise_event)
        made: list[Stored] = []
        if part != "ground_truth":
            made += self._stored(predictions(self.platform, call, self.mapping), normalise_event)
        if part in ("call", "ground_truth"):
            made += self._stored(ground_truth(self.platform, call, self.mapping), normalise_ground_truth)
        return made

    def _stored(self, events: list[dict[str, Any]], normalise: Callable[..., Stored]) -> list[Stored]:
        """Apply the rules of the intake to each event; raises Unconvertible, naming the row."""
        made: dict[str, Stored] = {}
        for number, event in enumerate(events):
            try:
                stored = normalise(event, now_ms=self._now_ms, limits=self._limits)
            except Rejected as rejected:
                raise Unconvertible("row_rejected", row=number, found=rejected.reason) from None
            if stored.id in made:
                raise Unconvertible("same_id", found=show(event["mpm"]["prediction"]["id"]))
            made[stored.id] = Stored(from_captures(stored.index), stored.id, stored.source)
        return list(made.values())


def _convert_endpoint(run: _Run, endpoint: _Endpoint) -> None:
    """Convert batch by batch: memory is bounded by the batch, not by how much there is."""
    writer = Writer(run.client, run.lease, endpoint.mapping.hash, run.now_ms)
    names = endpoint.platform.name, endpoint.name
    waiting = captured.calls_to_convert(run.client, *names, endpoint.terms)
    while calls := list(islice(waiting, _CALLS_AT_ONCE)):
        members = captured.members(run.client, *names, calls)
        for some in _chunks(plans(members, endpoint.terms)):
            wanted = [member for plan in some if plan.redo for member in plan.used]
            payloads = captured.payloads(run.client, wanted)
            made = [endpoint.make(plan, payloads) for plan in some]
            writer.write(made)
            for one in made:
                _count(run.report, endpoint, one)


def _chunks(all_plans: Iterable[Plan]) -> Iterator[list[Plan]]:
    """Group plans so that the payloads of a group fit into memory; a larger one goes alone."""
    chunk: list[Plan] = []
    size = 0
    for plan in all_plans:
        weight = sum(member.size for member in plan.used) + 1000 * len(plan.known) if plan.redo else 0
        if chunk and size + weight > _BYTES_AT_ONCE:
            yield chunk
            chunk, size = [], 0
        chunk.append(plan)
        size += weight
    if chunk:
        yield chunk


def _count(report: ConversionReport, endpoint: _Endpoint, made: Made) -> None:
    if not made.plan.redo:
        return
    report.written += len(made.changed)
    report.removed += len(made.replaced)
    match made.state:
        case State.CONVERTED:
            report.converted += 1
        case State.EXPIRED:
            report.expired += 1
        case State.WAITING:
            report.waiting += 1
        case State.FAILED if made.problem:
            report.count_problem(Problem(endpoint.platform.name, endpoint.name, *made.problem, made.plan.call))
