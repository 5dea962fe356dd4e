"""Who is told what: every transition ends in one decision a channel, in groups by window, in words that say it."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.alerts.decide import Decision, Happened, Past, decide
from mpm_elk.alerts.documents import event_document
from mpm_elk.alerts.episodes import OPENED, RECOVERED, Transition
from mpm_elk.alerts.notifications import body, has_room, is_due, outcome, title, written
from mpm_elk.alerts.people import changed
from mpm_elk.alerts.silences import Silences
from mpm_elk.config.notifications import Channel, Notifications
from mpm_elk.config.rules import Rule
from mpm_elk.contract.keys import ModelKey
from mpm_elk.errors import ConfigError
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import DAY_MS, HOUR_MS, iso
from tests.alerts.test_documents import OPEN, RULE, T0, episode, made
from tests.alerts.test_people import CLOSE, NOW

MODEL = ModelKey("production", "m")
SETTINGS = Notifications.model_validate({
    "channels": [
        {"id": "team", "url": "json://localhost/a"},
        {"id": "pager", "url": "json://localhost/b", "at_least": "critical", "tell": "opened"},
    ],
    "default": ["team", "pager"],
})  # fmt: skip
RULES = {"drift": RULE}
QUIET = Silences("m", NOW)


def happened(
    name: str = "t", action: str = OPENED, severity: Severity = Severity.WARNING, at: int = 0, model: str = "m"
) -> Happened:
    found = episode((severity, 0.125))
    source = event_document(found, RULE, Transition(action, found.last), NOW, "run-1").source
    start = T0 + at * HOUR_MS
    window = {"start": iso(start), "end": iso(start + HOUR_MS)}
    mpm = {**source["mpm"], "window": window, "model": {"name": model, "version": "3"}}
    return Happened(name, {**source, "mpm": mpm})


def decided(*transitions: Happened, alerts: dict[str, Any] | None = None, now: int = NOW) -> list[Decision]:
    return decide(transitions, Past(), alerts or {}, RULES, SETTINGS, silences=Silences("m", now))


TRANSITIONS = st.lists(
    st.builds(
        happened,
        st.uuids().map(str),
        st.sampled_from([OPENED, RECOVERED, "eased", "escalated", "withdrawn"]),
        st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
        st.integers(-60, 6),
        st.sampled_from(["m", "n"]),
    ),
    max_size=8,
    unique_by=lambda transition: transition.id,
)


@given(TRANSITIONS, st.randoms())
def test_each_transition_is_in_one_decision_and_then_covered(transitions: list[Happened], random: Any) -> None:
    decisions = decided(*transitions)
    covered: dict[str, set[str]] = defaultdict(set)
    for decision in decisions:
        ids = {transition.id for transition in decision.transitions}
        assert not ids & covered[decision.channel]
        covered[decision.channel] |= ids
        assert len({(t.end, t.source["mpm"]["model"]["name"]) for t in decision.transitions}) == 1
    assert covered["team"] == {t.id for t in transitions if t.action != "eased"}
    assert decide(transitions, Past(covered), {}, RULES, SETTINGS, silences=QUIET) == []
    shuffled = list(transitions)
    random.shuffle(shuffled)
    assert {d.key for d in decided(*shuffled)} == {d.key for d in decisions}


def test_a_channel_is_told_of_what_it_is_about() -> None:
    warning, critical = happened("a"), happened("b", severity=Severity.CRITICAL)
    order = {d.channel: [t.id for t in d.transitions] for d in decided(warning, critical)}
    assert order == {"team": ["b", "a"], "pager": ["b"]}  # the worst first
    own = Rule.model_validate({**RULE.model_dump(by_alias=True), "notify": ["pager"]})
    found = {d.channel: d.key for d in decide([critical], Past(), {}, {"drift": own}, SETTINGS, silences=QUIET)}
    assert list(found) == ["pager"]
    nobody = Rule.model_validate({**RULE.model_dump(by_alias=True), "notify": []})
    assert decide([critical], Past(), {}, {"drift": nobody}, SETTINGS, silences=QUIET) == []
    lost = Rule.model_validate({**RULE.model_dump(by_alias=True), "notify": "pagr"})
    with pytest.raises(ConfigError, match="rule drift notifies 'pagr', which is no channel"):
        decide([critical], Past(), {}, {"drift": lost}, SETTINGS, silences=QUIET)


def test_the_end_of_an_alert_is_judged_by_the_worst_that_it_was() -> None:
    quiet = Notifications(channels=(Channel.model_validate({"id": "x", "url": "json://h", "at_least": "critical"}),),
                          default=("x",))  # fmt: skip
    over = happened(action=RECOVERED)
    assert decide([over], Past(), {}, RULES, quiet, silences=QUIET) == []
    bad = {over.uuid: {"mpm": {"alert": {"max_severity": "critical"}}}}
    assert len(decide([over], Past(), bad, RULES, quiet, silences=QUIET)) == 1


def test_what_is_muted_closed_or_old_is_suppressed_with_the_reason() -> None:
    stored = made(OPEN).source
    closed = changed(stored, CLOSE)
    [decision] = decided(happened(), alerts={OPEN.uuid: closed})
    assert decision.suppressed == "the alert is closed"
    muted = {**stored["mpm"]["alert"], "muted_until": iso(NOW + 1)}
    [decision] = decided(happened(), alerts={OPEN.uuid: {"mpm": {"alert": muted}}})
    assert str(decision.suppressed).startswith("the alert is muted until")
    [decision] = decided(happened(), alerts={OPEN.uuid: {"mpm": {"alert": muted}}}, now=NOW + 1)
    assert decision.suppressed is None
    [decision] = decided(happened(), now=NOW + 3 * DAY_MS)
    assert decision.suppressed == "the window ended more than 2d ago"
    document = written(decision, NOW, "run")
    assert document["event"]["action"] == "suppressed"
    assert document["event"]["reason"] == decision.suppressed
    assert "message" not in document["mpm"]["notification"]


def test_the_words_say_what_happened_and_where_to_look() -> None:
    [team] = decided(happened("a"), happened("b"), happened("c", RECOVERED))
    document = written(team, NOW, "run")
    message = document["mpm"]["notification"]["message"]
    assert message["title"] == "[warning] m (production): 2 alerts opened, 1 recovered"
    assert message["type"] == "warning"
    for part in ("opened · warning · drift: prediction.label (region=EU)", "it is 0.125", "owner: team",
                 "runbook: https://example.org/r", f"mpm-elk alerts show {OPEN.uuid[:12]}",
                 f"notification {team.key}"):  # fmt: skip
        assert part in message["body"]
    assert document["mpm"]["alert"]["uuid"] == [OPEN.uuid]
    over = [happened(action=RECOVERED).source]
    assert title(MODEL, over) == "m (production): 1 alert recovered"
    assert body(over, "k").endswith("notification k")
    sent = outcome(document, "sent", NOW + 5, "run-2")
    assert (sent["event"]["action"], sent["mpm"]["notification"]["id"]) == ("sent", team.key)
    assert sent["mpm"]["alert"] == document["mpm"]["alert"]


def test_attempts_wait_longer_each_time() -> None:
    minute = 60_000
    assert is_due([], 0)
    assert [is_due([0], at) for at in (minute - 1, minute)] == [False, True]
    assert [is_due([0, minute], at * minute) for at in (2, 3)] == [False, True]
    assert [is_due([0] * 40, at * minute) for at in (59, 60)] == [False, True]


def test_a_channel_takes_so_many_in_a_span() -> None:
    channel = Channel.model_validate({"id": "x", "url": "json://h", "at_most": "2 per 1h"})
    assert channel.at_most.span == timedelta(hours=1)
    assert has_room([NOW - HOUR_MS, NOW - 1], channel, NOW)
    assert not has_room([NOW - HOUR_MS + 1, NOW - 1], channel, NOW)


def test_an_alert_that_is_flapping_is_told_of_once_and_then_only_of_what_is_worse() -> None:
    def flapped(action: str, **more: Any) -> str | None:
        told = happened(action=action)
        source = {**told.source, "mpm": {**told.source["mpm"], "alert": {**told.source["mpm"]["alert"], **more}}}
        [decision] = [d for d in decided(Happened("t", source)) if d.channel == "team"]
        return decision.suppressed

    assert flapped(OPENED, flapping=True) == "the alert is flapping"
    assert flapped(RECOVERED, flapping=True) == "the alert is flapping"
    assert flapped("flapping", flapping=True) is None
    assert flapped("settled", flapping=False) is None
    assert flapped("escalated", flapping=True, worse=True) is None
