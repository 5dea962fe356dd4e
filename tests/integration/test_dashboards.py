"""What every panel would ask, asked of a real Elasticsearch of what a run has written, with the rights of a reader."""

import io
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.alerts.act import act
from mpm_elk.alerts.people import Action, Deed, Verdict
from mpm_elk.cluster.changes import refresh
from mpm_elk.config import Config
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.ship import Source, ship
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms
from mpm_elk.views.alerts import Wanted, listed
from mpm_elk.views.dashboards import vega
from mpm_elk.views.dashboards.fields import DATES, NUMBERS, STRINGS
from mpm_elk.views.dashboards.lens import RECORDS, layers
from mpm_elk.views.dashboards.preview import render
from mpm_elk.views.dashboards.preview.draw import Answered, ask, draw
from mpm_elk.views.dashboards.preview.page import THEMES, inner_size
from mpm_elk.views.dashboards.requests import Scope, buckets
from mpm_elk.views.dashboards.saved import Bundle, Dashboard, Panel
from tests.integration.command import Command
from tests.integration.sent import START, Endpoint, request
from tests.integration.traffic import SETTLED, Monitored, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]
Told = dict[str, list[Answered]]

BUNDLE = Bundle.shipped()
DASHBOARDS = {dashboard.id: dashboard for dashboard in BUNDLE.dashboards}
PANELS = [
    pytest.param(dashboard.id, panel.id, id=panel.name)
    for dashboard in BUNDLE.dashboards
    for panel in dashboard.panels
    if panel.kind in ("lens", "vega", "search")
]
DAYS = 37
JUMP = {
    "id": "jump", "metric": "drift.psi", "on": {"subject": "features.income"}, "against": "previous", "warning": 0.8,
    "evidence": "none", "owner": "credit-ml",
}  # fmt: skip
# Without the hourly rule: it costs most of the time, and adds no panel.
RULES = [*(rule.model_dump(by_alias=True) for rule in DEFAULT_RULES if rule.id != "failures"), JUMP]
MAX_BUCKETS = 10_000
MAX_TOOK_MS = 10_000
"""Far more than it takes: benchmarks measure it, this finds a request that reads what it need not."""
BAD = ('{"mpm": {"model": ', '{"@timestamp": "2026-11-24T00:00:00Z", "mpm": {"model": {"name": "m", "version": "1"}}}')

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def model(client_for: ClientFor) -> Monitored:
    """37 days of traffic in two versions; two days before the end `income` moves for a day. Captures, and bad lines."""
    # Nobody listens there: what is new enough to be told fails, the rest is suppressed.
    told = {"channels": [{"id": "on-call", "url": "json://127.0.0.1:9"}], "default": "on-call", "max_age": "1h"}
    models = [{"name": "job-*", "segments": ["region"]}]
    config = Config.model_validate({"rules": RULES, "models": models, "notifications": told})
    model = Monitored(client_for, config)
    before, moved, after = range(DAYS - 3), [DAYS - 3], range(DAYS - 2, DAYS)
    model.send([*days_of(model.name, before), *days_of(model.name, moved, shift=2, version="2")])
    model.send(days_of(model.name, after, version="2"))
    model.ran(midnight(DAYS) + SETTLED)
    endpoint = Endpoint(client_for)
    endpoint.send([endpoint.half("c", "request", request([41, 2, 310.5]), START)])
    endpoint.convert(endpoint.mapping(), START + DAY_MS)
    lines = io.BytesIO("".join(f"{line}\n" for line in BAD).encode())
    assert ship(client_for("shipper"), [Source("bad", lines)], limits=Limits(), resume=False).quarantined == len(BAD)
    dealt_with(model, client_for("responder"))
    refresh(client_for("admin"), [index.pattern for index in Index] + [Index.ALERTS.value])
    return model


def dealt_with(model: Monitored, client: Elasticsearch) -> None:
    """Acknowledge every alert eight hours after the last window, and close those that have recovered."""
    refresh(model.admin, [Index.ALERTS])
    found = listed(client, Wanted(models=(model.name,), status=None))
    assert found
    at = midnight(DAYS) + 8 * HOUR_MS
    act(client, [alert.uuid for alert in found], Action(Deed.ACKNOWLEDGED, "ada", at))
    ended = [alert.uuid for alert in found if alert.about["status"] == "recovered"]
    act(client, ended, Action(Deed.CLOSED, "ada", at + HOUR_MS, verdict=Verdict.REAL))


@pytest.fixture(scope="module")
def told(model: Monitored, client_for: ClientFor) -> dict[str, Told]:
    """The searches of every dashboard and their answers: of this model, where the dashboard can choose one."""
    return {name: ask(client_for("reader"), each, BUNDLE, scope(each, model)) for name, each in DASHBOARDS.items()}


