"""The account of false alarms, and how an alert stands."""

import math

import pytest
from scipy import stats

from mpm_elk.alerts.causes import Part, Split
from mpm_elk.alerts.people import Action, Deed, changed
from mpm_elk.contract.keys import ModelKey
from mpm_elk.timespan import iso
from mpm_elk.views.alert_tables import alert, alerts, ledger
from mpm_elk.views.alerts import Account, Alert
from mpm_elk.views.causes import Causes
from mpm_elk.views.terminal import as_text
from tests.alerts.test_documents import OPEN, OVER, made
from tests.alerts.test_people import CLOSE, NOW

MODEL = ModelKey("production", "m")


@pytest.mark.parametrize("number", [0, 1, 7])
def test_false_alarms_a_month_have_the_limits_of_poissons_law(number: int) -> None:
    rate, low, high = Account(MODEL, 90, {"false": number}, 0.1).a_month(number)
    assert rate == pytest.approx(number / 3)
    assert stats.poisson.sf(number - 1, 3 * low) == pytest.approx(0.025 if number else 1)
    assert stats.poisson.cdf(number, 3 * high) == pytest.approx(0.025)


def test_an_account_counts_by_verdict() -> None:
    account = Account(MODEL, 30, {"false": 1, "real": 2, "open": 3}, 0.1, {"drift": {"false": 1}})
    assert (account.alerts, account.false, account.undecided) == (6, 1, 3)
    assert account.to_document()["false_a_month"] == {"value": 1.0, "lower": 0.0253, "upper": 5.5716}
    assert math.isnan(Account(MODEL, 0, {}, 0.1).a_month(0)[0])
    assert "m (production)" in as_text(ledger([account]), 120)


def test_an_alert_says_how_it_stands() -> None:
    stored = made(OPEN).source
    assert Alert(stored).state(NOW) == "active"
    assert Alert(made(OVER).source).state(NOW) == "recovered"
    about = {"recovering_since": iso(NOW), "no_data_since": iso(NOW), "flapping": True}
    slow = {**stored, "mpm": {**stored["mpm"], "alert": {**stored["mpm"]["alert"], **about}}}
    since = iso(NOW)[:16].replace("T", " ")
    assert Alert(slow).state(NOW) == f"active, recovering since {since}, no data since {since}, flapping"
    closed = changed(stored, CLOSE)
    assert closed is not None
    assert Alert(closed).state(NOW) == "active, closed: false"
    muted = changed(stored, Action(Deed.MUTED, "ada", NOW, until=NOW + 1))
    assert muted is not None
    assert Alert(muted).state(NOW).startswith("active, muted until 20")
    assert Alert(muted).state(NOW + 1) == "active"


def test_alerts_are_drawn() -> None:
    found = Alert(made(OPEN).source)
    assert found.subject == "label (region=EU)"
    text = as_text(alerts([found], NOW), 140)
    for part in ("critical", "m drift: label (region=EU)", "team", found.uuid[:10], "3h"):
        assert part in text
    events = [
        {"@timestamp": "2026-11-24T10:00:00.000Z", "event": {"action": "opened", "reason": "it is 0.125"}},
        {"@timestamp": "2026-11-24T11:00:00.000Z", "event": {"action": "muted"}, "user": {"name": "ada"}},
    ]
    split = Split("region", (Part("EU", 0.0), Part("US", 0.0)), (Part("US", 0.93), Part("EU", 0.07)), new=("US",))
    change = {"at": "2026-11-24T09:30:00.000Z", "action": "cells-saved", "by": "bob"}
    parts = (Part("features.age", 0.75), Part("features.income", 0.25))
    with_it = Causes((Part("≥ 90", 0.8), Part("< 10", 0.2)), (split,), parts, (change,), {"feed": [found]})
    text = as_text(alert(found, events, with_it, NOW), 140)
    said = " ".join(text.split())
    for sentence in (
        "Of the change, 80 % ≥ 90, 20 % < 10.",
        "By region: 0 % because there is more of some and less of others; 100 % within them (93 % US, 7 % EU); new: ",
        "numbers of this kind in that window, 75 % age, 25 % income.",
        "From the same upstream, feed: m drift: label (region=EU) since 20",
        "Near its begin, 2026-11-24 09:30: cells-saved, by bob.",
    ):
        assert sentence in said
    assert "goes with" not in as_text(alert(found, events, Causes(), NOW), 140)
    for part in ("https://example.org/r", "drift.psi_adjusted 0.5", "opened", "the job", "muted", "ada", found.uuid):
        assert part in text
