"""`mpm_elk.compare`: what is counted, judged, and said."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import mpm_elk
from mpm_elk.config.rules import Rule
from mpm_elk.errors import InputError, UsageError
from mpm_elk.notebook.compare import VERSION
from mpm_elk.profiles.cells import CellSet
from mpm_elk.registry.rows import Columns, read
from mpm_elk.registry.training import count_rows, survey
from mpm_elk.rules.defaults import DEFAULT_RULES

DRIFT = {"id": "drift", "metric": "drift.psi_adjusted", "against": "baseline", "warning": 0.1, "evidence": "none"}
START = datetime(2026, 9, 1, tzinfo=UTC)


def frame(rows: int, *, days: int = 40, first: int = 0, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Make rows of some days: two features, an output, and who was asked where."""
    rng = np.random.default_rng([seed, first])
    return pd.DataFrame(
        {
            "at": [START + timedelta(days=first + days * row / rows) for row in range(rows)],
            "income": np.exp(rng.normal(10 + shift, 0.5, rows)),
            "purpose": rng.choice(["car", "home", "trip"], rows, p=[0.6, 0.3, 0.1]),
            "score": rng.random(rows),
            "region": rng.choice(["EU", "US"], rows),
        }
    )


REFERENCE = frame(12_000)
NOW = frame(1_200, days=3, first=40, shift=0.4)


def mpm(result: mpm_elk.Comparison, subject: str) -> dict[str, Any]:
    """Give the last document of a subject."""
    return [dict(d["mpm"]) for d in result.documents if d["mpm"]["subject"]["name"] == subject][-1]


def test_the_reference_is_cut_and_counted_as_a_baseline_is(tmp_path: Path) -> None:
    columns = Columns(exclude=frozenset({"at", "region"}))
    REFERENCE.to_parquet(file := tmp_path / "reference.parquet")
    NOW.to_parquet(other := tmp_path / "now.parquet")
    found = survey(read(file, columns))
    before, _ = count_rows(read(file, columns), found.cells)
    now, _ = count_rows(read(other, columns), found.cells)
    result = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"])
    assert len(result.documents) == len(found.cells.subjects) == 3
    for subject, cells in found.cells.subjects.items():
        stored = mpm(result, subject)["distributions"]
        assert stored["cells"] == cells.coarse_labels()
        assert stored["reference"] == cells.to_coarse(before.subjects[subject].cells).tolist()
        assert stored["window"] == cells.to_coarse(now.subjects[subject].cells).tolist()
    again = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"], cells=found.cells.to_document())
    assert again.documents == result.documents


def test_without_times_there_are_effects_and_no_decision_that_needs_evidence() -> None:
    result = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"])
    assert result.status == "insufficient_data"
    assert result.alerts == []
    assert "no history" in result.notes[0]
    income = mpm(result, "features.income")
    assert income["drift"]["psi_adjusted"] > 0.3
    assert "p_adjusted" not in income["drift"]
    assert "still learning" in income["finding"]
    decided = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"], rules=[DRIFT])
    assert [(alert.rule, alert.subject, alert.start) for alert in decided.alerts] == [
        ("drift", "features.income", None)
    ]
    assert decided.status == "warning"


def test_with_times_each_day_is_judged_and_the_reference_shows_how_days_vary() -> None:
    result = mpm_elk.compare(REFERENCE, NOW, time="at", exclude=["region"])
    assert result.windows == [f"2026-10-{day}T00:00:00.000Z" for day in (11, 12, 13)]
    assert [line.subject for line in result.lines] == ["features.income", "features.purpose", "prediction.score"]
    [alert] = result.alerts
    assert (alert.rule, alert.subject, alert.severity) == ("feature-drift", "features.income", "critical")
    assert (alert.start, alert.windows, alert.active) == ("2026-10-11T00:00:00.000Z", 3, True)
    assert mpm(result, "features.income")["dispersion"]["windows"] == 40
    assert mpm(result, "features.purpose")["status"] == "ok"
    quiet = mpm_elk.compare(REFERENCE, frame(1_200, days=3, first=40, seed=3), time="at", exclude=["region"])
    assert quiet.alerts == []
    assert quiet.status == "ok"


def test_a_short_reference_is_said_to_be_short() -> None:
    result = mpm_elk.compare(frame(4_000, days=20), NOW, time="at", exclude=["region"])
    assert "has 20 days; 28 are needed" in result.notes[0]
    assert mpm(result, "features.income")["status"] == "insufficient_data"


