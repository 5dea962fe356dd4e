"""`mpm-elk rules backtest`: what rules would have raised."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpm_elk.cli.app import App, draw, instant, print_json
from mpm_elk.cli.keys import span
from mpm_elk.errors import UsageError

if TYPE_CHECKING:
    from mpm_elk.alerts.suggest import Suggestion
    from mpm_elk.config import Rule
    from mpm_elk.job.backtest import ModelPast, Question

_PIPE_WIDTH = 140
_PROMISED = "as promised"


@click.command()
@click.option("--since", callback=span, default="90d", show_default=True, metavar="SPAN", help="How far to look back.")
@click.option("--until", callback=instant, metavar="TIME", help="Where to end. [default: now]")
@click.option("--model", "models", multiple=True, metavar="M", help="These models only; `*` stands for any.")
@click.option("--environment", metavar="E", help="Where the models serve. [default: all]")
@click.option("--rule", "only", multiple=True, metavar="ID", help="These rules only.")
@click.option(
    "--rules", "file", type=click.Path(path_type=Path, exists=True),
    help="Rules to try instead of those that hold: a file or folder as mpm.yml.",
)  # fmt: skip
@click.option(
    "--suggest", is_flag=False, flag_value=_PROMISED, metavar="N",
    help="Also find thresholds with which each rule would have raised N alerts a month. [default: what "
    "job.false_alarms_per_month promises]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def backtest(
    app: App,
    /,
    *,
    since: timedelta,
    until: datetime | None,
    file: Path | None,
    suggest: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Judge the stored profiles of the past, and tell what the rules would have raised.

    Tells when, about what, how long, and how many a month, beside the alerts that exist; and what of it cannot be
    known. Nothing is written: the rights of a reader are enough.
    """
    from mpm_elk.job.backtest import Question  # noqa: PLC0415 — heavy
    from mpm_elk.job.backtest import backtest as judge  # noqa: PLC0415
    from mpm_elk.timespan import milliseconds, to_ms  # noqa: PLC0415

    a_month = _number(suggest, app)
    # What runs have not read yet is left out in any case.
    end = to_ms(until) if until else to_ms(app.now) - milliseconds(app.config.job.settle)
    question = Question(end - milliseconds(since), end, rules=_rules(file), sampled=a_month is not None, **asked)
    suggestions: list[Suggestion] = []
    after: list[ModelPast] = []
    with _progress() as say:
        pasts = judge(app.client, app.config, _with(question, progress=say))
        if a_month is not None:
            suggestions, after = _suggest(app, _with(question, progress=say), pasts, a_month)
    if as_json:
        from mpm_elk.views.backtests import to_document  # noqa: PLC0415

        print_json(to_document(pasts, suggestions, after))
        return
    from mpm_elk.views.backtests import draw as table  # noqa: PLC0415 — rich is heavy

    draw(table(pasts, suggestions, after), _PIPE_WIDTH)


def _rules(file: Path | None) -> "tuple[Rule, ...] | None":
    if file is None:
        return None
    from mpm_elk.config import load  # noqa: PLC0415 — heavy
    from mpm_elk.rules.defaults import rules_of  # noqa: PLC0415

    config = load(file)
    found = rules_of(config) if config.rules or config.extends else ()
    if not found:
        message = f"{file} holds no rules"
        raise UsageError(message, remedy="write them as in mpm.yml, under `rules:` or `extends:`")
    return found


def _number(suggest: str | None, app: App) -> float | None:
    if suggest is None:
        return None
    if suggest == _PROMISED:
        return app.config.job.false_alarms_per_month
    try:
        number = float(suggest)
    except ValueError:
        number = -1
    if not number >= 0:
        message = f"--suggest: {suggest!r} is no number of alerts a month"
        raise UsageError(message, remedy="write it as 0.5 or 2, or leave it out")
    return number


def _suggest(
    app: App, question: "Question", pasts: "list[ModelPast]", a_month: float
) -> "tuple[list[Suggestion], list[ModelPast]]":
    """Find thresholds for each rule, and backtest them all together."""
    from mpm_elk.job.backtest import backtest as judge  # noqa: PLC0415
    from mpm_elk.job.backtest import rules_judged, suggestions  # noqa: PLC0415

    found = suggestions(pasts, a_month)
    changed = {one.rule.id: one.suggested for one in found}
    rules = tuple(changed.get(rule.id, rule) for rule in rules_judged(app.config, question))
    if not any(one.changes for one in found):
        return found, pasts
    return found, judge(app.client, app.config, _with(question, rules=rules, sampled=False))


def _with(question: "Question", **changes: Any) -> "Question":
    from dataclasses import replace  # noqa: PLC0415

    return replace(question, **changes)


def _progress() -> "AbstractContextManager[Callable[[str], None]]":
    """Show what is being done on a terminal, nothing on a pipe."""
    if not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    from contextlib import contextmanager  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415 — heavy

    @contextmanager
    def shown() -> Any:
        with Console(stderr=True).status("reading the past") as status:
            yield status.update

    return shown()
