"""A model's learning time in the registry: set when it is adopted, ended by itself or before."""

from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.compare_and_set import get_many, put_if_unchanged
from mpm_elk.cluster.fenced import Document
from mpm_elk.contract.ids import digest
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index
from mpm_elk.errors import RegistryError
from mpm_elk.registry.store import LEARNING, Learning, audit, load
from mpm_elk.timespan import iso


def save_learning(client: Elasticsearch, model: ModelKey, wanted: Learning, now_ms: int) -> bool:
    """Set a model's learning time; returns whether that is news. Audited.

    Raises ChangedError where somebody else set it just now.
    """
    schema = {"since": iso(wanted.since), "until": iso(wanted.until)}
    identity = digest(LEARNING, model.environment, model.name)
    before = get_many(client, [(Index.MODELS, identity)]).get(identity)
    if before is not None and before.source["mpm"]["schema"] == schema:
        return False
    source = {
        "@timestamp": iso(now_ms),
        "service": {"environment": model.environment},
        "mpm": {"kind": LEARNING, "model": {"name": model.name}, "schema": schema},
    }
    put_if_unchanged(client, [(Document(Index.MODELS, identity, source), before)])
    refresh(client, [Index.MODELS])
    audit(client, model, "learning-set", now_ms, schema)
    return True


def end_learning(client: Elasticsearch, model: ModelKey, known: Learning | None, now_ms: int) -> bool:
    """End a model's learning time now; returns whether it was learning. Raises RegistryError where it never was."""
    if known is None:
        raise RegistryError(
            f"{model} has no learning time: it is live", remedy="`mpm-elk model adopt` gives it one, with --learn"
        )
    return now_ms < known.until and save_learning(client, model, Learning(known.since, now_ms), now_ms)


def learn_for(client: Elasticsearch, model: ModelKey, span_ms: int, now_ms: int) -> bool:
    """Let a model learn for a time from now on, or from when it began before; returns whether that is news."""
    known = load(client, model).learning
    since = known.since if known else now_ms
    return save_learning(client, model, Learning(since, since + span_ms), now_ms)
