"""One run over all models, readable from top to bottom."""

import fnmatch
import os
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster import state
from mpm_elk.cluster.changes import ReadPosition
from mpm_elk.cluster.client import translated
from mpm_elk.cluster.leases import Lease
from mpm_elk.cluster.sources import naming
from mpm_elk.cluster.state import ModelState
from mpm_elk.config import Config
from mpm_elk.contract.names import Index, dated
from mpm_elk.errors import MpmError, PartialResultError, UsageError
from mpm_elk.intake.conversion_report import ConversionReport
from mpm_elk.intake.convert import convert
from mpm_elk.job.context import Context, lease_name
from mpm_elk.job.discover import find_models, missing_models, unexpected
from mpm_elk.job.due import due
from mpm_elk.job.judge import judge_windows
from mpm_elk.job.meter import Metered
from mpm_elk.job.notify import notify
from mpm_elk.job.profile import Changed, Work, bring_up_to_date, find_work
from mpm_elk.job.report import ModelReport, RunReport
from mpm_elk.job.retention import can_drop, drop_hours, keep_from, needed_from
from mpm_elk.profiles.store import count_profiles
from mpm_elk.registry.store import ModelEntry, load
from mpm_elk.timespan import DAY_MS, iso, to_ms


@dataclass(frozen=True)
class Options:
    """How to run: as of when, on which models, and whether to write.

    `backfill` also judges every window that ends in [start, end), however old. `progress` is told what is being done,
    `meter` how far it is.
    """

    now: datetime
    models: Sequence[str] = ()
    dry_run: bool = False
    audit: bool = False
    progress: Callable[[str], None] = lambda _: None
    meter: Metered = lambda _: None
    backfill: tuple[datetime, datetime] | None = None


def run(client: Elasticsearch, config: Config, options: Options) -> RunReport:
    """Convert captures, then bring every model up to date; what fails does not stop the others, and is reported."""
    backfill, cpu = _checked(options), time.process_time()
    report = RunReport(_run_id(), to_ms(datetime.now(tz=UTC)), to_ms(options.now), options.dry_run)
    if config.captures:
        report.captures = _convert(client, config, report, options)
    found = find_models(client, config, report)
    for model, events in sorted((missing_models(client, config, found, report.sources) | found).items()):
        if options.models and not any(fnmatch.fnmatchcase(model.name, pattern) for pattern in options.models):
            continue
        entry = ModelReport(model)
        report.models.append(entry)
        context = Context(
            client,
            config,
            model,
            report.now_ms,
            report.id,
            entry,
            progress=options.progress,
            meter=options.meter,
            backfill=backfill,
            source=events.source,
        )
        try:
            _check_complete(events.lame)
            with naming(events.source):
                _run_model(context, events.indices, options)
        except MpmError as error:
            entry.error = error
        except Exception as error:  # the other models go on; this one is reported as failed
            entry.error = unexpected(error)
        if not options.dry_run:
            notify(client, config, entry, report.now_ms, report.id)
    report.ended_ms, report.cpu_ms = to_ms(datetime.now(tz=UTC)), round(1000 * (time.process_time() - cpu))
    if not options.dry_run:
        _write_report(client, report)
    return report


def _checked(options: Options) -> tuple[int, int] | None:
    """Give the time of a backfill (ms). Raises UsageError where it is none, or not over yet."""
    if options.backfill is None:
        return None
    start, end = (to_ms(instant) for instant in options.backfill)
    if start >= end:
        raise UsageError(
            f"--backfill: {iso(start)} is not before {iso(end)}", remedy="give the earlier time first, then the later"
        )
    if end > to_ms(options.now):
        raise UsageError(
            f"--backfill: {iso(end)} is in the future",
            remedy=f"end it by {iso(to_ms(options.now))[:16]}Z; what comes after is judged when it is over",
        )
    return start, end


def _convert(client: Elasticsearch, config: Config, report: RunReport, options: Options) -> ConversionReport:
    """Make predictions of captures; a failure is reported, and the models go on with what there is."""
    try:
        return convert(
            client,
            config,
            run_id=report.id,
            now_ms=report.now_ms,
            dry_run=options.dry_run,
            progress=options.progress,
        )
    except MpmError as error:
        return ConversionReport(options.dry_run, error=error)
    except Exception as error:  # the models go on; this is reported as failed
        return ConversionReport(options.dry_run, error=unexpected(error))


def _check_complete(lame: set[str]) -> None:
    if lame:
        raise PartialResultError(
            f"{', '.join(sorted(lame))}: a shard is missing, so there is no complete answer",
            remedy="check the cluster's health; nothing was written for this model, the next run reads it again",
        )


