from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from mpm_elk.config import Config, Reference, load
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.config.references import parse_reference
from mpm_elk.errors import ConfigError

RULE = "  - {id: %s, metric: drift.psi, warning: 0.1}\n"


def write(folder: Path, text: str, name: str = "mpm.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(path: Path, **environment: str) -> str:
    with pytest.raises(ConfigError) as error:
        load(path, environment)
    assert error.value.exit_code == 2
    assert error.value.remedy
    return str(error.value)


def test_a_whole_configuration(tmp_path: Path) -> None:
    text = """
elasticsearch:
  hosts: ["https://localhost:9200"]
  api_key: ${KEY}
models:
  - {name: "credit-*", segments: [region, age]}
  - {name: credit-risk, segments: [region, branch]}
rules:
  - id: drift
    models: "credit-*"
    metric: drift.psi_adjusted
    on: {subject: prediction.score}
    window: 1d
    against: rolling 28d
    warning: 0.1
    for: 2
"""
    config = load(write(tmp_path, text), {"KEY": "secret"})
    assert config.rules is not None
    [rule] = config.rules
    assert (rule.models, rule.on.subject, rule.for_) == (("credit-*",), ("prediction.score",), 2)
    assert rule.against == Reference(kind="rolling", span=timedelta(days=28))
    assert rule.matches("credit-risk")
    assert not rule.matches("fraud")
    assert config.segments("credit-risk") == ("region", "age", "branch")


def test_nothing_at_all_is_a_configuration(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == load(write(tmp_path, "# only a comment\n")) == Config()
    assert load(write(tmp_path, "rules: []\n")).rules == ()
    assert load(write(tmp_path, "rules:\n")).rules is None


def test_an_unknown_key_is_named_with_its_line_and_the_likely_one(tmp_path: Path) -> None:
    text = "job:\n  settle: 5m\nrules:\n  - id: a\n    metric: drift.psi\n    warnig: 0.1\n"
    message = refused(write(tmp_path, text))
    assert "mpm.yml:6: unknown key `rules.0.warnig`" in message
    assert "did you mean `warning`?" in message
    message = refused(write(tmp_path, "job:\n  zzz: 1\n"))
    assert "mpm.yml:2: unknown key `job.zzz`" in message
    assert "known keys here: false_alarms_per_month, keep_hours, lease, settle" in message
    assert "did you mean `rules`?" in refused(write(tmp_path, "rule: []\n"))


def test_all_errors_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "job:\n  settel: 5m\n  lease: soon\nrules:\n  - {id: a, warning: 1}\n"))
    assert "mpm.yml:2: unknown key" in message
    assert "mpm.yml:3: `job.lease`: 'soon' is no time span" in message
    assert "mpm.yml:5: `rules.0.metric` is missing" in message


def test_the_alias_is_the_key_that_people_know(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "rules:\n  - {id: a, metric: drift.psi, warning: 1, fro: 2}\n"))
    assert "did you mean `for`?" in message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("window: 5h", "whole hours that divide a day"),
        ("window: 15m", "whole hours that divide a day"),
        ("window: 36h", "whole hours that divide a day"),
        ("window: 1", "is no time span"),
        ("window: 99999999999999999999d", "time span"),
        ("against: last year", "is no reference"),
        ("against: rolling", "is no reference"),
        ("against: same-time-last-weks 4", "did you mean `same-time-last-weeks 4`"),
        ("against: same-time-last-weeks 13", "takes 1 to 12 weeks, not 13"),
        ("against: same-time-last-weeks 0", "takes 1 to 12 weeks, not 0"),
        ("against: window 2026-01-01", "did you mean `window 2026-01-01 2026-02-01`"),
        ("against: window 2026-01-01 2026-13-01", "takes two dates"),
        ("against: window 2026-02-01 2026-01-01", "exchange the two"),
        ("against: window 2026-01-01T06:00 2026-02-01", "lies between 2026-01-01T00:00"),
        ("against: training, window: 6h", "the same days"),
        ("on: {segments: region}, against: training", "not counted by segment"),
        ("on: {segments: [[region, region]]}, for: 1", "no combination of segments"),
        ("on: {segments: [[a, b, c, d]]}, for: 1", "no combination of segments"),
        ("on: {segments: [[region, 3]]}, for: 1", "valid string"),
        ("against: rolling 0d", "is no time span"),
        ("against: 7", "is no reference"),
        ("against: rolling 1d", "several whole windows"),
        ("against: rolling 30h", "several whole windows"),
        ("{window: 2d, against: same-time-last-week}", "divides a week"),
        ("for: 0", "greater than or equal to 1"),
        ("when: sideways", "above"),
        ("min_samples: many", "integer"),
        ("id: 'a b'", "pattern"),
    ],
)
def test_bad_rules(tmp_path: Path, rule: str, message: str) -> None:
    more = rule.strip("{}")
    extra = "" if "id:" in more else ", id: a"
    text = refused(write(tmp_path, f"job: {{}}\nrules:\n  - {{metric: drift.psi, warning: 1{extra}, {more}}}\n"))
    assert message in text
    assert "mpm.yml:3" in text


