from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mpm_elk.config import SourceSettings, load
from mpm_elk.errors import ConfigError

LEAST: dict[str, Any] = {"name": "log", "index": "logs-*", "model": "m", "version": 3, "score": "s"}


def test_the_least_that_a_source_needs() -> None:
    source = SourceSettings.model_validate(LEAST)
    assert (source.model.text, source.version.text, source.environment.text) == ("m", "3", "production")
    assert (source.pattern, source.time) == ("logs-*", "@timestamp")
    assert source.named_fields() == {"time": "@timestamp", "score": "s"}


def test_fields_are_named_by_role() -> None:
    source = SourceSettings.model_validate(
        {**LEAST, "index": ["a-*", "b"], "model": {"field": "f.m"},
         "features": {"x": "in.x", "c": {"field": "in.c", "as": "categorical"}},
         "duration": {"field": "took", "unit": "ms"}, "failure": {"field": "status", "is": 500}, "segments": ["geo"]}
    )  # fmt: skip
    assert source.pattern == "a-*,b"
    assert source.named_fields() == {
        "time": "@timestamp", "score": "s", "model": "f.m", "failure": "status", "duration": "took",
        "segments.geo": "geo", "features.x": "in.x", "features.c": "in.c",
    }  # fmt: skip
    assert source.duration is not None
    assert source.duration.nanoseconds == 1_000_000
    assert source.failure is not None
    assert source.failure.is_ == (500,)
    listed = SourceSettings.model_validate({**LEAST, "features": ["in.x"]})
    assert {name: feature.field for name, feature in listed.features.items()} == {"in.x": "in.x"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"score": None}, "name what to look at"),
        ({"index": []}, "at least 1 item"),
        ({"index": "mpm-predictions-v1-*"}, "would match indices of mpm-elk"),
        ({"index": "*"}, "would match indices of mpm-elk"),
        ({"index": "other:logs-*"}, "of this cluster"),
        ({"index": "a,b"}, "several are a list"),
        ({"model": {}}, "give a text that holds for all events"),
        ({"model": {"field": "a", "text": "b"}}, "give a text that holds for all events"),
        ({"model": "m" * 129}, "`model` has more than 128 characters"),
        ({"failure": {"field": "f", "is": 1, "at_least": 2}}, "not both"),
        ({"features": {"x" * 300: "x"}}, "a feature's name has 1 to 256 characters"),
        ({"segments": {"": "x"}}, "empty or too long"),
        ({"duration": {"field": "x", "unit": "h"}}, "'ns', 'us', 'ms' or 's'"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("*", r"\*")):
        SourceSettings.model_validate({**LEAST, **changes})


def test_errors_say_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "mpm.yml"
    file.write_text("sources:\n  - name: log\n    index: logs\n    model: m\n    version: '1'\n    scor: s\n")
    with pytest.raises(ConfigError, match="did you mean `score`") as caught:
        load(file, {})
    assert f"{file}:6: unknown key `sources.0.scor`" in str(caught.value)
    entry = "  - {name: log, index: logs, model: m, version: '1', score: s}\n"
    file.write_text("sources:\n" + entry * 2)
    with pytest.raises(ConfigError, match="two sources are called 'log'"):
        load(file, {})
    file.write_text("sources:\n" + entry)
    (tmp_path / "a.yml").write_text("sources:\n" + entry.replace("log,", "other,"))
    assert [source.name for source in load(tmp_path, {}).sources] == ["other", "log"]
