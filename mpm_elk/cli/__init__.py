"""The command line: one file a noun, each loaded when it is asked for."""

import importlib
import sys
from itertools import pairwise
from pathlib import Path

import click

from mpm_elk import __version__
from mpm_elk.cli.app import App
from mpm_elk.cli.logs import make_log
from mpm_elk.errors import MpmError

_COMMANDS = {
    "alerts": "Look at alerts, and say what is done about them.",
    "baseline": "Store training data, or a window of traffic, as a baseline.",
    "captures": "Turn payloads of other platforms into predictions.",
    "dashboards": "Install, check and draw the Kibana dashboards.",
    "demo": "Replay a year of real flights and watch it being monitored.",
    "dev": "Run a single-node Elasticsearch for development.",
    "drift": "Look at the drift of a model's features and predictions.",
    "model": "Register models and versions.",
    "notifications": "Try a channel, and look at what was told to whom.",
    "quarantine": "Look at events that were not accepted, and retry them.",
    "rules": "Look at rules, understand them, and find what is wrong with them.",
    "run": "Read what is new, compute metrics, judge them, write alerts.",
    "setup": "Install templates and roles in Elasticsearch.",
    "ship": "Send prediction events from files.",
}


class _Group(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"mpm_elk.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="MPM_CONFIG",
    help="The configuration: a file or a folder of files. [default: mpm.yml where it exists]",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="mpm-elk")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, *, debug: bool) -> None:
    """Model performance management on the Elastic stack."""
    ctx.obj = App(config, debug=debug)


def main() -> None:
    """Run the command line; an MpmError is shown as one message, never as a traceback unless `--debug`."""
    try:
        status = cli.main(prog_name="mpm-elk", standalone_mode=False)
    except MpmError as error:
        _fail(error)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone, as in `… | head`.
        sys.stderr.close()
        sys.exit(141)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(error: MpmError) -> None:
    if "--debug" in sys.argv:
        raise error
    if "--log-format=ecs" in sys.argv or ("--log-format", "ecs") in pairwise(sys.argv):
        # A log that is JSON line by line must stay so where the command itself fails.
        make_log("ecs")("error", str(error), {"event.outcome": "failure", "error.type": type(error).__name__})
        return
    click.secho("error: ", fg="red", bold=True, err=True, nl=False)
    click.echo(str(error), err=True)
