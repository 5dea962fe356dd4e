"""The metrics of a window through `measure_subject`, against scipy and numpy on the raw rows."""

import numpy as np
import pytest
from scipy import special, stats

from mpm_elk.metrics import Floats
from mpm_elk.metrics.measure import measure_subject, measure_traffic
from mpm_elk.metrics.measured import Measured
from mpm_elk.metrics.sensitivity import LEVEL, POWER
from mpm_elk.profiles.cells import Cells
from mpm_elk.profiles.cut import cut_categorical, cut_numeric
from mpm_elk.profiles.profile import Moments, Profile, SubjectProfile
from mpm_elk.profiles.windows import subject_windows, traffic_windows

CELLS = cut_numeric(np.random.default_rng(1).normal(size=20_000), "x")
COLOURS = cut_categorical({"red": 50, "green": 30, "blue": 20}, "colour")


def _against(cells: Cells, window: SubjectProfile, reference: SubjectProfile, *past: SubjectProfile) -> Measured:
    rows = [*past, window]
    return measure_subject(
        cells,
        subject_windows(cells, rows),
        subject_windows(cells, [reference] * len(rows)),
        np.zeros(len(past), dtype=np.bool_),
        in_sample=np.zeros(len(rows), dtype=np.bool_),
    )


def _numbers(rows: Floats) -> SubjectProfile:
    return SubjectProfile(CELLS.hash, CELLS.count(rows), 0, 0, Moments.of(rows))


def _colours(**counts: int) -> SubjectProfile:
    rows = [colour for colour, number in counts.items() for _ in range(number)]
    return SubjectProfile(COLOURS.hash, COLOURS.count(rows), 0, 0)


def test_every_new_number_is_that_of_the_raw_rows() -> None:
    rng = np.random.default_rng(2)
    now, before = rng.normal(0.3, 1.1, 3_000), rng.normal(size=50_000)
    found = _against(CELLS, _numbers(now), _numbers(before)).values
    edges = CELLS.edges[CELLS.coarse]
    b, a = (np.bincount(np.digitize(rows, edges), minlength=len(edges) + 1) for rows in (now, before))
    used = (a > 0) | (b > 0)
    assert found["drift.kl"] == pytest.approx(stats.entropy(b[used] + 0.5, a[used] + 0.5), rel=1e-9)
    q, p = b / 3_000, a / 50_000
    hellinger = np.sqrt(1 - np.sqrt(q * p).sum())
    assert found["drift.hellinger"] == pytest.approx(hellinger, rel=1e-9)
    noise = (used.sum() - 1) * (1 / 3_000 + 1 / 50_000)
    assert found["drift.hellinger_adjusted"] == pytest.approx(np.sqrt(hellinger**2 - noise / 8), rel=1e-9)
    worst = np.abs(q - p).argmax()
    assert found["drift.l_infinity"] == pytest.approx(abs(q - p)[worst])
    table = np.array([[b[worst], 3_000 - b[worst]], [a[worst], 50_000 - a[worst]]])
    expected = np.sqrt(stats.chi2_contingency(table, correction=False).statistic)
    assert found["drift.l_infinity_z"] == pytest.approx(np.copysign(expected, (q - p)[worst]))
    exact = stats.wasserstein_distance(*(np.clip(rows, CELLS.edges[0], CELLS.edges[-1]) for rows in (now, before)))
    sd = before.std(ddof=1)
    assert abs(found["drift.wasserstein"] - exact / sd) <= min(found["drift.wasserstein_bound"], 0.01)
    t = stats.cramervonmises_2samp(now, before, method="asymptotic").statistic
    assert abs(found["drift.cramer_von_mises"] - t) <= found["drift.cramer_von_mises_bound"]
    assert found["drift.cramer_von_mises"] == pytest.approx(t, rel=0.02)
    assert found["drift.sd_ratio"] == pytest.approx(now.std(ddof=1) / sd, rel=1e-9)
    assert found["drift.sd_ratio_lower"] < found["drift.sd_ratio"] < found["drift.sd_ratio_upper"]
    for quantile in (5, 25, 50, 75, 95):
        name = f"drift.quantile_{quantile:02d}_shift"
        edge = found[f"{name}_edge"]
        assert edge == pytest.approx(np.quantile(before, quantile / 100), abs=0.15)
        assert found[name] == pytest.approx((now < edge).mean() - (before < edge).mean(), abs=1e-12)
    needed = -special.ndtri(LEVEL / 3 / 2)  # two-sided, and one of the three parts of the test of the distribution
    error = np.sqrt(now.var(ddof=1) / 3_000 + before.var(ddof=1) / 50_000)
    expected = (needed + special.ndtri(POWER)) * error / sd
    assert found["drift.smallest_mean_shift"] == pytest.approx(expected, rel=1e-3)
    assert "drift.g_p" not in found  # no history, no evidence
    assert "drift.cramer_von_mises_p" not in found
    assert (found["quality.became_constant"], found["quality.stopped_being_constant"]) == (0, 0)