def scope(dashboard: Dashboard, model: Monitored) -> Scope:
    """The time of the traffic and of the runs, and the model where the dashboard has a control for it."""
    chosen = [{"term": {"mpm.model.name": model.name}}] if "model" in dashboard.controls else []
    end = max(midnight(DAYS + 1), int(time.time() * 1000) + DAY_MS)
    return Scope(midnight(0), midnight(DAYS + 1) if chosen else end, chosen)


def shown(dashboard: str, name: str) -> Panel:
    """Give a panel."""
    return next(panel for panel in DASHBOARDS[dashboard].panels if panel.id == name)


def counts_bad_things(panel: Panel) -> bool:
    """Tell whether a panel is one number that is 0 where all is well."""
    return panel.kind == "lens" and panel.config["attributes"]["visualizationType"] == "lnsMetric"


@pytest.mark.parametrize(("dashboard", "name"), PANELS)
def test_a_panel_gets_a_complete_answer_with_something_in_it(told: dict[str, Told], dashboard: str, name: str) -> None:
    panel = shown(dashboard, name)
    for made, answer in told[dashboard][name]:
        assert answer["_shards"]["failed"] == 0
        assert not answer["timed_out"]
        found = buckets(answer.get("aggregations", {}))
        assert found <= MAX_BUCKETS, made.body
        if not counts_bad_things(panel):
            assert found or answer["hits"]["hits"], made.body


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_a_dashboard_costs_little(told: dict[str, Told], dashboard: str) -> None:
    took = {name: sum(answer["took"] for _, answer in answers) for name, answers in told[dashboard].items()}
    assert sum(took.values()) <= MAX_TOOK_MS, took


@pytest.mark.usefixtures("model")
def test_the_fields_that_panels_group_and_compute_by_are_there_with_their_types(client_for: ClientFor) -> None:
    wanted: dict[str, set[str]] = {}
    for dashboard in DASHBOARDS.values():
        for panel in dashboard.panels:
            for pattern, field in named(panel):
                wanted.setdefault(pattern, set()).add(field)
    for pattern, fields in wanted.items():
        found = client_for("reader").field_caps(index=pattern, fields=sorted(fields))["fields"]
        missing = [field for field in sorted(fields) if not set(found.get(field, {})) & (NUMBERS | STRINGS | DATES)]
        assert missing == [], pattern


def named(panel: Panel) -> Iterator[tuple[str, str]]:
    """List the fields that a panel groups and computes by, each with its indices."""
    if panel.kind == "lens":
        for layer in layers(panel):
            pattern = str(BUNDLE.data_views[layer.view]["attributes"]["title"])
            yield from (
                (pattern, column["sourceField"])
                for column in layer.columns.values()
                if column.get("sourceField", RECORDS) != RECORDS
            )
    elif panel.kind == "vega":
        asked = vega.url(vega.specification(panel))
        yield from ((asked["index"], field) for field, use in vega.request_fields(asked["body"]) if use == "aggregate")


def marks(told: dict[str, Told], dashboard: str, name: str) -> dict[str, int]:
    """Draw a Vega panel from its answer, and count what was drawn by kind of mark."""
    panel = shown(dashboard, name)
    [(_, answer)] = told[dashboard][name]
    spec = render.sized(vega.with_answer(vega.specification(panel), answer), *inner_size(panel))
    drawn = ET.fromstring(render.svg(spec, THEMES["light"]))  # noqa: S314 — our own drawing
    found: dict[str, int] = {}
    for group in drawn.iter(f"{_SVG}g"):
        kind = (group.get("class") or "").split()
        if "role-mark" in kind:
            found[kind[0]] = found.get(kind[0], 0) + len(group)
    return found


def hits(told: dict[str, Told], dashboard: str, name: str) -> int:
    """Count the documents that a panel got."""
    [(_, answer)] = told[dashboard][name]
    return len(answer["hits"]["hits"])


def test_the_days_that_were_judged_are_drawn_each(told: dict[str, Told]) -> None:
    [(_, answer)] = told["mpm-elk-drift"]["judged"]
    subjects = answer["aggregations"]["subject"]["buckets"]
    assert subjects[0]["key"] == "features.income"
    assert marks(told, "mpm-elk-drift", "judged") == {"mark-rect": sum(len(s["days"]["buckets"]) for s in subjects)}


def test_limits_are_drawn_for_every_feature(told: dict[str, Told]) -> None:
    subjects = hits(told, "mpm-elk-drift", "effect")
    assert subjects >= 7
    assert marks(told, "mpm-elk-drift", "effect") == {"mark-rule": subjects, "mark-symbol": subjects}
    found = marks(told, "mpm-elk-quality", "increase")
    assert found["mark-rule"] == found["mark-symbol"] == hits(told, "mpm-elk-quality", "increase")


