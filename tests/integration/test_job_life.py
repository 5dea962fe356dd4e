"""How an alert lives by its rule's settings, through the job: day by day, late, and all at once."""

from collections.abc import Callable
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from mpm_elk.config import Config
from mpm_elk.contract.names import Index
from mpm_elk.timespan import iso
from tests.integration.test_job_alerts import actions, episodes, late, live, rule
from tests.integration.traffic import SETTLED, Monitored, days_of, midnight

pytestmark = pytest.mark.integration

ClientFor = Callable[[str], Elasticsearch]


def monitored(client_for: ClientFor, **settings: Any) -> Monitored:
    return Monitored(client_for, Config.model_validate({"rules": [rule(**settings)]}))


def test_two_of_three_open_and_two_calm_days_end(client_for: ClientFor) -> None:
    settings: dict[str, Any] = {"m_of_n": [2, 3], "recover_for": 2, "flapping": {"changes": 3, "windows": 10}}
    shifts: dict[int, float] = {5: 1, 7: 1, 9: 1, 12: 1, 13: 1}
    model, day = monitored(client_for, **settings), [iso(midnight(at)) for at in range(17)]
    told = live(model, shifts, range(16))
    assert {at: entry for at, entry in enumerate(told) if entry} == {
        7: [("opened", day[7])],
        8: [("recovering", day[8])],
        9: [("relapsed", day[9])],
        10: [("recovering", day[10])],
        11: [("recovered", day[11])],
        13: [("opened", day[13]), ("flapping", day[13])],
        14: [("recovering", day[14])],
        15: [("recovered", day[15])],
    }
    first, second = episodes(model)
    assert (first["start"], first["end"], first["opened_at"], first["recovered_at"]) == (
        day[5], day[10], day[8], day[12],
    )  # fmt: skip
    assert (first["windows"], first["flapping"], second["flapping"]) == (3, False, True)

    # Read at once, the same days come to the same alerts and the same trail.
    whole = monitored(client_for, **settings)
    whole.take_cells(model)
    for at in range(16):
        whole.send(days_of(whole.name, [at], events=100, shift=shifts.get(at, 0)))
    whole.ran(midnight(16) + SETTLED)
    assert whole.results(Index.ALERTS).same(model.results(Index.ALERTS))
    assert actions(whole) == actions(model)


def test_a_late_alarm_in_the_calm_days_keeps_an_alert_that_was_over(client_for: ClientFor) -> None:
    model, day = monitored(client_for, recover_for=2), [iso(midnight(at)) for at in range(12)]
    live(model, {6: 1}, range(11))
    [over] = episodes(model)
    assert (over["status"], over["recovered_at"]) == ("recovered", day[9])
    model.send(late(model, 8, 1e6))
    model.ran(midnight(11) + SETTLED)
    [longer] = episodes(model)
    assert (longer["uuid"], longer["end"], longer["recovered_at"]) == (over["uuid"], day[9], day[11])
    written = model.written()
    assert model.ran(midnight(11) + SETTLED).happened == []
    assert model.written() == written


def test_an_alert_on_a_model_that_falls_silent_stays_and_says_since_when(client_for: ClientFor) -> None:
    model, day = monitored(client_for), [iso(midnight(at)) for at in range(13)]
    live(model, {6: 1}, range(7))
    for at in (8, 9):
        model.ran(midnight(at) + SETTLED)
    [waiting] = episodes(model)
    assert "no_data_since" not in waiting
    model.ran(midnight(10) + SETTLED)
    [silent] = episodes(model)
    assert (silent["status"], silent["no_data_since"]) == ("active", day[7])
    written = {name: at for name, at in model.written().items() if Index.ALERTS.value in name}
    model.ran(midnight(11) + SETTLED)
    assert {name: at for name, at in model.written().items() if Index.ALERTS.value in name} == written
    live(model, {}, range(11, 12))
    [back] = episodes(model)
    assert (back["status"], "no_data_since" in back) == ("recovered", False)
