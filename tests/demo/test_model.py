from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from mpm_elk.demo import model as subject
from mpm_elk.errors import InputError

Models = Mapping[str, subject.DelayModel]


def test_training_rows_end_with_march_and_have_an_outcome(year: pd.DataFrame) -> None:
    rows = subject.training_rows(year)
    assert rows["timestamp"].max() < pd.Timestamp("2013-04-01T00:00Z")
    assert rows["late"].notna().all()
    assert len(rows) > 70_000


def test_training_twice_gives_the_same_scores(sample: pd.DataFrame, models: Models) -> None:
    np.testing.assert_array_equal(subject.train(sample, "1").score(sample), models["1"].score(sample))


def test_the_model_predicts_better_than_chance_on_months_that_it_has_not_seen(
    year: pd.DataFrame, models: Models
) -> None:
    later = year[year["timestamp"] >= subject.TRAINED_UNTIL].iloc[::20]
    auc = subject.auc_by_month(later.assign(score=models["1"].score(later)))
    # One flight of the sample was predicted in 2014, UTC: no AUC of that month.
    assert set(auc) == {f"2013-{month:02d}" for month in range(4, 13)}
    assert min(auc[f"2013-{month:02d}"] for month in (4, 5, 6)) > 0.58


def test_version_2_scores_integer_carriers(sample: pd.DataFrame, models: Models) -> None:
    rows = sample.head(500)
    coded = rows.assign(carrier=subject.code_carriers(rows["carrier"]))
    scores = models["2"].score(coded)
    assert ((scores > 0) & (scores < 1)).all()
    assert np.corrcoef(scores, models["1"].score(rows))[0, 1] > 0.8
    with pytest.raises(ValueError, match="could not convert"):
        models["2"].score(rows)


def test_an_unknown_category_scores_as_a_missing_one(sample: pd.DataFrame, models: Models) -> None:
    rows = sample.head(50)
    np.testing.assert_array_equal(
        models["1"].score(rows.assign(destination="XXX")), models["1"].score(rows.assign(destination=None))
    )


def test_scores_of_the_training_period_come_from_models_of_other_days(sample: pd.DataFrame, models: Models) -> None:
    cross, own = subject.cross_scores(sample), models["1"].score(sample)
    late = sample["late"].to_numpy(dtype=bool)

    def brier(scores: np.ndarray) -> float:
        return float(np.mean((scores - late) ** 2))

    # The model's own rows fit better than new ones do: the gap that honest scores must not hide.
    assert brier(cross) > brier(own) + 0.02
    assert brier(cross) < late.var()


def test_a_carrier_without_a_code_is_named() -> None:
    assert subject.code_carriers(pd.Series(["9E", "YV"])).tolist() == [1, 16]
    with pytest.raises(InputError, match="ZZ"):
        subject.code_carriers(pd.Series(["UA", "ZZ"]))


def test_every_carrier_of_the_year_has_a_code(year: pd.DataFrame) -> None:
    assert sorted(year["carrier"].unique()) == list(subject.CARRIERS)
