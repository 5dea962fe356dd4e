"""Sources as `mpm.yml` declares them, checked against the mappings of their indices."""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.changes import refresh
from mpm_elk.cluster.client import translated
from mpm_elk.cluster.search import Search, search_all
from mpm_elk.config.sources import FailureSettings, KeySettings, SourceSettings
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.limits import FEATURE_NAME_MAX
from mpm_elk.contract.source import (
    CATEGORICAL_TYPES,
    EVENTS,
    NARROW_TYPES,
    NUMERIC_TYPES,
    WHOLE_TYPES,
    Clause,
    KeyPart,
    Source,
    SubjectField,
)
from mpm_elk.errors import ClusterError, ConfigError, PermissionDeniedError

_RIGHTS = "the job's user needs `read`, `monitor` and `maintenance` on its indices (docs/sources.md shows the role)"
_DATES = ("date", "date_nanos")
_KEYS = ("keyword", *WHOLE_TYPES)
_SUBFIELD = ".keyword"

Types = dict[str, tuple[str, ...]]
"""Field → its types, in all indices."""


@contextmanager
def naming(source: Source) -> Iterator[None]:
    """Say of a missing right inside the block which source lacks it; our own events have roles of their own."""
    try:
        yield
    except PermissionDeniedError as error:
        if not source.name:
            raise
        raise PermissionDeniedError(f"source {source.name}: {error.message}", remedy=_RIGHTS) from error


def resolve(client: Elasticsearch, settings: SourceSettings) -> Source:
    """Check a source's fields against the mappings of its indices, and find those under its prefix.

    Raises ConfigError for a field that is not there or has a type that its role cannot have, ClusterError where no
    index matches, PermissionDeniedError where the user may not read it.
    """
    with naming(Source(settings.name)):
        return _Check(client, settings).source()


def of_model(client: Elasticsearch, sources: Iterable[SourceSettings], model: ModelKey) -> Source:
    """Find the source of a model's events: the first that is declared for it or holds any, else our own events."""
    for settings in sources:
        if not _part(settings.environment).may_be(model.environment) or not _part(settings.model).may_be(model.name):
            continue
        source = resolve(client, settings)
        filters = source.filters(model)
        with naming(source):
            refresh(client, [source.index])
        query = {"size": 0, "terminate_after": 1, "track_total_hits": 1, "query": {"bool": {"filter": filters}}}
        if not filters or search_all(client, [Search(source.index, query)])[0]["hits"]["total"]["value"]:
            return source
    return EVENTS


def _part(key: KeySettings) -> KeyPart:
    return KeyPart(key.field or "", key.text or "")


