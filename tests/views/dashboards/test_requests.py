"""From panels to searches."""

from typing import Any

import pytest

from mpm_elk.contract.names import Index
from mpm_elk.errors import InputError
from mpm_elk.timespan import DAY_MS, HOUR_MS
from mpm_elk.views.dashboards.requests import Scope, buckets, interval, number, requests, selected
from mpm_elk.views.dashboards.saved import Bundle, Panel, index_of

BUNDLE = Bundle.shipped()
SCOPE = Scope(0, 30 * DAY_MS, [{"terms": {"mpm.model.name": ["m"]}}])
TIME = {"gte": "1970-01-01T00:00:00.000Z", "lte": "1970-01-31T00:00:00.000Z", "format": "strict_date_optional_time"}


def panel(dashboard: str, name: str) -> Panel:
    """Give a shipped panel."""
    found = next(each for each in BUNDLE.dashboards if each.id == f"mpm-elk-{dashboard}")
    return next(each for each in found.panels if each.id == name)


def body(dashboard: str, name: str) -> tuple[str, dict[str, Any]]:
    """Give the index and body of the one search of a shipped panel."""
    [made] = requests(panel(dashboard, name), BUNDLE, SCOPE)
    return made.index, made.body


def test_a_heat_map_groups_by_feature_and_then_by_day() -> None:
    index, made = body("drift", "heat")
    assert index == "mpm-metrics-v1-*"
    assert made["query"]["bool"]["filter"][:2] == [{"range": {"@timestamp": TIME}}, *SCOPE.filters]
    [groups] = made["aggs"].values()
    assert groups["terms"] == {"field": "mpm.subject.name", "size": 25, "order": {"order": "desc"}}
    assert groups["aggs"]["order"] == {"max": {"field": "mpm.drift.psi_adjusted_lower"}}
    [days] = [each for name, each in groups["aggs"].items() if name != "order"]
    assert days["date_histogram"] == {"field": "@timestamp", "fixed_interval": f"{DAY_MS}ms", "min_doc_count": 1}
    assert list(days["aggs"].values()) == [{"max": {"field": "mpm.drift.psi_adjusted_lower"}}]


def test_a_table_orders_by_a_number_with_a_condition() -> None:
    _, made = body("overview", "model-table")
    models = made["aggs"]["t-model"]
    assert models["terms"]["order"] == {"order>value": "desc"}
    assert models["aggs"]["order"] == {
        "filter": {"match": {"mpm.status": "critical"}},
        "aggs": {"value": {"cardinality": {"field": "mpm.subject.name"}}},
    }
    assert models["aggs"]["t-environment"]["aggs"]["t-newest"] == {"max": {"field": "mpm.window.end"}}


def test_a_vega_panel_is_asked_within_the_dashboards_time_and_filters() -> None:
    index, made = body("alerts", "timeline")
    assert index == "mpm-alerts-v1*"
    assert made["query"]["bool"] == {
        "must": [],
        "must_not": [],
        "filter": [*SCOPE.filters, {"range": {"@timestamp": TIME}}],
    }


def test_a_saved_search_is_asked_for_its_columns() -> None:
    index, made = body("drift", "findings")
    assert index == "mpm-metrics-v1-*"
    assert made["sort"] == [{"@timestamp": "desc"}]
    assert made["_source"][-1] == "mpm.finding"
    assert "bool" in made["query"]["bool"]["filter"][-1]


def test_text_and_links_ask_for_nothing() -> None:
    assert requests(panel("drift", "help"), BUNDLE, SCOPE) == []
    assert requests(panel("drift", "links"), BUNDLE, SCOPE) == []


RESULTS = {Index.METRICS, Index.PROFILES, Index.ALERTS, Index.ALERT_EVENTS, Index.RUNS}
"""What the job writes: the rest is events as they came."""


def test_no_panel_reads_raw_events_but_those_that_were_not_accepted() -> None:
    raw = {
        (made.panel.id, index_of(made.index))
        for dashboard in BUNDLE.dashboards
        for each in dashboard.panels
        for made in requests(each, BUNDLE, SCOPE)
        if index_of(made.index) not in RESULTS
    }
    assert raw == {
        ("quarantined", Index.QUARANTINE),
        ("quarantine", Index.QUARANTINE),
        ("quarantine-over-time", Index.QUARANTINE),
        ("unpaired", Index.CAPTURES),
        ("captures-by-state", Index.CAPTURES),
    }
    for name in ("unpaired", "captures-by-state"):
        _, made = body("pipeline", name)
        # Those that became predictions are as many as the calls, and are not looked at.
        assert "mpm.capture.conversion.state" in str(made["query"])


def test_every_year_of_a_panel_has_few_buckets() -> None:
    """As many as groups and times can be at most, where each group has its own."""
    year = Scope(0, 365 * DAY_MS)
    for dashboard in BUNDLE.dashboards:
        for each in dashboard.panels:
            for made in requests(each, BUNDLE, year):
                assert most(made.body.get("aggs", {}), year) <= 10_000, each.name


def most(aggregations: dict[str, Any], scope: Scope) -> int:
    """Count the buckets that aggregations can have at most."""
    found = 0
    for each in aggregations.values():
        number = each.get("terms", {}).get("size", 0)
        if "date_histogram" in each:
            step = each["date_histogram"]["fixed_interval"]
            number = (scope.end - scope.start) // (int(step[:-2]) if step.endswith("ms") else DAY_MS) + 1
        found += number * (1 + most(each.get("aggs", {}), scope)) if number else 0
    return found


def test_controls_that_are_set_are_conditions() -> None:
    model = next(each for each in BUNDLE.dashboards if each.id == "mpm-elk-model")
    assert selected(model.controls) == [{"terms": {"mpm.segment_key": ["all"]}}]


@pytest.mark.parametrize(
    ("wanted", "span", "step"),
    [
        ("auto", HOUR_MS, 60_000),
        ("auto", 30 * DAY_MS, 12 * HOUR_MS),
        ("auto", 90 * DAY_MS, DAY_MS),
        ("auto", 365 * DAY_MS, 7 * DAY_MS),
        ("1d", HOUR_MS, DAY_MS),
        ("1d", 365 * DAY_MS, DAY_MS),
        ("1d", 1100 * DAY_MS, 7 * DAY_MS),
    ],
)
def test_time_buckets_are_as_many_as_in_kibana(wanted: str, span: int, step: int) -> None:
    assert interval(wanted, span) == step


def test_an_operation_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="numbers by moving_average are not known here"):
        number({"operationType": "moving_average", "sourceField": "a"})


def test_buckets_are_counted_at_every_depth() -> None:
    assert buckets({"a": {"buckets": [{"b": {"buckets": [{}, {}]}}, {"b": {"buckets": []}}]}, "c": {"value": 1}}) == 4
