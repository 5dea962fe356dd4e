"""`mpm-elk dev`: the development cluster."""

import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mpm_elk.cli.app import print_json
from mpm_elk.errors import DevClusterError, UsageError

if TYPE_CHECKING:
    from mpm_elk.cluster.dev import Node

_NAME = click.option("--name", default="default", show_default=True, help="Which node; several may run side by side.")
_USER = click.option(
    "--user",
    type=click.Choice(["admin", "setup", "shipper", "job", "reader", "responder"]),
    default="admin",
    show_default=True,
    help="admin may do everything, the others only what their part needs.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("dev")
def command() -> None:
    """Run a single-node Elasticsearch for development, without Docker.

    It has passwords and TLS, listens on a free port of this machine only, and runs until `mpm-elk dev down`.
    """
    if os.name != "posix":
        raise DevClusterError(
            "the development cluster runs on Linux and macOS only",
            remedy="use WSL, or set MPM_ES_URL to another cluster",
        )


@command.command()
@_NAME
@click.option("--version", help="9, 8.19, or a full version. [default: 9.5.3, or that of the kept data]")
@click.option("--heap", help="Memory of the Java heap, as 512m or 2g. [default: 1g]")
@click.option("--timeout", default=180.0, show_default=True, help="Seconds to wait until the node answers.")
@_USER
@click.option("--show-password", is_flag=True, help="Print the user's password too.")
@_JSON
def up(
    *, name: str, version: str | None, heap: str | None, timeout: float, user: str, show_password: bool, as_json: bool
) -> None:
    """Start a node, or find the one that runs, and say how to reach it."""
    from mpm_elk.cluster import dev  # noqa: PLC0415 — heavy
    from mpm_elk.contract.roles import ROLES  # noqa: PLC0415

    with _progress() as say:
        node = dev.up(name, version=version, heap=heap, roles=ROLES, patience=timeout, say=say)
    if as_json:
        print_json(_document(node, user, show_password=show_password))
    else:
        _print(node, user, show_password=show_password)


@command.command()
@_NAME
@click.option("--all", "everything", is_flag=True, help="Every node of this user.")
@click.option("--keep-data", is_flag=True, help="Stop, but keep data and passwords for the next `up`.")
def down(*, name: str, everything: bool, keep_data: bool) -> None:
    """Stop a node and remove its data."""
    from mpm_elk.cluster import dev  # noqa: PLC0415 — heavy

    names = dev.names() if everything else [name]
    for each in names:
        done = dev.down(each, keep_data=keep_data)
        outcome = ("stopped, data kept" if keep_data else "stopped and removed") if done else "there is no such node"
        click.echo(f"{each}: {outcome}", err=True)
    if not names:
        click.echo("there are no nodes", err=True)


@command.command()
@_JSON
def status(*, as_json: bool) -> None:
    """List the nodes of this user."""
    from mpm_elk.cluster import dev  # noqa: PLC0415 — heavy

    found = dev.status()
    if as_json:
        print_json([asdict(node) for node in found])
        return
    if not found:
        click.echo("no node; start one with `mpm-elk dev up`", err=True)
    for node in found:
        owner = f", ends with process {node.owner_pid}" if node.owner_pid else ""
        click.echo(f"{node.name}: {node.state}, {node.version}, {node.url or 'no address'}, heap {node.heap}{owner}")
        click.echo(f"  {node.folder}")


@command.command()
@_NAME
@_USER
def env(*, name: str, user: str) -> None:
    """Print exports for the shell, password included: eval "$(mpm-elk dev env)"."""
    from mpm_elk.cluster import dev  # noqa: PLC0415 — heavy

    node = dev.running(name)
    if node is None:
        flag = "" if name == dev.DEFAULT_NAME else f" --name {name}"
        raise UsageError(f"no node {name!r} runs", remedy=f"start it: mpm-elk dev up{flag}")
    for variable, value in node.environment(user).items():
        click.echo(f"export {variable}={shlex.quote(value)}")


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show what is going on, on a terminal only."""
    from rich.console import Console  # noqa: PLC0415 — heavy

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _text: None
        return
    with console.status("looking for the node") as shown:
        yield shown.update


def _document(node: "Node", user: str, *, show_password: bool) -> dict[str, object]:
    from mpm_elk.cluster.dev.state import Folder  # noqa: PLC0415

    secret = {"password": node.password(user)} if show_password else {}
    return {
        "name": node.name,
        "version": node.version,
        "url": node.url,
        "started": node.fresh,
        "user": user,
        "ca_certs": node.ca_certs,
        "passwords_file": Folder.of(node.name).passwords,
        **secret,
    }


def _print(node: "Node", user: str, *, show_password: bool) -> None:
    shown = _document(node, user, show_password=show_password)
    flags = "".join(
        f" --{option} {value}"
        for option, value, usual in (("name", node.name, "default"), ("user", user, "admin"))
        if value != usual
    )
    click.echo(f"Elasticsearch {node.version} {'runs' if node.fresh else 'was running already'}: {node.url}")
    click.echo(f"user:      {user}")
    click.echo(f"password:  {shown['password'] if show_password else 'in ' + str(shown['passwords_file'])}")
    click.echo(f"CA:        {node.ca_certs}")
    click.echo(f'use it:    eval "$(mpm-elk dev env{flags})"')
    click.echo(f"stop it:   mpm-elk dev down{'' if node.name == 'default' else f' --name {node.name}'}")