def test_a_rule_without_thresholds(tmp_path: Path) -> None:
    assert "give `warning`, `critical`, or both" in refused(write(tmp_path, "rules:\n  - {id: a, metric: drift.psi}\n"))


def test_segments_are_named_alone_and_together(tmp_path: Path) -> None:
    text = "models: [{name: m, segments: [region, [region, age], 'age, region', vip]}]"
    assert load(write(tmp_path, text)).segments("m") == ("region", "age, region", "vip")


def test_one_week_is_the_same_reference_in_either_words() -> None:
    assert parse_reference("same-time-last-weeks 1") == parse_reference("same-time-last-week")


@pytest.mark.parametrize(
    "text",
    [
        "baseline",
        "previous",
        "same-time-last-week",
        "rolling 4w",
        "version 2.1 beta",
        "training",
        "same-time-last-weeks 4",
        "window 2026-01-01 2026-02-01",
        "window 2026-01-01T06:00 2026-01-01T12:00",
    ],
)
def test_references_are_written_as_they_are_read(text: str) -> None:
    assert parse_reference(str(parse_reference(text))) == parse_reference(text)


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    assert "two rules are called 'a'" in refused(write(tmp_path, "rules:\n" + RULE % "a" + RULE % "a"))


def test_two_rules_of_one_name_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, "rules:\n" + RULE % "a", "one.yml")
    write(tmp_path, "rules:\n" + RULE % "a", "two.yaml")
    assert "two rules are called 'a'" in refused(tmp_path)


def test_a_folder_is_joined_in_order(tmp_path: Path) -> None:
    write(tmp_path, "rules:\n" + RULE % "b" + "models:\n  - {name: x, segments: [s]}\n", "2.yml")
    write(tmp_path, "rules:\n" + RULE % "a" + "job: {settle: 10m}\n", "1.yml")
    write(tmp_path, "not yaml: [", "notes.txt")
    config = load(tmp_path)
    assert config.rules is not None
    assert [rule.id for rule in config.rules] == ["a", "b"]
    assert config.job.settle == timedelta(minutes=10)
    assert config.segments("x") == ("s",)


def test_a_part_that_two_files_hold(tmp_path: Path) -> None:
    write(tmp_path, "job: {settle: 10m}\n", "1.yml")
    write(tmp_path, "job: {settle: 10m}\n", "2.yml")
    message = refused(tmp_path)
    assert "2.yml: `job` also stands in" in message


def test_an_error_in_a_folder_names_its_file(tmp_path: Path) -> None:
    write(tmp_path, "job: {}\n", "1.yml")
    write(tmp_path, "\n\nrulez: []\n", "2.yml")
    assert "2.yml:3: unknown key `rulez`" in refused(tmp_path)


def test_variables(tmp_path: Path) -> None:
    text = "intake: {pool: '${POOL}-${N:1}', max_line_bytes: '${BYTES:2048}'}\njob:\n  false_alarms_per_month: ${F}\n"
    config = load(write(tmp_path, text), {"POOL": "p", "F": "0.5"})
    assert (config.intake.pool, config.intake.max_line_bytes) == ("p-1", 2048)
    assert config.job.false_alarms_per_month == 0.5
    for empty in ("${POOL:}", '"${POOL:}"'):
        assert load(write(tmp_path, f"intake:\n  pool: {empty}\n"), {}).intake.pool is None


def test_a_variable_inside_braces_needs_quotes(tmp_path: Path) -> None:
    assert "needs quotes" in refused(write(tmp_path, "intake: {pool: ${POOL}}\n"), POOL="p")


def test_a_variable_that_is_not_set(tmp_path: Path) -> None:
    message = refused(write(tmp_path, "# ${COMMENT} is no variable\nintake:\n  pool: ${POOL}\n"))
    assert "mpm.yml:3: the environment variable POOL is not set" in message
    assert "${POOL:default}" in message


