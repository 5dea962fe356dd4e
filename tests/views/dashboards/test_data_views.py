"""What is shown has a name and a unit: no panel, table or filter shows a raw name of a field."""

from collections.abc import Iterator

from mpm_elk.views.dashboards.data_views import DATA_VIEWS, SEARCHES
from mpm_elk.views.dashboards.fields import DATES, NUMBERS, catalogue
from mpm_elk.views.dashboards.lens import RECORDS, layers
from mpm_elk.views.dashboards.preview.formats import KEEPS
from mpm_elk.views.dashboards.saved import Bundle

BUNDLE = Bundle.shipped()
VIEWS = {view.id: view for view in DATA_VIEWS}
FIELDS = {view.id: catalogue(view.index) for view in DATA_VIEWS}


def shown() -> Iterator[tuple[str, str, bool]]:
    """List data view, field, and whether its numbers are shown in the field's own unit, of every Lens column."""
    for dashboard in BUNDLE.dashboards:
        for panel in dashboard.panels:
            for layer in layers(panel) if panel.kind == "lens" else ():
                for column in layer.columns.values():
                    field = column.get("sourceField", RECORDS)
                    if field != RECORDS:
                        own = "format" in column.get("params", {}) or column["operationType"] not in KEEPS
                        yield layer.view, field, not own


def test_every_field_that_is_shown_has_a_label() -> None:
    used = {(view, field) for view, field, _ in shown()}
    used |= {(search.view, field) for search in SEARCHES for field in (search.sort, *search.columns)}
    for dashboard in BUNDLE.dashboards:
        controls = [control["explicitInput"] for control in dashboard.controls.values()]
        used |= {(about["dataViewId"], about["fieldName"]) for about in controls}
    assert sorted((view, field) for view, field in used if field not in VIEWS[view].labels) == []


def test_every_number_that_is_shown_as_it_is_has_a_format() -> None:
    used = {(view, field) for view, field, as_it_is in shown() if as_it_is}
    used |= {(search.view, field) for search in SEARCHES for field in search.columns}
    numbers = {(view, field) for view, field in used if FIELDS[view].get(field) in NUMBERS}
    assert sorted((view, field) for view, field in numbers if field not in VIEWS[view].formats) == []


def test_formats_fit_their_fields() -> None:
    for view in DATA_VIEWS:
        assert [name for name in view.formats if FIELDS[view.id].get(name) not in NUMBERS | DATES] == []


def test_two_fields_of_a_data_view_are_not_called_the_same() -> None:
    for view in DATA_VIEWS:
        labels = [label for field, label in view.labels.items() if field != "@timestamp"]
        assert len(labels) == len(set(labels)), view.id
