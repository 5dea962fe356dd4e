"""Give the stack its users, each with the role of its part, and set the password by which Kibana connects.

Reads the connection as `mpm-elk` does (MPM_ES_URL and its companions; the user needs `manage_security`), and the
passwords from KIBANA_PASSWORD and MPM_{SHIPPER,JOB,READER,ADMIN}_PASSWORD. Doing it again sets the same again.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from mpm_elk.cli.app import App
from mpm_elk.cluster.client import translated
from mpm_elk.errors import ConfigError, MpmError

Request = tuple[str, str, dict[str, Any]]
"""Method, path, body."""

_HEADERS = {"accept": "application/json", "content-type": "application/json"}

_KIBANA = {"mpm_kibana_reader": "read", "mpm_kibana_editor": "all"}
"""Roles that open Kibana and no index: what its user sees there is what the other role lets it read."""

USERS = {
    "mpm-shipper": ("MPM_SHIPPER_PASSWORD", ["mpm_shipper"]),
    "mpm-job": ("MPM_JOB_PASSWORD", ["mpm_job"]),
    "mpm-reader": ("MPM_READER_PASSWORD", ["mpm_reader", "mpm_kibana_reader"]),
    "mpm-admin": ("MPM_ADMIN_PASSWORD", ["mpm_admin", "mpm_reader", "mpm_kibana_editor"]),
}
"""Each user: the variable that holds the password, and the roles."""


def requests(environment: Mapping[str, str]) -> list[Request]:
    """Build what is to be sent. Raises ConfigError where a password is missing."""
    made: list[Request] = [
        ("POST", "/_security/user/kibana_system/_password", {"password": _password(environment, "KIBANA_PASSWORD")})
    ]
    for role, privilege in _KIBANA.items():
        application = {"application": "kibana-.kibana", "privileges": [privilege], "resources": ["*"]}
        made.append(("PUT", f"/_security/role/{role}", {"applications": [application]}))
    for name, (variable, roles) in USERS.items():
        made.append(("PUT", f"/_security/user/{name}", {"password": _password(environment, variable), "roles": roles}))
    return made


def _password(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable)
    if not value:
        raise ConfigError(f"{variable} is not set", remedy="run compose/secrets, which makes .env")
    return value


def main() -> None:
    """Send everything."""
    made = requests(os.environ)
    client = App(None).client
    for method, path, body in made:
        with translated():
            client.perform_request(method, path, headers=_HEADERS, body=body)
        click.echo(f"set       {path.removeprefix('/_security/')}")


if __name__ == "__main__":
    try:
        main()
    except MpmError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