@pytest.mark.parametrize(
    "password", ["12345", "0123", "true", "null", "1e5", "2026-01-01", "a: b # c", "${OTHER}", "~"]
)
def test_a_password_is_what_the_environment_says(tmp_path: Path, password: str) -> None:
    text = "elasticsearch: {hosts: ['https://h'], username: u, password: '${PW}'}\n"
    settings = load(write(tmp_path, text), {"PW": password, "OTHER": "wrong"}).elasticsearch
    assert settings is not None
    assert settings.password is not None
    assert settings.password.get_secret_value() == password


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    good = "elasticsearch: {hosts: ['https://h'], username: u, password: '${PW}'}\n"
    assert "hunter2" not in repr(load(write(tmp_path, good), {"PW": "hunter2"}))
    for bad in (
        "elasticsearch: {hosts: ['https://h'], password: '${PW}'}\n",
        "elasticsearch: {hosts: ['https://h'], username: u, password: '${PW}', api_key: '${PW}'}\n",
        "elasticsearch: {hosts: ['https://h'], username: u, password: ['${PW}']}\n",
        "elasticsearch: {hosts: ['https://h'], pasword: '${PW}'}\n",
        "elasticsearch: {hosts: ['https://u:${PW}@h']}\n",
    ):
        assert "hunter2" not in refused(write(tmp_path, bad), PW="hunter2")


def test_secrets_are_not_shown_by_the_model_itself() -> None:
    for settings in ({"hosts": ["https://u:hunter2@h"]}, {"hosts": ["h"], "api_key": "hunter2", "username": "u"}):
        with pytest.raises(ValidationError) as error:
            ElasticsearchSettings.model_validate(settings)
        assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ("{}", "give `hosts` or `cloud_id`"),
        ("{hosts: [a], cloud_id: b}", "not both"),
        ("{hosts: [a], username: u}", "go together"),
        ("{hosts: [a], api_key: k, username: u, password: p}", "not both"),
        ("{hosts: a}", "elasticsearch.hosts"),
    ],
)
def test_connections_that_cannot_be(tmp_path: Path, connection: str, message: str) -> None:
    assert message in refused(write(tmp_path, f"elasticsearch: {connection}\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("job: {}\njob: {}\n", "mpm.yml:2: the key `job` also stands in line 1"),
        ("job:\n  settle: 1h\n  lease: 1h\n  settle: 2h\n", "mpm.yml:4: the key `settle` also stands in line 2"),
        ("a: [\n", "not valid YAML"),
        ("- 1\n", "must hold keys"),
        ("just text\n", "must hold keys"),
        ("a: !!python/object:os.system {}\n", "mpm.yml:1"),
        ("? [a, b]\n: 1\n", "mpm.yml:1: a key must be one word"),
        ("job: &a\n  x: *a\n", "mpm.yml"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: \x01\n", "not valid YAML"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(write(tmp_path, text))


def test_a_variable_behind_an_alias_is_read_once(tmp_path: Path) -> None:
    text = "models:\n  - {name: &n '${N}', segments: [*n]}\n"
    config = load(write(tmp_path, text), {"N": "${N}"})
    assert config.models[0].name == config.models[0].segments[0] == "${N}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.yml")
    assert "no *.yml file" in refused(tmp_path)
    (tmp_path / "mpm.yml").write_bytes(b"a: \xff\n")
    assert "cannot be read" in refused(tmp_path / "mpm.yml")


def test_a_metric_that_there_is_not(tmp_path: Path) -> None:
    text = refused(write(tmp_path, "rules:\n  - id: a\n    metric: drift.psy\n    warning: 1\n"))
    assert "mpm.yml:3" in text
    assert "did you mean drift.psi?" in text


def test_a_metric_that_the_job_does_not_compute(tmp_path: Path) -> None:
    text = refused(write(tmp_path, "rules:\n  - id: a\n    metric: drift.classifier_auc\n    warning: 0.6\n"))
    assert "`mpm-elk drift classify` computes drift.classifier_auc when it is asked to; the job does not" in text
    assert "drift.correlation_shift" in text


def test_a_metric_without_evidence_is_for_rules_that_ask_for_none(tmp_path: Path) -> None:
    lines = "rules:\n  - id: silent\n    metric: traffic.freshness\n    warning: 3600\n"
    text = refused(write(tmp_path, lines))
    assert "no test stands behind traffic.freshness: write `evidence: none`" in text
    assert "metrics with evidence are drift.psi, " in text
    [rule] = load(write(tmp_path, lines + "    evidence: none\n")).rules or ()
    assert rule.metric == "traffic.freshness"
