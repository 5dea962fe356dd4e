"""`mpm-elk rules`: look at rules, understand them, and find what is wrong with them."""

from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import App, draw, print_json
from mpm_elk.cli.rules_backtest import backtest
from mpm_elk.cli.rules_test import test
from mpm_elk.errors import UsageError

if TYPE_CHECKING:
    from mpm_elk.config.rules import Rule

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_PIPE_WIDTH = 140


@click.group()
def command() -> None:
    """Look at rules, understand them, and find what is wrong with them."""


command.add_command(backtest)
command.add_command(test)


def _rules(app: App) -> "tuple[Rule, ...]":
    from mpm_elk.rules.defaults import rules_of  # noqa: PLC0415 — heavy

    return rules_of(app.config)


@command.command("list")
@click.option("--model", metavar="M", help="Only rules that look at this model.")
@_JSON
@click.pass_context
def list_(ctx: click.Context, *, model: str | None, as_json: bool) -> None:
    """List the rules that hold: those of mpm.yml and of the packs that it extends, or the default ones."""
    app: App = ctx.obj
    some = [rule for rule in _rules(app) if model is None or rule.matches(model)]
    if as_json:
        print_json([rule.model_dump(by_alias=True, mode="json") for rule in some])
        return
    from mpm_elk.views.rule_tables import rules  # noqa: PLC0415 — rich is heavy

    draw(rules(some), _PIPE_WIDTH)


@command.command()
@_JSON
def metrics(*, as_json: bool) -> None:
    """List the metrics that a rule can name, and those that are asked for by hand."""
    from mpm_elk.contract import metric_names  # noqa: PLC0415
    from mpm_elk.metrics.catalogue import BY_HAND, REGISTRY  # noqa: PLC0415 — heavy

    some = [REGISTRY[name] for name in (*metric_names.METRIC_NAMES, *metric_names.WITHOUT_EVIDENCE)]
    some += BY_HAND.values()
    by_hand = metric_names.BY_HAND
    if as_json:
        names = ("name", "meaning", "test", "bad", "subjects", "kind", "gate")
        print_json(
            [{name: getattr(metric, name) for name in names} | {"by_hand": by_hand.get(metric.name)} for metric in some]
        )
        return
    from mpm_elk.views.rule_tables import metrics as table  # noqa: PLC0415

    draw(table(some), _PIPE_WIDTH)


@command.command()
@click.argument("name", metavar="[PACK]", required=False)
@_JSON
def packs(*, name: str | None, as_json: bool) -> None:
    """List the packs of rules that `extends:` can name; with PACK, print its rules as they would stand in mpm.yml."""
    from mpm_elk.config import packs as known  # noqa: PLC0415 — heavy

    try:
        some = [known.pack(one) for one in ([name] if name else known.names())]
    except ValueError as error:
        raise UsageError(str(error), remedy="`mpm-elk rules packs` lists them") from None
    if as_json:
        print_json([
            {
                "name": one.name,
                "description": one.description,
                "rules": [rule.model_dump(by_alias=True, mode="json") for rule in one.rules],
            }
            for one in some
        ])  # fmt: skip
    elif name:
        click.echo(some[0].text, nl=False)
    else:
        from mpm_elk.views.rule_tables import packs as table  # noqa: PLC0415 — rich is heavy

        draw(table(some), _PIPE_WIDTH)


@command.command()
@click.argument("identity", metavar="RULE")
@_JSON
@click.pass_context
def explain(ctx: click.Context, identity: str, *, as_json: bool) -> None:
    """Say in English what RULE does."""
    from mpm_elk.rules.explain import explain as say  # noqa: PLC0415

    app: App = ctx.obj
    some = {rule.id: rule for rule in _rules(app)}
    if identity not in some:
        message = f"there is no rule {identity!r}"
        raise UsageError(message, remedy=f"rules are: {', '.join(some)}")
    rule = some[identity]
    shared = [other for other in some.values() if set(other.models) & set(rule.models)]
    sentences = say(rule, shared, app.config)
    if as_json:
        print_json({"rule": rule.model_dump(by_alias=True, mode="json"), "sentences": sentences})
        return
    from mpm_elk.views.rule_tables import explanation  # noqa: PLC0415

    draw(explanation(rule, sentences), _PIPE_WIDTH)


@command.command()
@click.option("--offline", is_flag=True, help="Check the rules alone, without looking at the models in the cluster.")
@_JSON
@click.pass_context
def check(ctx: click.Context, *, offline: bool, as_json: bool) -> int:
    """Find what is wrong with the rules: exits 2 where one cannot do what it says.

    Also checks against the models in the cluster: rules that match none, subjects and segments that are not there.
    """
    from mpm_elk.config.load import rule_places  # noqa: PLC0415
    from mpm_elk.rules.check import check as find  # noqa: PLC0415
    from mpm_elk.rules.check import unwatched  # noqa: PLC0415
    from mpm_elk.rules.problems import Weight  # noqa: PLC0415
    from mpm_elk.timespan import to_ms  # noqa: PLC0415

    app: App = ctx.obj
    some, known = _rules(app), None
    if not offline:
        from mpm_elk.views.known_models import known_models  # noqa: PLC0415 — the client is heavy

        known = known_models(app.client, to_ms(app.now))
    found = find(some, app.config, known)
    places = rule_places(app.config_path) if app.config_path else {}
    idle = {str(model.key): names for model in known or () if (names := unwatched(some, model))}
    if as_json:
        problems = [{**vars(problem), "place": places.get(problem.rule)} for problem in found]
        print_json({"rules": len(some), "problems": problems, "unwatched": idle})
    else:
        from mpm_elk.views.rule_tables import problems as table  # noqa: PLC0415

        if found:
            draw(table(found, places), _PIPE_WIDTH)
        for model, names in idle.items():
            click.echo(f"note: {model}: no rule looks at {', '.join(names)}")
        against = "" if known is None else f" against {len(known)} {'model' if len(known) == 1 else 'models'}"
        click.echo(f"{len(some)} rules checked{against}: {_tally(len(found))}")
    return 2 if any(problem.weight is Weight.ERROR for problem in found) else 0


def _tally(number: int) -> str:
    return {0: "nothing wrong", 1: "1 problem"}.get(number, f"{number} problems")
