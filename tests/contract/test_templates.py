"""Templates and policies: what each must hold, whatever its fields are."""

from collections.abc import Iterator
from typing import Any

import pytest

from mpm_elk.contract.limits import FEATURES_MAX
from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index
from mpm_elk.contract.templates import MANAGED_BY, VERSION, Kind, Managed, managed, root, signature

PORTABLE = {"boolean", "date", "double", "flattened", "integer", "keyword", "long", "object", "short"}


def by_name(kind: Kind, *, lifecycle: bool = True) -> dict[str, Managed]:
    return {made.name: made for made in managed(lifecycle=lifecycle) if made.kind is kind}


def fields(mapping: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in mapping.get("properties", {}).items():
        yield path + name, field
        yield from fields(field, f"{path}{name}.")


def test_every_kind_has_its_trio_and_no_pattern_is_shared() -> None:
    components, templates = by_name(Kind.COMPONENT), by_name(Kind.TEMPLATE)
    seen: set[str] = set()
    for index in MAPPINGS:
        name = root(index)
        body = templates[name].body
        assert body["composed_of"] == [f"{name}@mappings", f"{name}@settings", f"{name}@custom"]
        assert body["ignore_missing_component_templates"] == [f"{name}@custom"]
        assert f"{name}@custom" not in components
        assert {f"{name}@mappings", f"{name}@settings"} <= set(components)
        assert body["priority"] >= 500
        assert seen.isdisjoint(body["index_patterns"])
        seen.update(body["index_patterns"])


@pytest.mark.parametrize("index", MAPPINGS, ids=str)
def test_types_are_those_of_every_elasticsearch(index: Index) -> None:
    mapping = MAPPINGS[index]
    assert mapping["dynamic"] is False
    types = {path: field.get("type", "object") for path, field in fields(mapping)}
    types |= {
        name: rule["mapping"]["type"] for each in mapping.get("dynamic_templates", []) for name, rule in each.items()
    }
    assert {path: kind for path, kind in types.items() if kind not in PORTABLE} == {}


@pytest.mark.parametrize("index", MAPPINGS, ids=str)
def test_every_open_object_has_a_rule_for_its_names(index: Index) -> None:
    mapping = MAPPINGS[index]
    opened = {path for path, field in fields(mapping) if field.get("dynamic") is True}
    ruled = {rule["path_match"] for each in mapping.get("dynamic_templates", []) for rule in each.values()}
    assert ruled == {f"{path}.*" for path in opened}
    assert all(field.get("subobjects") is False for path, field in fields(mapping) if path in opened)


def test_an_event_of_most_features_fits_the_field_limit() -> None:
    limit = by_name(Kind.COMPONENT)["mpm-predictions@settings"].body["template"]["settings"]["index"]["mapping"]
    assert limit["total_fields"]["ignore_dynamic_beyond_limit"] is True
    assert limit["total_fields"]["limit"] >= 2 * FEATURES_MAX + len(list(fields(MAPPINGS[Index.PREDICTIONS])))


def test_everything_is_signed() -> None:
    for made in managed():
        signed = signature(made.kind, made.body)
        assert (signed["managed_by"], signed["version"]) == (MANAGED_BY, VERSION)
        assert len(signed["content_hash"]) == 16
    assert signature(Kind.COMPONENT, {"template": {}}) == {"version": None}


def test_names_are_unique_within_a_kind() -> None:
    keys = [(made.kind, made.name) for made in managed()]
    assert len(set(keys)) == len(keys)


def test_without_lifecycle_nothing_names_a_policy() -> None:
    assert by_name(Kind.POLICY, lifecycle=False) == {}
    with_it, without = by_name(Kind.COMPONENT), by_name(Kind.COMPONENT, lifecycle=False)
    named = {name for name, made in with_it.items() if "lifecycle" in str(made.body)}
    assert {name for name, made in without.items() if "lifecycle" in str(made.body)} == set()
    assert "mpm-predictions@settings" in named
    hashes = [
        signature(Kind.COMPONENT, each["mpm-predictions@settings"].body)["content_hash"] for each in (with_it, without)
    ]
    assert hashes[0] != hashes[1]


def test_raw_events_are_never_deleted_and_living_indices_never_merged() -> None:
    policies, components = by_name(Kind.POLICY), by_name(Kind.COMPONENT)

    def phases(index: Index) -> dict[str, Any]:
        settings = components[f"{root(index)}@settings"].body["template"]["settings"]["index"]
        name = settings.get("lifecycle", {}).get("name")
        found: dict[str, Any] = policies[name].body["policy"]["phases"] if name else {}
        return found

    for index in set(MAPPINGS) - {Index.RUNS}:
        assert "delete" not in phases(index)
    for index in (Index.ALERTS, Index.MODELS, Index.BASELINES, Index.STATE, Index.QUARANTINE, Index.CAPTURES):
        assert phases(index) == {}
    # A month takes events until it is 31 + 400 days old.
    assert int(phases(Index.PREDICTIONS)["warm"]["min_age"].removesuffix("d")) > 31 + 400
