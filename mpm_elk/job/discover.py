"""Which models there are, and where their events: in our own indices, and in those of the declared sources."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elasticsearch import Elasticsearch

from mpm_elk.cluster import state
from mpm_elk.cluster.changes import (
    ReadPosition,
    incomplete,
    models_in,
    positions,
    refresh,
    refresh_what_is_there,
    unread,
)
from mpm_elk.cluster.sources import naming, resolve
from mpm_elk.cluster.state import IndexModels
from mpm_elk.config import Config
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.limits import ENVIRONMENT_MAX, MODEL_NAME_MAX
from mpm_elk.contract.source import EVENTS, Source
from mpm_elk.errors import ClusterError, ConfigError, MpmError, PermissionDeniedError
from mpm_elk.job.report import RunReport, SourceProblem

Looked = dict[str, IndexModels]
"""Index → how far it was looked through, and which models it holds."""


@dataclass(frozen=True)
class Events:
    """Where a model's events are: the indices of one source, and which of them lack a shard."""

    source: Source
    indices: dict[str, ReadPosition] = field(default_factory=dict)
    lame: set[str] = field(default_factory=set)


def find_models(client: Elasticsearch, config: Config, report: RunReport) -> dict[ModelKey, Events]:
    """Find the models that have events; only what is new is looked through.

    What is wrong with a source is reported, and the models of the others go on.
    """
    known, condition = state.load_discovery(client)
    models: dict[ModelKey, Events] = {}
    sources = list(_sources(client, config, report))
    remembered = _of_others(known, {source.name for source in sources})
    for source in sources:
        before = _of_source(known, source.key)
        try:
            with naming(source):
                looked, lame = _look(client, source, before)
        except MpmError as error:
            _give_up(source, error, report)
            remembered |= _named(before, source.key)
            continue
        # Of indices that lack a shard is remembered what was known before.
        remembered |= _named({i: e for i, e in looked.items() if i not in lame}, source.key)
        remembered |= _named({i: e for i, e in before.items() if i in lame}, source.key)
        for index, entry in (looked | {i: e for i, e in before.items() if i in lame and i not in looked}).items():
            for model in sorted(entry.models):
                events = models.setdefault(model, Events(source))
                if events.source is source:
                    events.indices[index] = entry.position
                    events.lame.update({index} & lame)
                else:
                    _report(report, source, _claimed_twice(model, events.source, source))
    if remembered != known and not report.dry_run:
        state.save_discovery(client, remembered, condition, report.started_ms)
    return models


def missing_models(
    client: Elasticsearch, config: Config, found: Mapping[ModelKey, Events], problems: Sequence[SourceProblem]
) -> dict[ModelKey, Events]:
    """Give the models that were judged before and have no index any more, where a rule tells of absent events.

    Where a source could not be read, its models are not missing: it is said what is wrong with the source.
    """
    rules = [rule for rule in config.rules or () if rule.absent is not None]
    if not rules or problems:
        return {}
    known = state.judged_models(client)
    return {m: Events(EVENTS) for m in known if m not in found and any(rule.matches(m.name) for rule in rules)}


def _sources(client: Elasticsearch, config: Config, report: RunReport) -> Iterator[Source]:
    """Give our own events, and each declared source whose fields are there."""
    yield EVENTS
    for settings in config.sources:
        try:
            source = resolve(client, settings)
        except MpmError as error:
            report.sources.append(SourceProblem(settings.name, error))
        except Exception as error:  # the other sources go on; this one is reported
            report.sources.append(SourceProblem(settings.name, unexpected(error)))
        else:
            yield source


def _look(client: Elasticsearch, source: Source, known: Looked) -> tuple[Looked, set[str]]:
    """Look through what is new in a source's indices; give also the indices that lack a shard."""
    indices, lame = positions(client, source.index), incomplete(client, source.index)
    if source is not EVENTS and not indices:
        # Its fields could be read, so there are indices.
        raise PermissionDeniedError(f"the user may not see the indices of {source.index}")
    news = unread(indices, {index: entry.position for index, entry in known.items()})
    changed = {stretch.index for stretch in news}
    refresh(client, changed - lame)
    refresh_what_is_there(client, changed & lame)
    found = models_in(client, news, source)
    for model in sorted(set().union(*found.values())):
        _check_names(model)
    looked = {
        index: IndexModels(position, frozenset(found.get(index, set())) | _kept(known.get(index), position))
        for index, position in indices.items()
    }
    return looked, lame


def _check_names(model: ModelKey) -> None:
    if len(model.name) > MODEL_NAME_MAX or len(model.environment) > ENVIRONMENT_MAX:
        raise ClusterError(
            f"{str(model)[:80]!r}… is too long for the name of a model",
            remedy="check which fields hold the model and the environment",
        )


def _kept(known: IndexModels | None, position: ReadPosition) -> frozenset[ModelKey]:
    return known.models if known is not None and known.position.uuid == position.uuid else frozenset()


def _named(looked: Looked, source: str) -> Looked:
    """Write the source before its indices, so that two may look at the same one; no index name holds a slash."""
    return {f"{source}/{index}" if source else index: entry for index, entry in looked.items()}


def _of_source(known: Mapping[str, IndexModels], source: str) -> Looked:
    """Give what is known of the indices of one source."""
    parts = {name: name.rpartition("/") for name in known}
    return {index: known[name] for name, (owner, _, index) in parts.items() if owner == source}


def _of_others(known: Mapping[str, IndexModels], names: set[str]) -> Looked:
    """Keep what is known of sources that another configuration declares, or that cannot be used now."""
    owners = {name: name.rpartition("/")[0].partition("~")[0] for name in known}
    return {name: entry for name, entry in known.items() if owners[name] not in names}


def _give_up(source: Source, error: MpmError, report: RunReport) -> None:
    """Report that a source cannot be read; without our own events there is no run."""
    if source is EVENTS:
        raise error
    _report(report, source, error)


def _report(report: RunReport, source: Source, error: MpmError) -> None:
    if all(str(problem.error) != str(error) for problem in report.sources):
        report.sources.append(SourceProblem(source.name, error))


def _claimed_twice(model: ModelKey, first: Source, second: Source) -> MpmError:
    other = f"source {first.name}" if first.name else "events that were shipped"
    return ConfigError(
        f"source {second.name}: {model} is in {other} too, and is read from there only",
        remedy="give one of the two another model or environment, or join the patterns in one source",
    )


def unexpected(error: Exception) -> MpmError:
    """Report a fault of ours, or documents that are not as we wrote them, with its place."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    found = MpmError(
        f"unexpected {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})",
        remedy="nothing is lost, the next run starts this model again; if it comes again, report it",
    )
    found.__cause__ = error
    return found