def test_evidence_of_g_and_cramer_von_mises_is_like_that_of_chi2_and_ks() -> None:
    rng = np.random.default_rng(3)
    past = [_numbers(rng.normal(size=1_000)) for _ in range(40)]
    reference = _numbers(rng.normal(size=50_000))
    same, moved = (
        _against(CELLS, _numbers(rng.normal(shift, 1, 1_000)), reference, *past).values for shift in (0, 0.5)
    )
    assert same["drift.g_p"] == pytest.approx(same["drift.chi2_p"], abs=0.1)
    assert same["drift.cramer_von_mises_p"] > 0.01
    assert max(moved["drift.g_p"], moved["drift.cramer_von_mises_p"]) < 1e-6


def test_a_wilder_past_asks_for_more() -> None:
    rng = np.random.default_rng(4)
    calm, wild = (
        _against(
            CELLS,
            _numbers(np.sort(rng.normal(size=1_000))),
            _numbers(rng.normal(size=50_000)),
            *(_numbers(rng.normal(spread * rng.normal(), 1, 1_000)) for _ in range(40)),
        ).values
        for spread in (0.0, 0.3)
    )
    for name in ("drift.smallest_mean_shift", "drift.smallest_psi"):
        assert wild[name] > 2 * calm[name]
    for name in ("drift.sd_ratio", "drift.quantile_50_shift"):
        widths = [values[f"{name}_upper"] - values[f"{name}_lower"] for values in (calm, wild)]
        assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize(
    ("window", "reference", "became", "stopped"),
    [
        ({"red": 5}, {"red": 5, "green": 1}, 1, 0),
        ({"red": 5, "green": 1}, {"red": 5}, 0, 1),
        ({"green": 5}, {"red": 5}, 0, 1),
        ({"red": 5}, {"red": 9}, 0, 0),
        ({"pink": 5}, {"red": 5, "green": 1}, 0, 0),  # unseen values may be several
        ({"red": 1}, {"red": 5, "green": 1}, None, None),
        ({}, {"red": 5, "green": 1}, None, None),
        ({"red": 5}, {}, None, None),
    ],
)
def test_constant_categories(
    window: dict[str, int], reference: dict[str, int], became: int | None, stopped: int | None
) -> None:
    found = _against(COLOURS, _colours(**window), _colours(**reference)).values
    assert found.get("quality.became_constant") == became
    assert found.get("quality.stopped_being_constant") == stopped


def test_constant_numbers() -> None:
    moving, still, other = (_numbers(rows) for rows in (np.linspace(-1, 1, 50), np.full(50, 0.5), np.full(50, 0.7)))
    frozen = _against(CELLS, still, moving).values
    assert (frozen["quality.became_constant"], frozen["quality.stopped_being_constant"]) == (1, 0)
    assert frozen["drift.sd_ratio"] == 0
    for window in (moving, other):
        found = _against(CELLS, window, still).values
        assert (found["quality.became_constant"], found["quality.stopped_being_constant"]) == (0, 1)
        assert not {"drift.wasserstein", "drift.sd_ratio", "drift.smallest_mean_shift"} & set(found)
    assert "quality.became_constant" not in _against(CELLS, _numbers(np.array([0.5])), moving).values


@pytest.mark.parametrize("empty", ["window", "reference"])
def test_an_empty_side_has_no_new_numbers(empty: str) -> None:
    some, none = _numbers(np.linspace(-1, 1, 500)), _numbers(np.array([]))
    found = _against(CELLS, *((none, some) if empty == "window" else (some, none))).values
    own = {"drift.mean", "drift.mean_reference", "dispersion.windows"}
    assert not {name for name in found if name.startswith("drift.")} - own - {"drift.chi2_df"}


def test_sums_that_overflowed_leave_what_the_cells_tell() -> None:
    whole = _numbers(np.linspace(-1, 1, 500))
    spoilt = SubjectProfile(whole.cells_hash, whole.cells, 0, 0, Moments(500, 0.0, float("inf")))
    found = _against(CELLS, spoilt, whole).values
    assert found["drift.wasserstein"] == 0
    assert "drift.sd_ratio" not in found


def test_durations_leave_out_windows_with_alerts() -> None:
    rng = np.random.default_rng(5)
    means = 2e6 * np.exp(0.03 * rng.normal(size=40))
    means[20] = 9e6
    profiles = [Profile(100, 0, Moments(100, 100 * mean, 0.0)) for mean in means]
    members = np.tri(40, k=-1, dtype=np.bool_)
    members[0, 1], members[:, 20] = True, False
    flagged = np.arange(39) == 20
    plain, without = (
        measure_traffic(traffic_windows(profiles), members, slice(0, 40), flags, ends=range(40)).values
        for flags in (np.zeros(39, dtype=np.bool_), flagged)
    )
    ratio = means[-1] / np.delete(means[:-1], 20).mean()
    assert without["traffic.duration_ratio"] == plain["traffic.duration_ratio"] == pytest.approx(ratio)
    assert without["traffic.duration_ratio_lower"] > 0.8 * ratio > plain["traffic.duration_ratio_lower"]
