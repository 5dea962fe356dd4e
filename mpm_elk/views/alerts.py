"""Alerts as they are stored: which, what happened to each, and how often they were false."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import Elasticsearch

from mpm_elk.alerts.people import Verdict, is_muted
from mpm_elk.cluster.compare_and_set import get_many
from mpm_elk.cluster.search import Search, scan, search_all
from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.names import Index, all_months
from mpm_elk.metrics.rates import poisson_limits
from mpm_elk.timespan import DAY_MS, iso, parse_instant, to_ms

_MONTH_DAYS = 30
_NO_VERDICT = "open"


@dataclass(frozen=True)
class Wanted:
    """Which alerts: names are patterns with `*`; `since` (ms) is when an alert was last detected."""

    models: Sequence[str] = ()
    rules: Sequence[str] = ()
    environment: str | None = None
    status: str | None = "active"
    workflow: str | None = None
    severity: str | None = None
    owner: str | None = None
    since: int | None = None

    def query(self) -> dict[str, Any]:
        """Write it as a query."""
        exact = {
            "service.environment": self.environment,
            "mpm.alert.status": self.status,
            "mpm.alert.workflow_status": self.workflow,
            "mpm.alert.max_severity": self.severity,
            "mpm.owner": self.owner,
        }
        filters: list[dict[str, Any]] = [{"term": {name: value}} for name, value in exact.items() if value is not None]
        for name, patterns in (("mpm.model.name", self.models), ("rule.id", self.rules)):
            if patterns:
                some = [{"wildcard": {name: pattern}} for pattern in patterns]
                filters.append({"bool": {"should": some, "minimum_should_match": 1}})
        if self.since is not None:
            filters.append({"range": {"mpm.alert.last_detected": {"gte": iso(self.since)}}})
        return {"bool": {"filter": filters}}


@dataclass(frozen=True)
class Alert:
    """One alert's document, and what is asked of it most."""

    source: Mapping[str, Any]

    @property
    def about(self) -> Mapping[str, Any]:
        """The part that says what it is and how it stands."""
        found: Mapping[str, Any] = self.source["mpm"]["alert"]
        return found

    @property
    def uuid(self) -> str:
        """Its id."""
        return str(self.about["uuid"])

    @property
    def model(self) -> ModelKey:
        """The model that it is about."""
        return ModelKey(self.source["service"]["environment"], self.source["mpm"]["model"]["name"])

    @property
    def rule(self) -> str:
        """The rule that raised it."""
        return str(self.source["rule"]["id"])

    @property
    def subject(self) -> str:
        """What it is about, with its segment: `income`, `score (region=EU)`."""
        mpm = self.source["mpm"]
        name = str(mpm["subject"]["name"]).removeprefix("features.").removeprefix("prediction.")
        segment = ", ".join(f"{key}={value}" for key, value in mpm["segment"].items())
        return f"{name} ({segment})" if segment else name

    def state(self, now: int) -> str:
        """Say how it stands: whether the condition holds, and what people did."""
        about = self.about
        parts = [str(about["status"])]
        for name, words in (("recovering_since", "recovering since"), ("no_data_since", "no data since")):
            if name in about:
                parts.append(f"{words} {about[name][:16].replace('T', ' ')}")
        if about["flapping"]:
            parts.append("flapping")
        if about["workflow_status"] != "open":
            parts.append(about["workflow_status"] + (f": {about['verdict']}" if "verdict" in about else ""))
        if is_muted(about, now):
            parts.append(f"muted until {about['muted_until'][:16].replace('T', ' ')}")
        return ", ".join(parts)


def listed(client: Elasticsearch, wanted: Wanted) -> list[Alert]:
    """Give the alerts, newest first."""
    hits = scan(client, Index.ALERTS, {"query": wanted.query()}, sort="mpm.alert.start")
    found = [Alert(hit["_source"]) for hit in hits]
    return sorted(found, key=lambda alert: (alert.about["start"], alert.uuid), reverse=True)


def history(client: Elasticsearch, alert: Alert) -> list[dict[str, Any]]:
    """Give what happened to an alert, in order: transitions by the job, and what people did."""
    pattern = all_months(Index.ALERT_EVENTS, alert.model.name, alert.model.environment)
    body = {"query": {"bool": {"filter": [{"term": {"mpm.alert.uuid": alert.uuid}}]}}}
    events = [hit["_source"] for hit in scan(client, pattern, body, sort="@timestamp")]
    return sorted(events, key=lambda event: (event["event"]["created"], event["@timestamp"]))


