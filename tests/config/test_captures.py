"""The `captures` part of the configuration: what it takes, and what it says of a mistake."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpm_elk.config import CaptureMapping, Config, load
from mpm_elk.errors import ConfigError

ENTRY: dict[str, Any] = {"endpoint": "lending/*", "model": "m", "output": {"score": 0}}

WHOLE = """
captures:
  - platform: kserve
    endpoint: [lending/credit-risk/predictor/*, lending/credit-risk/predictor]
    model: credit-risk
    version: 3
    environment: staging
    features: [age, late, null, zone]
    texts: zone
    output: {probabilities: [grant, deny], score: 1, threshold: 0.4}
    prediction_id: loan
    segment: {region: 2}
    failed_after: 30m
  - endpoint: "*"
    model: other
    features: {x0: age, x1: _, x2: ~}
    output: {label: 0, probabilities: {a: p_a, b: p_b}}
    segment: [zone]
"""


def mapping(**changes: Any) -> CaptureMapping:
    return CaptureMapping.model_validate(ENTRY | changes)


def test_a_whole_mapping(tmp_path: Path) -> None:
    (tmp_path / "mpm.yml").write_text(WHOLE)
    config = load(tmp_path / "mpm.yml", {})
    first, second = config.captures
    assert (first.version, first.texts, first.failed_after) == ("3", ("zone",), timedelta(minutes=30))
    assert first.feature_names == ["age", "late", "zone"]
    assert second.feature_names == ["age"]
    assert second.segment == {"zone": "zone"}
    assert second.version is None
    assert config.mapping("kserve", "lending/credit-risk/predictor/default") == first
    assert config.mapping("seldon", "lending/credit-risk/predictor/default") == second


def test_mappings_of_several_files_are_joined(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yml").write_text(f"captures: [{{endpoint: {name}, model: m, output: {{score: 0}}}}]")
    assert [mapping.endpoint for mapping in load(tmp_path, {}).captures] == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"features": "age"}, "list the names of the columns in order"),
        ({"features": []}, "list the names of the columns in order"),
        ({"features": [1]}, "list the names of the columns in order"),
        ({"features": {"x0": 1}}, "list the names of the columns in order"),
        ({"features": ["a", "b", "a"]}, "`features` names a twice"),
        ({"features": ["a"], "texts": ["b"]}, "`texts` names what is no feature: b"),
        ({"output": {}}, "say what the output means"),
        ({"output": {"threshold": 0.5}}, "say what the output means"),
        ({"output": {"score": -1}}, "positions are counted from 0"),
        ({"output": {"score": True}}, "name a column, or give its position"),
        ({"output": {"score": "_"}}, "name a column, or give its position"),
        ({"output": {"probabilities": []}}, "list the classes in the order of the columns"),
        ({"output": {"probabilities": ["a", "a"]}}, "names a class twice"),
        ({"prediction_id": [1]}, "name a column, or give its position"),
        ({"segment": {"": 1}}, "`segment` holds a name that is empty"),
        ({"endpoint": []}, "at least 1 item"),
        ({"failed_after": "soon"}, "is no time span"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        mapping(**change)


def test_a_mistake_is_found_in_its_line(tmp_path: Path) -> None:
    (tmp_path / "mpm.yml").write_text(WHOLE.replace("threshold", "treshold"))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "mpm.yml", {})
    assert "mpm.yml:10: unknown key `captures.0.output.treshold`" in str(caught.value)
    assert "did you mean `threshold`?" in str(caught.value)


def test_the_hash_follows_what_a_prediction_depends_on() -> None:
    same = [mapping(), mapping(endpoint="x"), mapping(platform="kserve"), mapping(failed_after="2h")]
    other = [
        mapping(model="n"), mapping(version="2"), mapping(environment="test"), mapping(features=["a"]),
        mapping(features={"a": "a"}), mapping(output={"value": 0}), mapping(prediction_id=0), mapping(segment=["a"]),
    ]  # fmt: skip
    assert len({one.hash for one in same}) == 1
    assert len({one.hash for one in [same[0], *other]}) == len(other) + 1


@pytest.mark.parametrize(
    ("output", "single"),
    [({"score": 0}, True), ({"value": 0, "threshold": 1}, True), ({"score": 1}, False), ({"score": "p"}, False),
     ({"score": 0, "label": 0}, False), ({"score": 0, "probabilities": ["a", "b"]}, False)],
)  # fmt: skip
def test_one_column_that_says_everything(output: dict[str, Any], *, single: bool) -> None:
    assert mapping(output=output).output.single is single


def test_without_mappings_there_is_none() -> None:
    assert Config().mapping("kserve", "x") is None