def _run_id() -> str:
    """Make an id that sorts by time and names the process."""
    return f"{int(time.time() * 1000):013d}-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def _run_model(context: Context, indices: Mapping[str, ReadPosition], options: Options) -> None:
    entry, remembered = load(context.client, context.model), state.load(context.client, context.model)
    if entry.quiet_until > context.now_ms:
        context.report.learning_until = entry.quiet_until
    context.hours_from = needed_from(context, remembered)
    work = _work(context, remembered, entry, indices, options)
    too_old = remembered.read and keep_from(context, remembered) > remembered.hours_from
    if not (work.any or too_old or remembered.unkept or context.backfill or _any_due(context, remembered)):
        return
    if options.dry_run:
        _do(context, work, entry, remembered)
        return
    with Lease(context.client, lease_name(context.model), context.run_id, context.config.job.lease) as lease:
        # What was read before the lease was taken may be another run's past.
        context.lease = lease
        remembered = state.load(context.client, context.model)
        context.hours_from = needed_from(context, remembered)
        work = _work(context, remembered, entry, indices, options)
        done = _do(context, work, entry, remembered)
        state.save(context.client, lease, context.model, done, context.now_ms)
        state.forget_hours(context.client, context.model, work.noted)
        if done.hours_from > context.hours_from:
            drop_hours(context, done.hours_from)


def _work(
    context: Context, remembered: ModelState, entry: ModelEntry, indices: Mapping[str, ReadPosition], options: Options
) -> Work:
    """Find what there is to read; of a model whose events are gone that is nothing."""
    if not indices:
        context.use(entry.cells.cells if entry.cells else context.cells)
        return Work({})
    return find_work(context, remembered, entry, indices, audit=options.audit)


def _any_due(context: Context, remembered: ModelState) -> bool:
    return any(due(context, monitor, remembered, Changed()) for monitor in context.monitors)


def _do(context: Context, work: Work, entry: ModelEntry, remembered: ModelState) -> ModelState:
    """Profiles, then judgements; what is finished is saved last, so that a crash repeats the rest to the same end."""
    changed, remembered = bring_up_to_date(context, work, entry, remembered)
    if changed.span:
        context.report.behind = max(0, context.now_ms - changed.span[0])
    remembered = judge_windows(context, entry, remembered, changed)
    hours_from = can_drop(context, remembered)
    today = context.now_ms - context.now_ms % DAY_MS
    return replace(
        remembered,
        read={**remembered.read, **work.positions},
        profiles=count_profiles(context.client, context.model, hours_from),
        cells=context.source.marks({name: cells.hash for name, cells in context.cells.subjects.items()})
        if work.positions
        else remembered.cells,
        days_until=max(remembered.days_until, today),
        hours_from=hours_from,
        catch_up=None,
    )


def _write_report(client: Elasticsearch, report: RunReport) -> None:
    index, document = dated(Index.RUNS, report.ended_ms), run_document(report)
    with translated():
        client.index(index=index, id=report.id, document=document, op_type="create")


def run_document(report: RunReport) -> dict[str, Any]:
    """Make the document of a run."""
    return {
        "@timestamp": iso(report.ended_ms),
        "event": {
            "kind": "event",
            "module": "mpm",
            "dataset": "mpm.run",
            "outcome": "success" if report.exit_code == 0 else "failure",
            "duration": (report.ended_ms - report.started_ms) * 1_000_000,
        },
        "mpm": {
            "run": {
                "id": report.id,
                "started": iso(report.started_ms),
                "ended": iso(report.ended_ms),
                "models": [entry.model.name for entry in report.models],
                "counts": report.totals | report.costs | _conversion_counts(report),
                "problems": [
                    {"model": entry.model.name, "environment": entry.model.environment, "notices": entry.notices}
                    | ({"error": str(entry.error)} if entry.error else {})
                    for entry in report.models
                    if entry.notices or entry.error
                ]
                + [{"step": "sources", "error": str(problem.error)} for problem in report.sources]
                + _conversion_problems(report),
            }
        },
    }


def _conversion_counts(report: RunReport) -> dict[str, int]:
    counts = report.captures.counts if report.captures else {}
    return {f"captures.{name}": number for name, number in counts.items()}


def _conversion_problems(report: RunReport) -> list[dict[str, Any]]:
    found = report.captures
    if found is None or not (found.notices or found.error):
        return []
    return [{"step": "captures", "notices": found.notices} | ({"error": str(found.error)} if found.error else {})]
