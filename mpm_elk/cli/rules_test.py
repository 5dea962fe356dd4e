"""`mpm-elk rules test`: try rules on made traffic."""

from pathlib import Path

import click

from mpm_elk.cli.app import App, draw, print_json

_PIPE_WIDTH = 160


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--name", "names", multiple=True, metavar="TEXT", help="Only tests whose name holds TEXT.")
@click.option("--coverage", is_flag=True, help="Also tell which rules no test makes fire, and which none shows quiet.")
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write JUnit's XML."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def test(
    app: App, *, files: tuple[Path, ...], names: tuple[str, ...], coverage: bool, junit: Path | None, as_json: bool
) -> int:
    """Try the rules on made traffic in virtual time, without Elasticsearch.

    FILE says what a model's features are like, what happens to them, and what the rules shall say: state, severity,
    reason, times, and who is told. Exits 1 where anything else came.
    """
    from mpm_elk.alerts.trial.suite import coverage as cover  # noqa: PLC0415 — heavy
    from mpm_elk.alerts.trial.suite import try_all  # noqa: PLC0415
    from mpm_elk.config.load_rule_tests import load_rule_tests, only  # noqa: PLC0415
    from mpm_elk.rules.defaults import rules_of  # noqa: PLC0415
    from mpm_elk.views.rule_test_reports import draw as report  # noqa: PLC0415 — rich is heavy
    from mpm_elk.views.rule_test_reports import to_document, to_junit  # noqa: PLC0415

    rules = rules_of(app.config)
    found = only([load_rule_tests(file, rules) for file in files], names)
    tried = try_all(found, app.config, rules)
    covered = cover(tried, rules) if coverage else None
    if junit is not None:
        junit.write_text(to_junit(tried), encoding="utf-8")
    if as_json:
        print_json(to_document(tried, covered))
    else:
        draw(report(tried, covered), _PIPE_WIDTH)
    return 0 if all(one.passed for one in tried) else 1
