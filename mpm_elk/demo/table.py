"""From alert episodes to a short table, and to the answer whether the planted incidents were found. Pure.

A finding belongs to a planted incident when it began while the incident lasted, and is about a feature that the
incident touches. What the model *said* meanwhile may come from the incident or not: that is not decided here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mpm_elk.demo import words
from mpm_elk.demo.findings import Finding
from mpm_elk.demo.incidents import INCIDENTS, Incident
from mpm_elk.timespan import DAY_MS, from_ms, to_ms

REAL = "real"


@dataclass(frozen=True)
class Row:
    """One line of the table: findings of one rule that belong together."""

    when: str
    what: str
    how_much: str
    how_sure: str
    origin: str
    severity: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Discovery:
    """What became of one planted incident: the findings that belong to it, and when (ms) a run first said it.

    `expected` is false where the replay ended before the incident's first day did.
    """

    incident: Incident
    expected: bool
    findings: tuple[Finding, ...] = ()

    @property
    def found(self) -> int | None:
        """When a run first opened an alert that belongs to it, in ms; None where none did."""
        return min((finding.opened for finding in self.findings), default=None)

    @property
    def missed(self) -> bool:
        """Tell whether it should have been found and was not."""
        return self.expected and not self.findings


def incident_of(finding: Finding, incidents: Sequence[Incident] = INCIDENTS) -> Incident | None:
    """Find the planted incident that a finding belongs to."""
    name = finding.subject.removeprefix("features.")
    return next((i for i in incidents if _lasts(i, finding.start) and name in i.features), None)


def origin_of(finding: Finding, incidents: Sequence[Incident] = INCIDENTS) -> str:
    """Say where a finding comes from: planted, real, or not to tell without a check."""
    if incident := incident_of(finding, incidents):
        return f"planted: {incident.name}"
    if finding.subject.startswith("prediction."):
        during = [incident.name for incident in incidents if _lasts(incident, finding.start)]
        if during:
            return f"not checked: {during[-1]} lasts"
    return REAL


def _lasts(incident: Incident, at: int) -> bool:
    return to_ms(incident.start) <= at and (incident.end is None or at < to_ms(incident.end))


def rows(findings: Iterable[Finding], incidents: Sequence[Incident] = INCIDENTS) -> list[Row]:
    """Group findings: those of an incident by rule, the others by rule and the time at which they began."""
    groups: dict[tuple[str, str, int], list[Finding]] = {}
    for finding in findings:
        if finding.withdrawn:
            continue
        planted = incident_of(finding, incidents)
        start = to_ms(planted.start) if planted else finding.start
        groups.setdefault((origin_of(finding, incidents), finding.rule, start), []).append(finding)
    made = [_row(origin, some) for (origin, _, _), some in groups.items()]
    return sorted(made, key=lambda row: (min(f.start for f in row.findings), row.origin, row.what))


def _row(origin: str, findings: Sequence[Finding]) -> Row:
    worst = max(findings, key=lambda finding: finding.badness)
    start, end = min(f.start for f in findings), max(f.end for f in findings)
    names = list(dict.fromkeys(words.subject(f.subject) for f in findings))
    segments = list(dict.fromkeys(text for f in findings if (text := words.segment(f.segment))))
    what = f"{worst.rule}: {', '.join(names)}" + (f" ({', '.join(segments)})" if segments else "")
    most = "at most " if len(findings) > 1 and len({words.how_much(f) for f in findings}) > 1 else ""
    return Row(
        words.span(start, end, active=any(f.active for f in findings)),
        what,
        most + words.how_much(worst),
        words.how_sure(_least_sure(findings), several=len(findings) > 1),
        origin,
        worst.severity,
        tuple(findings),
    )


def _least_sure(findings: Sequence[Finding]) -> float | None:
    """Give the largest adjusted p of a row: none of its findings is less sure."""
    return max((f.p_adjusted for f in findings if f.p_adjusted is not None), default=None)


def discoveries(findings: Iterable[Finding], end: int, incidents: Sequence[Incident] = INCIDENTS) -> list[Discovery]:
    """Say for each incident whether it was found, in a replay up to `end` (ms)."""
    standing = [finding for finding in findings if not finding.withdrawn]
    return [
        Discovery(
            incident,
            to_ms(incident.start) + DAY_MS <= end,
            tuple(finding for finding in standing if incident_of(finding, incidents) is incident),
        )
        for incident in incidents
    ]


def describe(discovery: Discovery) -> str:
    """Say in a line what became of a planted incident."""
    incident = discovery.incident
    text = f"{incident.name}: {incident.what}"
    if discovery.found is None:
        return f"{text}: " + ("NOT FOUND" if discovery.missed else "not reached in this replay")
    first = [finding for finding in discovery.findings if finding.opened == discovery.found]
    by = ", ".join(dict.fromkeys(finding.rule for finding in first))
    instant = from_ms(discovery.found)
    after = words.delay(to_ms(incident.start), discovery.found)
    return f"{text}: found on {words.day(instant)} at {instant:%H:%M}, {after} after it began, by {by}"
