"""Compare the notebook twin with the cluster on the whole demo: every number, status and sentence of every document.

    python -m benchmarks.twin [--days 100] [--html FILE]

Replays the demo into the Elasticsearch that MPM_ES_URL names, or into a node of its own, with the job run after each
day; then gives the same flights to `mpm_elk.compare` as two tables. Exits 1 where they differ by more than 1e-12
(relative for what is larger than 1), or by a word. `--html` writes what a notebook would show.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from elasticsearch import Elasticsearch
from pyarrow import parquet

import mpm_elk
from mpm_elk.cluster.search import scan
from mpm_elk.config import Config
from mpm_elk.contract.names import Index, all_months
from mpm_elk.demo import run as demo
from mpm_elk.demo.cluster import opened
from mpm_elk.demo.flights import SEGMENTS
from mpm_elk.demo.model import TRAINED_UNTIL
from mpm_elk.demo.show import Screen
from mpm_elk.demo.stopwatch import Stopwatch
from mpm_elk.demo.traffic import KEY, prediction_lines, write_training_file

ALIKE = 1e-12
_DAYS = 91
_NAMES = 5
_STORES = ("model", "run", "revision", "hash")
"""Parts of a document that say who wrote it, and when, and under what name."""

Document = Mapping[str, Any]
DocumentKey = tuple[str, str, str, str, str]


@dataclass
class Compared:
    """What came of a comparison: documents and numbers that were compared, the largest difference, and what differs."""

    documents: int = 0
    numbers: int = 0
    largest: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    unlike: list[str] = field(default_factory=list)


def key(mpm: Document) -> DocumentKey:
    """Name what a document is about, whatever the version is called."""
    window = mpm["window"]
    return mpm["subject"]["name"], mpm["segment_key"], window["start"], window["length"], mpm["reference"]["kind"]


def content(mpm: Document) -> dict[str, Any]:
    """Leave out what is the store's own, and the names of versions: a table has one, whatever it is called."""
    reference = {name: part for name, part in mpm["reference"].items() if name != "baseline"}
    if "versions" in reference:
        owners = ["baseline" if name == "baseline" else "traffic" for name in reference["versions"]]
        reference["versions"] = list(dict.fromkeys(owners))
    return {name: part for name, part in mpm.items() if name not in _STORES} | {"reference": reference}


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Name every leaf of a document by its path."""
    if isinstance(node, Mapping | list):
        parts = node.items() if isinstance(node, Mapping) else enumerate(node)
        for name, entry in parts:
            yield from leaves(entry, f"{path}.{name}")
    else:
        yield path, node


def compare(stored: Mapping[DocumentKey, Document], twins: Mapping[DocumentKey, Document]) -> Compared:
    """Compare all documents. A table ends with its last row; that there was nothing after it only the job can say."""
    found = Compared()
    newest = max(start for _, _, start, _, _ in twins)
    due = {name: mpm for name, mpm in stored.items() if name[2] <= newest or mpm["sample"]["window"]}
    found.unlike += [f"{name}: only the cluster has it" for name in due.keys() - twins.keys()]
    found.unlike += [f"{name}: only the notebook has it" for name in twins.keys() - due.keys()]
    for name in sorted(due.keys() & twins.keys()):
        _compare_one(name, due[name], twins[name], found)
    return found


def _compare_one(name: DocumentKey, stored: Document, twin: Document, found: Compared) -> None:
    theirs, ours = dict(leaves(content(stored))), dict(leaves(content(twin)))
    found.documents += 1
    found.statuses[stored["status"]] = found.statuses.get(stored["status"], 0) + 1
    for path in sorted(theirs.keys() | ours.keys()):
        if path not in theirs or path not in ours:
            found.unlike.append(f"{name}{path}: only {'the notebook' if path in ours else 'the cluster'} has it")
        elif isinstance(theirs[path], float):
            difference = abs(ours[path] - theirs[path]) / max(1.0, abs(theirs[path]))
            found.numbers += 1
            found.largest = max(found.largest, difference)
            if not difference <= ALIKE:
                found.unlike.append(f"{name}{path}: {theirs[path]!r} in the cluster, {ours[path]!r} in the notebook")
        elif ours[path] != theirs[path]:
            found.unlike.append(f"{name}{path}: {theirs[path]!r} in the cluster, {ours[path]!r} in the notebook")


def read(client: Elasticsearch) -> dict[DocumentKey, Document]:
    """Read the demo's metric documents."""
    query = {"query": {"bool": {"filter": KEY.filters()}}}
    hits = scan(client, all_months(Index.METRICS, KEY.name, KEY.environment), query, sort="@timestamp")
    parts = [hit["_source"]["mpm"] for hit in hits]
    return {key(mpm): mpm for mpm in parts}


def tables(history: pd.DataFrame, scored: pd.DataFrame) -> tuple[Any, dict[str, list[Any]]]:
    """Give the training data, and the flights as the service logged them, as tables of a notebook."""
    with tempfile.TemporaryDirectory() as folder:
        write_training_file(history, file := Path(folder) / "training.parquet")
        reference = parquet.read_table(file)
    events = [json.loads(line) for _, lines in prediction_lines(scored) for line in lines]
    names = list(dict.fromkeys(name for event in events for name in event["mpm"]["features"]))
    current = {name: [event["mpm"]["features"].get(name) for event in events] for name in names}
    for name in ("score", "label"):
        current[name] = [event["mpm"]["prediction"][name] for event in events]
    for name in SEGMENTS:
        current[f"segment.{name}"] = [event["mpm"]["segment"][name] for event in events]
    current["@timestamp"] = [event["@timestamp"] for event in events]
    current["took"] = [event["event"]["duration"] for event in events]
    return reference, current


def twin(config: Config, history: pd.DataFrame, scored: pd.DataFrame) -> mpm_elk.Comparison:
    """Judge the demo's flights without Elasticsearch, by the demo's rules."""
    reference, current = tables(history, scored)
    return mpm_elk.compare(
        reference,
        current,
        rules=config.rules,
        time="@timestamp",
        exclude=["late"],
        duration="took",
        segments={name: f"segment.{name}" for name in SEGMENTS},
    )


def main(given: Sequence[str] | None = None) -> int:
    """Replay, judge, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=_DAYS, help="days to replay; the demo has 91, or 275 in full")
    parser.add_argument("--html", type=Path, help="write what a notebook would show")
    arguments = parser.parse_args(given)
    screen, clock, config = Screen(), Stopwatch(), demo.load_config()
    with opened(screen, clock, keep=False) as (_, clients):
        with screen.replaying(arguments.days):
            outcome = demo.run(clients, config, TRAINED_UNTIL + timedelta(days=arguments.days), screen, clock)
        clients.admin.indices.refresh(index=Index.METRICS.pattern)
        stored = read(clients.reader)
    began = time.perf_counter()
    result = twin(config, outcome.history, outcome.scored)
    took = time.perf_counter() - began
    found = compare(stored, {key(document["mpm"]): document["mpm"] for document in result.documents})
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(found.statuses.items()))
    print(f"{outcome.events:,} events, {found.documents:,} documents ({statuses}), {found.numbers:,} numbers compared")
    print(
        f"largest difference {found.largest:.1e}; {len(found.unlike):,} things differ; the notebook took {took:.0f} s"
    )
    for line in found.unlike[:_NAMES]:
        print(f"  {line}")
    if arguments.html:
        arguments.html.write_text(result._repr_html_(), encoding="utf-8")
    return 1 if found.unlike else 0


if __name__ == "__main__":
    sys.exit(main())
