"""Write the page about metrics, `docs/metrics.md`, from the registry. Pure: a test compares the file with this."""

from collections.abc import Iterable

from mpm_elk.metrics.catalogue import BY_HAND, REGISTRY, TRAFFIC_SUBJECT, Metric
from mpm_elk.metrics.metric import BY_HAND_EVIDENCE, EVIDENCE
from mpm_elk.metrics.sensitivity import POWER

_DIRECTIONS = {
    "above": "above",
    "below": "below",
    "away": "away from 0, either side",
    "apart": "away from 1, either side (1.25 is also 0.8)",
}

_SUBJECTS = {"numeric": "numbers", "categorical": "categories", "joint": "features together"}

_INTRODUCTION = f"""# Metrics

Written from the registry, `mpm_elk/metrics/families/`: do not edit. After a change there:

```sh
python -c "from mpm_elk.metrics.page import page; print(page(), end='')" > docs/metrics.md
```

Every document of `mpm-metrics-v1-*` holds what could be computed of these numbers for one subject in one window, as
`mpm.drift.psi` and so on. What could not be computed is left out; it is never written as 0. Endings: `_lower` and
`_upper` are confidence limits, 99 % each for `drift.psi_adjusted` and 95 % together for all others, and `_p` is a
p-value. Only the `_upper` of `drift.ks`, and every `_bound`, is not about chance: it is the most by which cells can
hide what the rows did. Where a feature's cells are coarse, so are these bounds.

Numbers are compared in cells that are cut once: distances of shares in about 20 coarse cells, curves in 128 fine ones
(scores 256). Shares, means, standard deviations and the shares below an edge are exactly those of the rows. Kurtosis,
which the limits of `drift.sd_ratio` need, is estimated from the cells.

Features together are one subject, `features`: the first 30 numeric features by name, over a sample of at most about 500
rows an hour (all rows of a file). A value counts by its rank, which is its coarse cell; a correlation is that of the
rows that have both values. Sizes in `sample` are those of the sample.

“Adjusted” is the distance less its mean without drift, which depends on both sizes, on the cells and on how much past
windows varied; raw PSI, Jensen–Shannon and Hellinger stand beside it, for comparison with other tools. Theirs
can differ from ours by the cells and by smoothing; and scipy's Jensen–Shannon distance has base e by default, which
makes it 17 % smaller. How far each metric agrees with scipy, NannyML, Evidently, alibi-detect and whylogs in the same
cells is in [agreement.md](agreement.md).

“The smallest drift that the window could have shown” is what its test finds with probability {POWER:g}, given both
sizes, how much past windows varied, and how small p must be: the chance of a false alarm that the look may have,
divided by the subjects that are looked at and their tests. A window without an alert says that nothing larger was
there, no more.

What the model says drifts as a feature does: scores in 256 fine cells, labels by class. The largest change of a class's
share is `drift.l_infinity`, of two classes it is that of the positive share; the mean of a probability is
`drift.mean`. The share of scores above a threshold is not counted apart: thresholds are in events, not in cells.

Not measured: how many different values are unseen, or a number has, for Elasticsearch's sketch of that does not add up
(the share of events that have them does); the spread of single durations within a window, for percentiles do not add
up either.
"""


_ALONE = """No test stands behind these, so a rule on one of them says `evidence: none`, and alerts at every crossing of
its threshold. No default rule does: how long a silence is usual, say, only the service's owner knows.

```yaml
rules:
  - id: silent
    metric: traffic.freshness
    window: 1h
    against: rolling 7d
    warning: 3600       # seconds without an event, of any version
    critical: 21600
    evidence: none
```
"""


_LEARNT = """All allow for how much past windows varied: `volume`, `latency` and `classifier` learn it from 7, the
others from 28.
"""

_BY_HAND = """These read rows, which the job never does: `mpm-elk drift classify` computes them when it is asked to, and
`mpm_elk.classify` in a notebook. They are written nowhere, and no rule can name them: [classify.md](classify.md).
"""


def page() -> str:
    """Give the whole page."""
    rules = [metric for metric in REGISTRY.values() if metric.test]
    shown = [metric for metric in REGISTRY.values() if not metric.test]
    parts = [
        _INTRODUCTION,
        "## Metrics that rules can name\n",
        _table(
            ("Name", "Meaning", "Subjects", "Evidence", "Bad is", "From", "Also"),
            ((*_row(m), f"`{m.test}`", _DIRECTIONS[m.bad], _gate(m), _beside(m)) for m in rules),
        ),
        "“From” is where a look is worth it, by the literature or our own measurements; rules decide.\n",
        "## Numbers without evidence\n",
        _ALONE,
        _table(
            ("Name", "Meaning", "Subjects", "Bad is", "Also"),
            ((*_row(m), _DIRECTIONS[m.bad], _beside(m)) for m in shown),
        ),
        "## Asked for by hand\n",
        _BY_HAND,
        _table(
            ("Name", "Meaning", "Subjects", "Evidence", "Bad is", "From", "Also"),
            ((*_row(m), f"`{m.test}`", _DIRECTIONS[m.bad], _gate(m), _beside(m)) for m in BY_HAND.values()),
        ),
        "## Evidence\n",
        _table(("Test", "How"), ((f"`{name}`", how) for name, how in (EVIDENCE | BY_HAND_EVIDENCE).items())),
        _LEARNT,
    ]
    return "\n".join(parts)


def _row(metric: Metric) -> tuple[str, str, str]:
    if metric.subjects == (TRAFFIC_SUBJECT,):
        subjects = "traffic"
    else:
        subjects = _SUBJECTS.get(metric.kind or "", "numbers, categories")
    return f"`{metric.name}`", metric.meaning, subjects


def _gate(metric: Metric) -> str:
    return "" if metric.gate is None else f"{metric.gate:g}"


def _beside(metric: Metric) -> str:
    return ", ".join(f"`_{ending}`" for ending in metric.beside)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