class _Check:
    """The declaration of one source beside the fields that there are."""

    def __init__(self, client: Elasticsearch, settings: SourceSettings) -> None:
        self._client = client
        self._settings = settings
        self._types = self._read([*settings.named_fields().values(), *self._under_prefix()])

    def source(self) -> Source:
        """Make the source of what was declared, every field in a role that its type can have."""
        settings = self._settings
        for place, field in settings.named_fields().items():
            if field not in self._types:
                raise self._unknown(place, field)
        self._expect("time", _DATES)
        for place in ("model", "version", "environment", "id"):
            self._expect(place, _KEYS)
        self._expect("duration", NUMERIC_TYPES)
        if settings.failure and settings.failure.at_least is not None:
            self._expect("failure", NUMERIC_TYPES)
        for name in settings.segments:
            self._expect(f"segments.{name}", CATEGORICAL_TYPES)
        return Source(
            name=settings.name,
            index=settings.pattern,
            time=settings.time,
            environment=_part(settings.environment),
            model=_part(settings.model),
            version=_part(settings.version),
            failed=_clause(settings.failure) if settings.failure else None,
            duration=settings.duration.field if settings.duration else None,
            duration_ns=settings.duration.nanoseconds if settings.duration else 1,
            id=settings.id,
            bucket=None,
            subjects=self._subjects(),
            segments=dict(settings.segments),
        )

    def _subjects(self) -> dict[str, SubjectField]:
        found = {}
        for name in self._settings.outputs:
            found[f"prediction.{name}"] = self._subject(name, numeric=name != "label")
        for name, feature in self._settings.features.items():
            kind = feature.as_ or ("numeric" if self._types[feature.field][0] in NUMERIC_TYPES else "categorical")
            found[f"features.{name}"] = self._subject(f"features.{name}", numeric=kind == "numeric")
        for name, field in self._prefixed().items():
            numeric = self._types[field][0] in NUMERIC_TYPES
            found.setdefault(f"features.{name}", SubjectField(field, numeric, self._one_kind(field, field)))
        if not found:
            raise ConfigError(
                f"source {self._settings.name}: no field under {self._settings.feature_prefix} can be a feature",
                remedy="features are numbers, keywords and booleans: check `feature_prefix`",
            )
        return found

    def _subject(self, place: str, *, numeric: bool) -> SubjectField:
        types = self._expect(place, NUMERIC_TYPES if numeric else CATEGORICAL_TYPES)
        return SubjectField(self._settings.named_fields()[place], numeric, types)

    def _prefixed(self) -> dict[str, str]:
        """Name the features under the prefix: feature → field, each field that has no other role."""
        prefix = self._settings.feature_prefix
        if prefix is None:
            return {}
        taken = set(self._settings.named_fields().values())
        found = {}
        for field, types in sorted(self._types.items()):
            parent = field.removesuffix(_SUBFIELD)
            # A text has its values in a field beside it; any other second field of a field says the same again.
            twin = parent != field and self._types.get(parent) == ("text",)
            name = (parent if twin else field).removeprefix(prefix)
            within = field.startswith(prefix) and 0 < len(name) <= FEATURE_NAME_MAX
            doubled = not twin and not self._types.keys().isdisjoint(_parents(field))
            if (
                within
                and not doubled
                and not taken & {field, parent}
                and types[0] in (*NUMERIC_TYPES, *CATEGORICAL_TYPES)
            ):
                found[name] = field
        return found

    def _expect(self, place: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Give the types of the field at a place of the declaration. Raises ConfigError for what cannot be there."""
        field = self._settings.named_fields().get(place)
        if field is None:
            return ()
        wrong = [kind for kind in self._types[field] if kind not in allowed]
        if wrong:
            beside = f"{field}{_SUBFIELD}"
            better = f"`{beside}` holds the same as a keyword" if beside in self._read(["*"]) else ""
            raise ConfigError(
                f"source {self._settings.name}: `{place}` is the field {field}, whose type is {' and '.join(wrong)}",
                remedy=better or f"it can be {', '.join(allowed)}",
            )
        return self._one_kind(place, field)

    def _one_kind(self, place: str, field: str) -> tuple[str, ...]:
        """Refuse types in several indices that cannot be counted together."""
        types = self._types[field]
        apart = [kind for kind in types if kind in NARROW_TYPES or kind not in NUMERIC_TYPES]
        if apart and len(types) > 1 and not set(types) <= set(_DATES):
            raise ConfigError(
                f"source {self._settings.name}: `{place}` is the field {field}, whose type is {' and '.join(types)} "
                "in different indices: they cannot be counted in the same cells",
                remedy="name indices that map it alike in `index`",
            )
        return types

    def _under_prefix(self) -> list[str]:
        return [f"{self._settings.feature_prefix}*"] if self._settings.feature_prefix else []

    def _read(self, fields: list[str]) -> Types:
        with translated():
            answer = self._client.field_caps(index=self._settings.pattern, fields=fields, filters="-parent,-metadata")
        if not answer["indices"]:
            raise ClusterError(
                f"source {self._settings.name}: no index matches {self._settings.pattern}, or the user may not read it",
                remedy=f"check `index`; {_RIGHTS}",
            )
        found: Mapping[str, Mapping[str, Any]] = answer["fields"]
        usable = {name: {k: c for k, c in caps.items() if k != "unmapped"} for name, caps in found.items()}
        return {
            name: tuple(sorted(k if c["aggregatable"] else _bare(k) for k, c in caps.items()))
            for name, caps in usable.items()
        }

    def _unknown(self, place: str, field: str) -> ConfigError:
        names = sorted(self._read(["*"]))
        close = difflib.get_close_matches(field, names, n=1)
        return ConfigError(
            f"source {self._settings.name}: `{place}` is the field {field}, and no index of {self._settings.pattern} "
            "has it",
            remedy=f"did you mean `{close[0]}`?" if close else f"fields are {', '.join(names[:20])}",
        )


def _parents(field: str) -> list[str]:
    parts = field.split(".")
    return [".".join(parts[:at]) for at in range(1, len(parts))]


def _bare(kind: str) -> str:
    """Name the type of a field without doc values; a text never has any."""
    return kind if kind == "text" else f"{kind} without doc values"


def _clause(failure: FailureSettings) -> Clause:
    if failure.at_least is not None:
        return {"range": {failure.field: {"gte": failure.at_least}}}
    if not failure.is_:
        return {"exists": {"field": failure.field}}
    if len(failure.is_) == 1:
        return {"term": {failure.field: failure.is_[0]}}
    return {"terms": {failure.field: list(failure.is_)}}
