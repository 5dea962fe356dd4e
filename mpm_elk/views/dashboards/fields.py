"""Which fields each kind of document has, and of which type: what a dashboard may name. Pure."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.mappings import MAPPINGS
from mpm_elk.contract.names import Index
from mpm_elk.job.report import ModelReport, RunReport
from mpm_elk.metrics.catalogue import REGISTRY

NUMBERS = frozenset({"double", "long", "integer", "short"})
STRINGS = frozenset({"keyword", "boolean"})
DATES = frozenset({"date"})
SHOWN = "shown"
"""The type of what is stored, and can be neither searched nor aggregated."""

_TESTED = ("drift", "traffic")
"""The families that carry the p adjusted over tests, subjects and looks."""


@cache
def catalogue(index: Index) -> Mapping[str, str]:
    """Give the fields of a kind of index and their types, in order of their names."""
    found = dict(_flat(MAPPINGS[index]["properties"]))
    if index is Index.METRICS:
        found |= {f"mpm.{name}": "double" for name in _metric_names()}
        found |= {f"mpm.{family}.p_adjusted": "double" for family in _TESTED}
        found["mpm.drift.culprit"] = "keyword"
    if index is Index.RUNS:
        empty = RunReport("", 0, 0, dry_run=False)
        found |= {f"mpm.run.counts.{name}": "long" for name in (*ModelReport(ModelKey("", "")).counts, *empty.costs)}
    return dict(sorted(found.items()))


def _metric_names() -> Iterator[str]:
    for metric in REGISTRY.values():
        yield metric.name
        yield from (f"{metric.name}_{ending}" for ending in metric.beside)


def _flat(properties: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, mapping in properties.items():
        here = f"{path}{name}"
        if "properties" in mapping:
            yield from _flat(mapping["properties"], f"{here}.")
        elif mapping.get("type") == "object":
            if mapping.get("enabled") is False:
                yield here, SHOWN
        else:
            searchable = mapping.get("index", True) or mapping.get("doc_values", True)
            yield here, mapping["type"] if searchable else SHOWN
