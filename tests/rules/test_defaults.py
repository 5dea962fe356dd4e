"""The rules that hold where nobody wrote any."""

from mpm_elk.config.model import Config
from mpm_elk.metrics.catalogue import METRICS, TRAFFIC_SUBJECT
from mpm_elk.metrics.metric import JOINT_SUBJECT, MEANS, RECONSTRUCTION
from mpm_elk.rules.defaults import DEFAULT_RULES
from mpm_elk.rules.evaluate import subjects_of


def test_they_are_rules_that_mpm_yml_could_hold() -> None:
    written = [rule.model_dump(by_alias=True, exclude_defaults=True) for rule in DEFAULT_RULES]
    assert Config.model_validate({"rules": written}).rules == DEFAULT_RULES


def test_each_has_both_thresholds_in_order_and_asks_for_evidence() -> None:
    for rule in DEFAULT_RULES:
        assert rule.warning is not None
        assert rule.critical is not None
        falls = METRICS[rule.metric].bad == "below"
        assert (rule.critical < rule.warning) == falls
        assert rule.evidence == "required"
        assert rule.models == ("*",)


def test_every_subject_is_watched_and_no_test_is_forgotten() -> None:
    outputs = ("prediction.score", "prediction.label", "prediction.value")
    for subject in ("features.x", *outputs, JOINT_SUBJECT, TRAFFIC_SUBJECT):
        assert any(subjects_of(rule, [subject]) for rule in DEFAULT_RULES), subject
    # Components and the means of all features tell again, less readably, what the other rules tell.
    watched = {metric.test for metric in METRICS.values()} - {RECONSTRUCTION, MEANS}
    assert {METRICS[rule.metric].test for rule in DEFAULT_RULES} == watched
