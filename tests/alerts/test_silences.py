"""What keeps alerts quiet, and what becomes of what happened meanwhile."""

from typing import Any

import pytest

from mpm_elk.alerts.decide import HELD, QUEUED, SUPPRESSED, Decision, Happened, Past, decide
from mpm_elk.alerts.episodes import RECOVERED
from mpm_elk.alerts.inhibit import Known, marked
from mpm_elk.alerts.notifications import written
from mpm_elk.alerts.silences import Silences, Standing, inhibiting
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import Maintenance
from mpm_elk.contract.keys import EVERYTHING, Segment
from mpm_elk.rules.evaluate import Severity
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms
from tests.alerts.test_documents import RULE, T0, episode, made
from tests.alerts.test_notifications import RULES, SETTINGS, happened
from tests.alerts.test_people import CLOSE, NOW

EU = Segment("region", "EU")
OPEN = episode((Severity.WARNING, 0.125))
OVER = episode((Severity.WARNING, 0.125), (Severity.OK, 0.0))
ACTIVE, ENDED = ({OPEN.uuid: made(one).source} for one in (OPEN, OVER))
WORK = Maintenance.model_validate(
    {"models": "m", "from": from_ms(NOW - HOUR_MS), "to": from_ms(NOW + HOUR_MS), "reason": "new database"}
)


def rule(**more: Any) -> Rule:
    return Rule.model_validate({**RULE.model_dump(by_alias=True), **more})


def at(now: int, **more: Any) -> Silences:
    return Silences("m", now, **more)


def decided(
    *some: Happened, silences: Silences, alerts: Any = ACTIVE, past: Past | None = None
) -> list[tuple[str, str | None]]:
    found = decide(some, past or Past(), alerts, RULES, SETTINGS, silences=silences)
    return [(d.verdict.action, d.verdict.why) for d in found if d.channel == "team"]


def other(name: str, subject: str, segment: Segment = EVERYTHING, uuid: str = "x") -> Standing:
    return Standing(uuid, name, subject, segment)


@pytest.mark.parametrize(
    ("about", "active", "inhibited"),
    [
        (other("drift", "features.a"), other("volume", "model"), True),
        (other("drift", "features.a"), other("volume", "features"), True),
        (other("drift", "features.a"), other("volume", "prediction.score"), True),
        (other("drift", "features.a"), other("volume", "features.a"), True),
        (other("drift", "features.a"), other("volume", "features.b"), False),
        (other("drift", "prediction.score"), other("volume", "prediction.label"), False),
        (other("drift", "model"), other("volume", "features.a"), True),
        (other("drift", "features.a"), other("missing", "features.a"), False),  # a rule that it does not name
        (other("drift", "features.a", EU), other("volume", "features.a"), True),
        (other("drift", "features.a", EU), other("volume", "features.a", EU), True),
        (other("drift", "features.a"), other("volume", "features.a", EU), False),
        (other("drift", "features.a", EU), other("volume", "features.a", Segment("region", "US")), False),
        (other("volume", "model", uuid="x"), other("volume", "model", uuid="x"), False),  # itself
    ],
)
def test_what_explains_an_alert(about: Standing, active: Standing, inhibited: bool) -> None:
    about = Standing("this" if about.uuid == "x" and about.rule == "drift" else about.uuid, *_rest(about))
    assert bool(inhibiting(about, rule(inhibited_by="volume"), [active])) == inhibited


def _rest(about: Standing) -> tuple[str, str, Segment]:
    return about.rule, about.subject, about.segment


def test_what_happens_in_a_mute_is_held_back_and_told_when_it_is_over() -> None:
    muted, later = at(NOW, maintenance=[WORK]), at(NOW + HOUR_MS, maintenance=[WORK])
    [(action, why)] = decided(happened("a"), silences=muted)
    assert action == HELD
    assert why is not None
    assert why.startswith("muted until ")
    assert "new database" in why
    past = Past(held={"team": {"a": why}})
    assert decided(happened("a"), silences=muted, past=past) == [(HELD, why)]  # the same decision again
    assert decided(happened("a"), silences=later, past=past) == [(QUEUED, f"held back until now: {why}")]
    assert decided(happened("a"), silences=later, past=past, alerts=ENDED) == [
        (SUPPRESSED, f"over when the silence was: {why}")
    ]