def one(client: Elasticsearch, uuid: str) -> Alert:
    """Read an alert by its whole id."""
    return Alert(get_many(client, [(Index.ALERTS, uuid)])[uuid].source)


@dataclass(frozen=True)
class Account:
    """A model's alerts by verdict, over the days that were judged."""

    model: ModelKey
    days: float
    verdicts: Mapping[str, int]
    allowed: float
    by_rule: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def alerts(self) -> int:
        """All of them."""
        return sum(self.verdicts.values())

    @property
    def false(self) -> int:
        """Those that people called false."""
        return self.verdicts.get(Verdict.FALSE, 0)

    @property
    def undecided(self) -> int:
        """Those that nobody has given a verdict."""
        return self.verdicts.get(_NO_VERDICT, 0)

    @property
    def months(self) -> float:
        """The months of 30 days that were judged."""
        return self.days / _MONTH_DAYS

    def a_month(self, number: int) -> tuple[float, float, float]:
        """Give how many a month so many alerts are, with the exact 95 % limits of Poisson's law."""
        if not self.months:
            return math.nan, math.nan, math.nan
        return (number / self.months, *poisson_limits(number, self.months))

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON."""
        rate, low, high = (round(value, 4) for value in self.a_month(self.false))
        return {
            "model": self.model.name,
            "environment": self.model.environment,
            "days": round(self.days, 2),
            "alerts": self.alerts,
            "verdicts": dict(self.verdicts),
            "false_a_month": {"value": rate, "lower": low, "upper": high},
            "allowed_a_month": self.allowed,
            "rules": {rule: dict(counts) for rule, counts in self.by_rule.items()},
        }


def ledger(client: Elasticsearch, wanted: Wanted, since: int, allowed: float) -> list[Account]:
    """Account for the alerts that began since `since` (ms), model by model, beside the false alarms that are allowed.

    Models without any alert are in it too: days without one are what keeps the rate low.
    """
    verdicts: dict[ModelKey, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for alert in listed(client, wanted):
        if to_ms(parse_instant(alert.about["start"])) >= since:
            verdict = str(alert.about.get("verdict", _NO_VERDICT))
            verdicts[alert.model][alert.rule][verdict] += 1
    accounts = []
    for model, days in sorted(_judged(client, wanted, since).items()):
        rules = {rule: dict(counts) for rule, counts in sorted(verdicts[model].items())}
        total = sum((Counter(counts) for counts in rules.values()), Counter[str]())
        accounts.append(Account(model, days, dict(total), allowed, rules))
    return accounts


def _judged(client: Elasticsearch, wanted: Wanted, since: int) -> dict[ModelKey, float]:
    """Give the days of each model that were judged since `since`: from its first window to the end of its last."""
    filters: list[dict[str, Any]] = [{"range": {"mpm.window.start": {"gte": iso(since)}}}]
    if wanted.environment is not None:
        filters.append({"term": {"service.environment": wanted.environment}})
    if wanted.models:
        some = [{"wildcard": {"mpm.model.name": pattern}} for pattern in wanted.models]
        filters.append({"bool": {"should": some, "minimum_should_match": 1}})
    sources = [
        {"environment": {"terms": {"field": "service.environment"}}},
        {"model": {"terms": {"field": "mpm.model.name"}}},
    ]
    spans = {"first": {"min": {"field": "mpm.window.start"}}, "last": {"max": {"field": "mpm.window.end"}}}
    found: dict[ModelKey, float] = {}
    after: dict[str, Any] | None = None
    while True:
        composite: dict[str, Any] = {"size": 1000, "sources": sources} | ({"after": after} if after else {})
        body = {
            "size": 0,
            "query": {"bool": {"filter": filters}},
            "aggs": {"models": {"composite": composite, "aggs": spans}},
        }
        [answer] = search_all(client, [Search(Index.METRICS.pattern, body)])
        models = answer.get("aggregations", {}).get("models", {"buckets": []})
        for bucket in models["buckets"]:
            key = ModelKey(bucket["key"]["environment"], bucket["key"]["model"])
            found[key] = (bucket["last"]["value"] - bucket["first"]["value"]) / DAY_MS
        after = models.get("after_key")
        if after is None:
            return found
