"""How much kinder final data is than data as it came: what changed in windows after they were first judged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.metrics.finding import figure
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import iso


@dataclass(frozen=True)
class Lateness:
    """Of `judged` windows (each of one subject), `changed` ones say something else now than when first judged.

    `raised` of them alarm only now, `calmed` ones only did at first. `largest` is the largest change of a rule's
    number, with the rule's metric and the subject.
    """

    judged: int
    changed: int = 0
    raised: int = 0
    calmed: int = 0
    largest: float = 0.0
    metric: str = ""
    subject: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        if not self.judged:
            return "how much of the data came late is not known: no window of this time was judged by a run"
        if not self.changed:
            return (
                f"none of the {self.judged:,} window values that runs judged changed afterwards: final data is as kind "
                "as data as it came"
            )
        most = (
            f", the largest change is {figure(self.largest)} ({self.metric} of {self.subject})" if self.metric else ""
        )
        return (
            f"events that came late changed {self.changed:,} of {self.judged:,} window values "
            f"({self.changed / self.judged:.1%}) after they were first judged{most}: {self.raised} alarm only since, "
            f"{self.calmed} no longer, and a backtest sees none of that"
        )


def lateness(client: Elasticsearch, model: ModelKey, start: int, end: int) -> Lateness:
    """Measure it from the metric documents of windows that begin in [start, end) (ms)."""
    pattern = all_months(Index.METRICS, model.name, model.environment)
    filters = [*model.filters(), {"range": {"mpm.window.start": {"gte": iso(start), "lt": iso(end)}}}]
    [answer] = search_all(
        client, [Search(pattern, {"size": 0, "track_total_hits": True, "query": {"bool": {"filter": filters}}})]
    )
    judged = int(answer["hits"]["total"]["value"])
    again = [{"range": {"mpm.revision.number": {"gte": 2}}}, {"term": {"mpm.revision.cause": "events changed"}}]
    body = {
        "query": {"bool": {"filter": [*filters, *again]}},
        "_source": ["mpm.revision", "mpm.status", "mpm.evaluations", "mpm.subject.name"],
    }
    return measured(judged, (hit["_source"]["mpm"] for hit in scan(client, pattern, body, sort="mpm.window.start")))


def measured(judged: int, revised: Iterable[Mapping[str, Any]]) -> Lateness:
    """Add up what revised documents (what is under `mpm`) say of themselves."""
    changed = raised = calmed = 0
    largest, metric, subject = 0.0, "", ""
    for mpm in revised:
        first = mpm["revision"].get("first_value")
        if first is None:
            continue
        changed += 1
        before, now = (Severity(status).alarming for status in (first["status"], mpm["status"]))
        raised, calmed = raised + (now and not before), calmed + (before and not now)
        values = {entry["rule"]: entry.get("value") for entry in first["evaluations"]}
        for entry in mpm["evaluations"]:
            old, new = values.get(entry["rule"]), entry.get("value")
            if old is not None and new is not None and abs(new - old) > largest:
                largest, metric, subject = abs(new - old), entry["metric"], mpm["subject"]["name"]
    return Lateness(judged, changed, raised, calmed, largest, metric, subject)
