"""The demo's Elasticsearch, and its users: each part of the demo works as the user that this part would have."""

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elasticsearch import Elasticsearch

from mpm_elk.cluster import dev
from mpm_elk.cluster.client import check, connect, translated
from mpm_elk.cluster.setup import install
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.contract.roles import ROLES
from mpm_elk.demo.stopwatch import Stopwatch
from mpm_elk.demo.traffic import KEY
from mpm_elk.errors import ClusterError
from mpm_elk.registry.store import load

if TYPE_CHECKING:
    from mpm_elk.demo.show import Screen

KEPT_NAME = "demo"
"""The node that `--keep` leaves up."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Clients:
    """One client for each user."""

    admin: Elasticsearch
    setup: Elasticsearch
    shipper: Elasticsearch
    job: Elasticsearch
    reader: Elasticsearch


@contextmanager
def elasticsearch(*, keep: bool, say: Say) -> Iterator[dev.Node]:
    """Give an Elasticsearch: what MPM_ES_URL names, else a node that ends with the block.

    With `keep` the node stays up under the name `demo`; it goes all the same where the block ends with an error, if it
    was started for it.
    """
    if not keep or dev.from_environment():
        with dev.elasticsearch(roles=ROLES, say=say) as node:
            yield node
        return
    node = dev.up(KEPT_NAME, roles=ROLES, say=say)
    try:
        yield node
    except BaseException:
        if node.fresh:
            dev.down(KEPT_NAME)
        raise


@contextmanager
def clients(node: dev.Node) -> Iterator[Clients]:
    """Connect each user. A cluster that is not ours has one user only, who then does everything."""
    with ExitStack() as stack:

        def client(user: str) -> Elasticsearch:
            known = user if node.api_key or user in node.passwords else next(iter(node.passwords))
            made = stack.enter_context(connect(node.settings(known)))
            check(made)
            return made

        yield Clients(*(client(user) for user in ("admin", "setup", "shipper", "job", "reader")))


@contextmanager
def opened(screen: "Screen", clock: Stopwatch, *, keep: bool) -> Iterator[tuple[dev.Node, Clients]]:
    """Give an Elasticsearch that is ready for the demo: templates and roles installed, nothing of the model stored."""
    with ExitStack() as stack:
        with clock.time("start Elasticsearch"):
            with screen.waiting("looking for Elasticsearch") as say:
                node = stack.enter_context(elasticsearch(keep=keep, say=say))
            known = stack.enter_context(clients(node))
            screen.step(f"Elasticsearch {node.version} at {node.url}")
            changes = install(known.admin)
            refuse_used(known.setup, KEY)
        done = Counter(str(change.action) for change in changes)
        counts = ", ".join(f"{number} {action}" for action, number in sorted(done.items()))
        screen.step(f"templates and roles: {counts}")
        yield node, known


def refuse_used(client: Elasticsearch, model: ModelKey) -> None:
    """Make sure that nothing of `model` is stored yet: a replay on top of another would show neither."""
    with translated():
        events = client.count(
            index=Index.PREDICTIONS.pattern, query={"bool": {"filter": model.filters()}}, ignore_unavailable=True
        )["count"]
    entry = load(client, model)
    if events or entry.versions or entry.baselines or entry.cells:
        raise ClusterError(
            f"this Elasticsearch knows the model {model} already, from an earlier demo",
            remedy=f"look at it, then remove it with `mpm-elk dev down --name {KEPT_NAME}`; or use another cluster",
        )


def how_to_look(node: dev.Node, model: ModelKey, *, ours: bool) -> list[str]:
    """Say how to look at the documents of a demo that leaves its Elasticsearch up, as lines for a shell."""
    command = _command()
    curl = 'curl -s --cacert "$MPM_ES_CA_CERTS" -u "$MPM_ES_USERNAME:$MPM_ES_PASSWORD" -G'
    metrics = all_months(Index.METRICS, model.name, model.environment)
    alerts = "rule.id,mpm.subject.name,mpm.alert.start,mpm.alert.end,mpm.alert.reason"
    lines = [
        "# every alert, with its evidence",
        f'{curl} "$MPM_ES_URL/{Index.ALERTS}/_search?pretty&size=50&sort=mpm.alert.start&_source={alerts}"',
        "# the temperature, day by day: one document holds all its metrics",
        (
            f'{curl} "$MPM_ES_URL/{metrics}/_search?pretty&size=100&sort=@timestamp"'
            ' --data-urlencode "q=mpm.subject.name:features.temperature"'
            ' --data-urlencode "_source=@timestamp,mpm.finding,mpm.status,mpm.drift,mpm.quality"'
        ),
    ]
    if not ours:
        return lines
    name = shlex.quote(node.name)
    return [
        f'eval "$({command} dev env --name {name} --user reader)"',
        *lines,
        "# when you have seen enough",
        f"{command} dev down --name {name}",
    ]


def _command() -> str:
    """Name the command as this shell can call it."""
    if shutil.which("mpm-elk"):
        return "mpm-elk"
    return shlex.quote(str(Path(sys.executable).with_name("mpm-elk")))
