"""`mpm-elk run`: made for cron."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, instant, instants, print_json
from mpm_elk.cli.logs import Log, make_log
from mpm_elk.cli.progress import progress
from mpm_elk.timespan import iso, to_ms

if TYPE_CHECKING:
    from mpm_elk.job import RunReport

_ALERT_EXIT = 3


@click.command()
@click.option("--at", callback=instant, metavar="TIME", help="Run as of this time instead of now.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only models that match; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Compute everything, write nothing, say what would be written.")
@click.option("--audit", is_flag=True, help="Also compare the profile of every hour with its events.")
@click.option(
    "--backfill",
    nargs=2,
    callback=instants,
    metavar="FROM TO",
    help="Also judge every window that ends from FROM on and before TO, however old. Dates or times, in UTC.",
)
@click.option("--fail-on", type=click.Choice(["warning", "critical"]), help="Exit 3 while such an alert is active.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
@click.option("--log-format", type=click.Choice(["text", "ecs"]), default="text", show_default=True)
@click.pass_obj
def command(
    app: App,
    *,
    at: datetime | None,
    models: tuple[str, ...],
    dry_run: bool,
    audit: bool,
    backfill: tuple[datetime, datetime] | None,
    fail_on: str | None,
    as_json: bool,
    log_format: str,
) -> int:
    """Read what is new, compute metrics, judge them, write alerts.

    Silent when all is well. Exits 0 when done, 1 when a model failed, 3 when an alert at or above --fail-on is active,
    75 when another run works on the same models.

    With --backfill, windows of the past are judged as a run at their time would have judged them, by the rules of now;
    those that are judged already are judged again. Their alerts appear with their own times, mostly as recovered. An
    open alert that turns out to have begun earlier is withdrawn, and opened as another one: what people noted in the
    first stays there.
    """
    from mpm_elk.alerts.active import active_alerts  # noqa: PLC0415 — heavy
    from mpm_elk.job import Options, run  # noqa: PLC0415

    log = make_log(log_format)
    with progress() as (say, meter):
        options = Options(at or app.now, models, dry_run, audit, say, meter, backfill)
        report = run(app.client, app.config, options)
    if as_json:
        print_json(report.to_document())
    else:
        _say(report, log)
    learning = [entry.model for entry in report.models if entry.learning_until]
    if (
        report.exit_code == 0
        and fail_on
        and active_alerts(app.client, app.config, fail_on, now_ms=to_ms(app.now), models=models, learning=learning)
    ):
        return _ALERT_EXIT
    return report.exit_code


def _say(report: "RunReport", log: Log) -> None:
    for notice in report.captures.notices if report.captures else ():
        log("warning", f"captures: {notice}", {"event.action": "notice"})
    if report.captures and report.captures.error:
        log("error", f"captures: {report.captures.error}", {"event.outcome": "failure"})
    for problem in report.sources:
        log("error", str(problem.error), {"event.outcome": "failure"})
    for entry in report.models:
        model = {"mpm.model.name": entry.model.name, "service.environment": entry.model.environment}
        for notice in entry.notices:
            log("warning", f"{entry.model}: {notice}", {**model, "event.action": "notice"})
        if entry.quiet:
            text = f"{entry.model}: {entry.quiet} findings raised no alert, for the model is learning"
            until = f" until {iso(entry.learning_until)[:16]}" if entry.learning_until else ""
            log("info", text + until, {**model, "event.action": "learning"})
        for episode, transition in entry.happened:
            series, point = episode.series, transition.point
            where = f" in {series.segment.key}" if series.segment.name else ""
            text = (
                f"{entry.model}: {series.rule} {transition.action}: {series.subject}{where}: {point.evaluation.reason}"
            )
            fields = {
                **model,
                "event.action": transition.action,
                "rule.id": series.rule,
                "mpm.alert.uuid": episode.uuid,
            }
            log(point.severity.value if point.severity.alarming else "info", text, fields)
        if entry.error:
            log("error", f"{entry.model}: {entry.error}", {**model, "event.outcome": "failure"})
    if report.dry_run:
        totals = report.totals
        counted = ", ".join(f"{number} {name}" for name, number in totals.items())
        log("info", f"dry run, nothing was written: {counted}", {"event.action": "dry-run"})