def test_an_end_in_a_mute_is_told_later_where_the_beginning_was_told() -> None:
    later, past = at(NOW + HOUR_MS), Past(covered={"team": {"a"}}, held={"team": {"b": "muted"}})
    both = happened("a"), happened("b", RECOVERED)
    assert decided(*both, silences=later, past=past, alerts=ENDED) == [(QUEUED, "held back until now: muted")]
    # Also where the end comes after the mute, and no run was between.
    for held in ({"a": "muted", "b": "muted"}, {"a": "muted"}):
        found = decided(*both, silences=later, past=Past(held={"team": held}), alerts=ENDED)
        assert set(found) == {(SUPPRESSED, "over when the silence was: muted")}


def test_what_was_held_back_is_told_in_one_notification_however_old_it_is() -> None:
    past = Past(held={"team": {"a": "muted", "b": "muted"}})
    some = happened("a"), happened("b", "escalated", Severity.CRITICAL, at=5)
    late = at(NOW + 9 * DAY_MS)
    [decision] = [d for d in decide(some, past, ACTIVE, RULES, SETTINGS, silences=late) if d.channel == "team"]
    assert [t.id for t in decision.transitions] == ["b", "a"]
    assert written(decision, NOW, "run")["event"]["action"] == QUEUED
    assert {action for action, _ in decided(*some, silences=late, past=past, alerts=ENDED)} == {SUPPRESSED}
    assert {action for action, _ in decided(*some, silences=late)} == {SUPPRESSED}  # too old, and never held back


def test_a_decision_to_wait_is_another_than_that_to_tell() -> None:
    def key(silences: Silences) -> Decision:
        [found] = [d for d in decide([happened("a")], Past(), ACTIVE, RULES, SETTINGS, silences=silences)
                   if d.channel == "team"]  # fmt: skip
        return found

    held, told = key(at(NOW, maintenance=[WORK])), key(at(NOW))
    assert held.key != told.key
    document = written(held, NOW, "run")
    assert document["mpm"]["notification"]["until"] == f"{from_ms(NOW + HOUR_MS):%Y-%m-%dT%H:%M:%S.000Z}"
    assert "message" not in document["mpm"]["notification"]


def test_a_mute_of_other_models_rules_or_times_silences_nothing() -> None:
    for change in ({"models": "n"}, {"rules": "volume"}, {"to": from_ms(NOW)}):
        work = Maintenance.model_validate({**WORK.model_dump(by_alias=True), **change})
        assert decided(happened("a"), silences=at(NOW, maintenance=[work])) == [(QUEUED, None)]


def test_what_people_decide_goes_before_a_silence() -> None:
    from mpm_elk.alerts.people import changed  # noqa: PLC0415

    closed = changed(ACTIVE[OPEN.uuid], CLOSE)
    found = decided(happened("a"), silences=at(NOW, maintenance=[WORK]), alerts={OPEN.uuid: closed})
    assert found == [(SUPPRESSED, "the alert is closed")]


def test_a_rule_has_mutes_and_inhibitors_of_its_own() -> None:
    about = Standing("u", "drift", "features.x", EVERYTHING)
    night = rule(mute={"from": "00:00", "to": "23:00"}, inhibited_by=["volume"])
    moment = T0 - T0 % DAY_MS + 5 * HOUR_MS
    silence = at(moment).of(about, night)
    assert silence is not None
    assert silence.until == moment - moment % DAY_MS + 23 * HOUR_MS
    volume = at(moment + 18 * HOUR_MS, active=[other("volume", "model", uuid="0123456789abcdef")])
    silence = volume.of(about, night)
    assert silence is not None
    assert (silence.why, silence.until) == ("inhibited by volume (0123456789ab)", None)
    assert volume.of(about, None) is None


def test_an_alert_says_what_inhibits_it_while_the_other_lives_in_its_last_window() -> None:
    def known(name: str, *entries: tuple[Severity, float | None]) -> Known:
        one = episode(*entries)
        source = made(one).source
        alert = {**source["mpm"]["alert"], "uuid": name}
        return Known({**source, "rule": {"id": name}, "mpm": {**source["mpm"], "alert": alert}}, one)

    bad, calm = (Severity.WARNING, 0.125), (Severity.OK, 0.0)
    mine, some = known("drift", calm, calm, bad), rule(inhibited_by=["volume"])
    over, beside = known("volume", bad, bad, calm), known("volume", bad, bad, bad, calm)
    assert marked(mine, some, [mine, over]) is None
    source = marked(mine, some, [mine, beside])
    assert source is not None
    assert source["mpm"]["alert"]["inhibited_by"] == ["volume"]
    again = Known(source, mine.episode)
    assert marked(again, some, [again, beside]) is None
    back = marked(again, some, [again, over])
    assert back is not None
    assert "inhibited_by" not in back["mpm"]["alert"]