def test_order_of_rows_does_not_matter() -> None:
    mixed = NOW.sample(frac=1, random_state=1)
    whole = mpm_elk.compare(REFERENCE, NOW, time="at", exclude=["region"])
    other = mpm_elk.compare(REFERENCE, mixed.reset_index(drop=True), time="at", exclude=["region"])
    assert other.documents == whole.documents


def test_every_kind_of_table_gives_the_same() -> None:
    expected = mpm_elk.compare(REFERENCE, NOW, time="at", exclude=["region"]).documents
    tables: list[Any] = [pa.Table.from_pandas(NOW), NOW.to_dict("list")]
    for table in tables:
        assert mpm_elk.compare(REFERENCE, table, time="at", exclude=["region"]).documents == expected


def test_a_table_with_texts_among_numbers_counts_them_as_of_the_wrong_type() -> None:
    spoilt = NOW.assign(income=NOW["income"].astype(object).where(NOW.index % 10 != 0, "n/a"))
    for how in ({"time": "at", "exclude": ["region"]}, {"exclude": ["at", "region"]}):
        result = mpm_elk.compare(REFERENCE, spoilt, **how)
        assert mpm(result, "features.income")["quality"]["type_violation_rate"] == pytest.approx(0.1)


def test_columns_that_are_on_one_side_only() -> None:
    result = mpm_elk.compare(
        REFERENCE.assign(id=[f"customer {row}" for row in range(len(REFERENCE))]),
        NOW.drop(columns="purpose").assign(fresh=1),
        time="at",
        exclude=["region"],
    )
    assert mpm(result, "features.purpose")["quality"]["missing_rate"] == 1.0
    said = " ".join(result.notes)
    assert "no column for purpose" in said
    assert "Not compared: fresh: the reference has no such column." in result.notes
    assert "Not compared: id: in the reference" in said


def test_features_and_outputs_can_be_named() -> None:
    result = mpm_elk.compare(REFERENCE, NOW, features=["income"], score="score")
    assert {document["mpm"]["subject"]["name"] for document in result.documents} == {
        "features.income",
        "prediction.score",
    }


def test_rules_on_traffic_and_segments_look_at_the_current_table_over_time() -> None:
    rules = [
        *DEFAULT_RULES,
        Rule.model_validate(
            {"id": "by-region", "metric": "drift.psi", "on": {"subject": "prediction.*", "segments": ["region"]},
             "against": "previous", "warning": 0.5, "min_samples": 50}
        ),
    ]  # fmt: skip
    failing = NOW.assign(failed=NOW.index % 4 == 0, took=1_000_000 + NOW.index)
    result = mpm_elk.compare(
        REFERENCE, failing, time="at", segments=["region"], failed="failed", duration="took", rules=rules
    )
    days = [d["mpm"] for d in result.documents if d["mpm"]["subject"]["name"] == "model"]
    [last] = [m for m in days if m["window"] == mpm_window("2026-10-13", "2026-10-14")]
    assert (last["traffic"]["count"], last["traffic"]["failures"]) == (400, 100)
    silence = datetime(2026, 10, 14, tzinfo=UTC) - failing["at"].max()
    assert last["traffic"]["freshness"] == pytest.approx(silence.total_seconds(), abs=0.001)
    assert last["traffic"]["duration_mean"] == pytest.approx(1_000_000 + np.arange(800, 1200).mean())
    assert mpm(result, "features.income")["sample"]["window"] == 300
    segments = {d["mpm"]["segment_key"] for d in result.documents}
    assert segments == {"all", "region=EU", "region=US"}
    assert result.documents[0]["mpm"]["model"]["version"] in (VERSION.version, "*")
    left = mpm_elk.compare(REFERENCE, NOW, exclude=["at"], segments=["region"], rules=rules)
    assert any("low-traffic, failures, slow-inference, by-region say nothing" in note for note in left.notes)


