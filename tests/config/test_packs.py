"""Packs of rules: each is one that could be written, and `extends` brings it into a configuration."""

from pathlib import Path

import pytest

from mpm_elk.config import Config, load
from mpm_elk.config.packs import names, pack
from mpm_elk.errors import ConfigError
from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.rules.check import check
from mpm_elk.rules.defaults import DEFAULT_RULES, rules_of
from mpm_elk.rules.explain import explain


def loaded(folder: Path, text: str) -> Config:
    (folder / "mpm.yml").write_text(text)
    return load(folder / "mpm.yml", {})


def ids(config: Config) -> list[str]:
    return [rule.id for rule in rules_of(config)]


@pytest.mark.parametrize("name", names())
def test_a_pack_is_a_file_of_rules_that_mpm_yml_could_hold(name: str) -> None:
    found = pack(name)
    assert len(found.description) > 80
    assert found.rules
    written = [rule.model_dump(by_alias=True, exclude_defaults=True) for rule in found.rules]
    assert Config.model_validate({"rules": written}).rules == found.rules
    config = Config.model_validate({"extends": name})
    assert rules_of(config) == found.rules
    # Of those of other tools it is said that they alarm by chance, and nothing else.
    loud = {rule.id for rule in found.rules if rule.evidence == "none" and REGISTRY[rule.metric].compares}
    problems = check(found.rules, config, None)
    assert {problem.rule for problem in problems if "without evidence" in problem.text} == loud
    assert len(problems) == len(loud)
    assert all(explain(rule, found.rules, config) for rule in found.rules)


def test_without_rules_and_packs_the_default_pack_holds() -> None:
    assert rules_of(Config()) == DEFAULT_RULES == pack("mpm/default").rules
    assert rules_of(Config.model_validate({"rules": []})) == ()


def test_own_rules_follow_those_of_packs_and_take_their_place(tmp_path: Path) -> None:
    config = loaded(tmp_path, """
extends:
  - mpm/sagemaker
  - {pack: mpm/default, models: "credit-*", without: [slow-inference, failures]}
rules:
  - {id: own, metric: drift.js_adjusted, warning: 0.2}
  - {id: sagemaker-drift-of-numbers, metric: drift.ks, warning: 0.2}
""")  # fmt: skip
    found = {rule.id: rule for rule in rules_of(config)}
    expected = [r.id for r in (*pack("mpm/sagemaker").rules, *DEFAULT_RULES)] + ["own"]
    assert list(found) == [name for name in expected if name not in ("slow-inference", "failures")]
    assert found["sagemaker-drift-of-numbers"].warning == 0.2
    assert found["feature-drift"].models == ("credit-*",)
    assert found["sagemaker-data-type"].models == ("*",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "extends: mpm/sagemakr\n",
            "mpm.yml:1: `extends.0.pack`: there is no pack 'mpm/sagemakr': did you mean mpm/sagemaker?",
        ),
        ("extends: nothing\n", "there is no pack 'nothing': packs are mpm/azure-ml, "),
        (
            "models: []\nextends:\n  - {pack: mpm/default, without: [drift]}\n",
            "mpm.yml:3: `extends.0`: mpm/default has no rule 'drift': its rules are feature-drift, ",
        ),
        ("extends: [{pack: mpm/default, rules: []}]\n", "unknown key `extends.0.rules`"),
        ("extends: [mpm/default, mpm/large-changes]\n", "two packs bring a rule that is called 'low-traffic'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert said in str(error.value)
