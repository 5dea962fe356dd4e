"""Say days, subjects and numbers in words. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mpm_elk.contract.keys import ALL
from mpm_elk.demo.findings import Finding
from mpm_elk.metrics.catalogue import TRAFFIC_SUBJECT
from mpm_elk.timespan import DAY_MS, HOUR_MS, from_ms

_SMALLEST_P = 1e-99
"""Smaller p-values say nothing more."""


def day(instant: datetime) -> str:
    """Write a day so that one can recognise it: `Mon 29 Apr`."""
    return f"{instant:%a} {instant.day} {instant:%b}"


def span(start: int, end: int, *, active: bool = False) -> str:
    """Write [start, end) (ms) in days, both ends included: `Mon 29 Apr – Sun 5 May`; hours where they are no days."""
    first = day(from_ms(start))
    if active:
        return f"{first} – (active)"
    if start % DAY_MS or end % DAY_MS:
        return f"{first} {from_ms(start):%H:%M} – {_after(start, end)}"
    last = day(from_ms(end - 1))
    return first if first == last else f"{first} – {last}"


def _after(start: int, end: int) -> str:
    same_day = start // DAY_MS == (end - 1) // DAY_MS
    return f"{from_ms(end):%H:%M}" if same_day else f"{day(from_ms(end))} {from_ms(end):%H:%M}"


def delay(start: int, found: int) -> str:
    """Write how long after its start an incident was found: `24 h 10 min`."""
    hours, rest = divmod(found - start, HOUR_MS)
    return f"{hours} h {rest // 60_000} min"


def subject(name: str) -> str:
    """Write a subject: `features.wind_gust` is `wind gust`."""
    if name == TRAFFIC_SUBJECT:
        return "traffic"
    return name.removeprefix("features.").removeprefix("prediction.").replace("_", " ")


def segment(key: str) -> str:
    """Write a segment: `origin=JFK` is `origin JFK`; all events are nothing."""
    return "" if key == ALL else key.replace("=", " ", 1)


def how_sure(p_adjusted: float | None, *, several: bool = False) -> str:
    """Write an adjusted p-value; of `several` findings it is the largest."""
    if p_adjusted is None:
        return "–"
    if p_adjusted < _SMALLEST_P:
        return f"p < {_SMALLEST_P:.0e}"
    return f"p {'≤ ' if several else ''}{p_adjusted:.1g}"


def how_much(finding: Finding) -> str:
    """Write the number of a finding and what it means: `PSI 14.3: mean 13.2 instead of 55.1`."""
    family, metric = finding.metric.split(".", 1)
    write = _WRITERS.get(family)
    return write(finding, metric) if write else f"{finding.metric} {finding.value:.3g}"


def _drift(finding: Finding, metric: str) -> str:
    values: Mapping[str, Any] = finding.numbers.get("drift", {})
    name = "PSI" if metric.startswith("psi") else metric.replace("_", " ")
    text = f"{name} {finding.value:.3g}"
    if "mean" in values and "mean_reference" in values:
        return f"{text}: mean {values['mean']:.3g} instead of {values['mean_reference']:.3g}"
    return f"{text}: most in {values['culprit']}" if "culprit" in values else text


def _quality(finding: Finding, metric: str) -> str:
    kind = metric.removesuffix("_increase").removesuffix("_rate")
    values: Mapping[str, Any] = finding.numbers.get("quality", {})
    now, before = values.get(f"{kind}_rate"), values.get(f"{kind}_rate_reference")
    if now is None or before is None:
        return f"{_QUALITY[kind]} {finding.value:+.1%}"
    return f"{_percent(now)} {_QUALITY[kind]} instead of {_percent(before)}"


def _traffic(finding: Finding, metric: str) -> str:
    values: Mapping[str, Any] = finding.numbers.get("traffic", {})
    if metric.startswith("failure"):
        now, before = values.get("failure_rate", finding.value), values.get("failure_rate_reference", 0.0)
        return f"{_percent(now)} failed instead of {_percent(before)}"
    if "count" in values and "count_expected" in values:
        return f"{values['count']:,.0f} predictions instead of {values['count_expected']:,.0f}"
    return f"{finding.value:.0%} of the usual predictions"


def _percent(share: float) -> str:
    """Write a share; a small one keeps a digit that is not zero."""
    return f"{share:.2%}" if 0 < share < 0.001 else f"{share:.1%}"


_QUALITY = {
    "missing": "missing",
    "type_violation": "of the wrong type",
    "unseen": "unseen before",
    "out_of_range": "out of range",
}
_WRITERS: Mapping[str, Callable[[Finding, str], str]] = {"drift": _drift, "quality": _quality, "traffic": _traffic}