def mpm_window(start: str, end: str) -> dict[str, str]:
    return {"start": f"{start}T00:00:00.000Z", "end": f"{end}T00:00:00.000Z", "length": "1d"}


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"time": "when"}, InputError, "reference has no column 'when', which `time` names"),
        ({"score": "scor"}, InputError, "did you mean 'score'"),
        ({"features": ["incme"]}, InputError, "did you mean 'income'"),
        ({"failed": "failed"}, InputError, "current has no column 'failed'"),
        ({"exclude": list(REFERENCE.columns)}, InputError, "no usable columns"),
        ({"rules": [{**DRIFT, "against": "version 2"}]}, UsageError, "a table has one version"),
        ({"rules": [{**DRIFT, "metric": "drift.pis"}]}, UsageError, "did you mean drift.psi"),
        ({"rules": [{**DRIFT, "on": {"segments": ["region"]}}]}, UsageError, r"give segments=\['region'\]"),
        ({"rules": []}, UsageError, "no rule is left"),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_would_be(how: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        mpm_elk.compare(REFERENCE, NOW, **how)


def test_empty_tables_are_no_tables_to_compare() -> None:
    with pytest.raises(InputError, match="reference: no rows"):
        mpm_elk.compare(REFERENCE.head(0), NOW)
    ways: list[dict[str, Any]] = [{"time": "at"}, {}]
    for how in ways:
        with pytest.raises(InputError, match="current: no rows"):
            mpm_elk.compare(REFERENCE, NOW.head(0), **how)


def test_of_very_many_values_the_rare_ones_are_one_group() -> None:
    many = NOW.assign(region=[f"place {row}" for row in range(len(NOW))])
    rule = {"id": "by-region", "metric": "drift.psi", "on": {"segments": "region"}, "against": "rolling 2d",
            "warning": 1, "evidence": "none", "min_samples": 1}  # fmt: skip
    found = mpm_elk.compare(REFERENCE, many, time="at", segments=["region"], rules=[rule]).documents
    keys = {document["mpm"]["segment_key"] for document in found}
    assert "region=(other)" in keys
    assert len(keys) <= 201


def test_min_samples_holds_for_all_rules() -> None:
    result = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"], rules=[DRIFT], min_samples=5_000)
    assert result.status == "insufficient_data"
    assert "fewer than 5000" in str(result)


def test_importing_the_package_is_light_and_comparing_asks_no_cluster() -> None:
    program = (
        "import sys, mpm_elk; assert 'numpy' not in sys.modules and 'pyarrow' not in sys.modules;"
        "assert 'compare' in dir(mpm_elk);"
        "import socket; socket.socket.connect = None;"
        "t = {'a': [float(i % 7) for i in range(700)]};"
        "rule = dict(id='r', metric='drift.psi', warning=1, evidence='none', min_samples=1);"
        "print(mpm_elk.compare(t, t, rules=[rule]).status);"
        "assert 'polars' not in sys.modules and 'rich' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr
    with pytest.raises(AttributeError, match="no attribute 'comparison'"):
        _ = mpm_elk.comparison


def test_known_cells_are_kept_and_new_columns_cut() -> None:
    cells = CellSet({"features.income": survey(iter(()), None).cells.subjects.get("features.income") or cut()})
    result = mpm_elk.compare(REFERENCE, NOW, exclude=["at", "region"], cells=cells)
    assert len(mpm(result, "features.income")["distributions"]["cells"]) == len(cut().coarse_labels())
    assert "prediction.score" in {line.subject for line in result.lines}


def cut() -> Any:
    from mpm_elk.profiles.cut import cut_numeric  # noqa: PLC0415

    return cut_numeric(np.linspace(5_000, 90_000, 10), "mpm.features.numeric.income")


def test_json_and_frame_say_the_same() -> None:
    result = mpm_elk.compare(REFERENCE, NOW, time="at", exclude=["region"])
    content = json.loads(result.to_json())
    table = result.to_frame()
    assert content["rows"] == {"reference": 12_000, "current": 1_200}
    assert [d["mpm"]["status"] for d in content["documents"]] == table["status"].tolist()
    assert [d["mpm"]["drift"]["psi"] for d in content["documents"]] == table["drift.psi"].tolist()
    assert content["alerts"][0]["subject"] == "features.income"
    assert (
        "window"
        not in json.loads(mpm_elk.compare(REFERENCE, NOW, features=["income"]).to_json())["documents"][0]["mpm"]
    )


def test_a_parquet_file_read_by_arrow_is_a_table(tmp_path: Path) -> None:
    NOW.to_parquet(file := tmp_path / "now.parquet")
    table = parquet.read_table(file)
    assert mpm_elk.compare(table, table, exclude=["at"], rules=[DRIFT]).status == "ok"