def test_before_and_after_are_drawn_over_one_another(told: dict[str, Told]) -> None:
    [(_, answer)] = told["mpm-elk-drift"]["overlaid"]
    cells = [len(hit["_source"]["mpm"]["distributions"]["cells"]) for hit in answer["hits"]["hits"]]
    assert marks(told, "mpm-elk-drift", "overlaid") == {"mark-rect": sum(cells), "mark-line": len(cells)}
    found = marks(told, "mpm-elk-drift", "limits-over-time")
    assert found["mark-area"] == found["mark-line"] == 4


def test_scores_are_drawn_by_window_and_by_version(told: dict[str, Told]) -> None:
    found = marks(told, "mpm-elk-model", "score-over-time")
    assert found["mark-rect"] >= DAYS * 20
    assert marks(told, "mpm-elk-model", "versions-compared") == {"mark-line": 2}


def test_the_pair_that_moved_is_drawn_with_its_limits(told: dict[str, Told]) -> None:
    windows = hits(told, "mpm-elk-drift", "correlation")
    assert windows >= DAYS // 2
    assert marks(told, "mpm-elk-drift", "correlation") == {"mark-rule": windows, "mark-symbol": windows}
    [(_, answer)] = told["mpm-elk-drift"]["pairs"]
    pairs = [bucket["key"] for bucket in answer["aggregations"]["j-pair"]["buckets"]]
    assert pairs
    assert all(" and " in pair for pair in pairs)


def test_decisions_and_deeds_are_told_apart(told: dict[str, Told]) -> None:
    [(_, answer)] = told["mpm-elk-alerts"]["channels"]
    [channel] = answer["aggregations"]["n-channel"]["buckets"]
    assert channel["key"] == "on-call"
    assert channel["n-suppressed"]["doc_count"] > 0
    changes = keys(told, "mpm-elk-alerts", "transitions")
    assert {"opened", "acknowledged"} <= changes
    assert not changes & {"suppressed", "queued", "sent", "failed"}
    assert keys(told, "mpm-elk-alerts", "notifications") <= {"suppressed", "failed"}


def keys(told: dict[str, Told], dashboard: str, name: str) -> set[str]:
    """List the outermost groups of a panel."""
    [(_, answer)] = told[dashboard][name]
    [groups] = answer["aggregations"].values()
    return {bucket["key"] for bucket in groups["buckets"]}


def test_the_time_to_acknowledge_is_shown(told: dict[str, Told]) -> None:
    """All were acknowledged eight hours after the last day: one that began on it after eight hours, others later."""
    [(_, answer)] = told["mpm-elk-alerts"]["acknowledged-after"]
    [median] = answer["aggregations"].values()
    assert median["values"]["50.0"] >= 8 * HOUR_MS * 1_000_000


def test_predictions_are_counted_once(told: dict[str, Told]) -> None:
    """By hours of the last days and by days before: never both."""
    for dashboard in ("mpm-elk-overview", "mpm-elk-model"):
        [(_, answer)] = told[dashboard]["predictions"]
        [total] = answer["aggregations"].values()
        assert total["value"] == DAYS * 240


def test_every_alert_is_a_bar_of_the_timeline(told: dict[str, Told]) -> None:
    alerts = hits(told, "mpm-elk-alerts", "timeline")
    assert alerts
    assert marks(told, "mpm-elk-alerts", "timeline") == {"mark-rect": alerts}


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_a_dashboard_is_drawn_whole(model: Monitored, client_for: ClientFor, dashboard: str) -> None:
    whole = DASHBOARDS[dashboard]
    page = draw(client_for("reader"), whole, BUNDLE, scope(whole, model), [THEMES["light"]])
    for panel in whole.panels:
        assert f'id="{panel.id}"' in page
    assert "No results found" not in page
    assert "without Kibana" in page


def test_preview_writes_the_pages_that_are_asked_for(
    model: Monitored, settings_for: Callable[[str], ElasticsearchSettings], tmp_path: Path
) -> None:
    reader = Command(settings_for("reader"), tmp_path)
    span = ("--from", f"{from_ms(midnight(0)):%Y-%m-%d}", "--to", f"{from_ms(midnight(DAYS)):%Y-%m-%d}")
    done = reader.run("dashboards", "preview", "overview", "alerts", "--model", model.name, *span, "--theme", "dark")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["dashboards/mpm-elk-overview.html", "dashboards/mpm-elk-alerts.html"]
    page = (tmp_path / "dashboards" / "mpm-elk-alerts.html").read_text(encoding="utf-8")
    assert "income" in page
    done = reader.run("dashboards", "preview", "overview", "--from", "2026-11-24", "--to", "2026-11-23")
    assert done.returncode == 2
    assert "is empty" in done.stderr
