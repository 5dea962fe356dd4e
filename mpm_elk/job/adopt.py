"""Adopt a model in traffic: propose cells from its events, measure its past, rehearse the rules on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from elasticsearch import Elasticsearch

from mpm_elk.alerts.rehearsal import RuleRehearsed, rehearse
from mpm_elk.cluster.changes import all_hours, refresh
from mpm_elk.cluster.leases import check_free
from mpm_elk.cluster.sources import of_model
from mpm_elk.config import Config
from mpm_elk.contract.keys import EVERYTHING, ModelKey, VersionKey
from mpm_elk.errors import RegistryError
from mpm_elk.job.context import Context, lease_name
from mpm_elk.job.report import ModelReport
from mpm_elk.job.slices import Slicing
from mpm_elk.job.timelines import fixed_windows
from mpm_elk.job.variation import HourCounts, Variation
from mpm_elk.metrics.catalogue import JOINT_SUBJECT
from mpm_elk.metrics.seasonality import Explained
from mpm_elk.profiles.cells import CellSet
from mpm_elk.profiles.profile import Profile
from mpm_elk.profiles.rollup import held, roll_up
from mpm_elk.profiles.store import DAY, HOUR, ProfileKey
from mpm_elk.profiles.timeline import Timeline, unit_for
from mpm_elk.registry.baseline import Made, from_hours, indices_of
from mpm_elk.registry.learning import save_learning
from mpm_elk.registry.proposal import MIN_VALUES, Proposal, Seen, State, cells_of, listed, propose
from mpm_elk.registry.store import Learning, ModelCells, ModelEntry, load, save_cells
from mpm_elk.registry.traffic import sample, unknown_subjects
from mpm_elk.registry.traits import Chosen, count_subjects, count_values, place_of
from mpm_elk.rules.evaluate import subjects_of
from mpm_elk.rules.judgement import BaselineCounts, Known, Monitor
from mpm_elk.timespan import DAY_MS, iso, milliseconds

_WEEK = 7 * DAY_MS
DEFAULT_LEARN = timedelta(days=28)


@dataclass(frozen=True)
class Wish:
    """What the caller asks for.

    `version` is whose events become the baseline; without it the one with most events. `learn` None: the default where
    cells change, else what was set before. Frozen cells of subjects that match `anew` are cut again.
    """

    version: str | None = None
    since: timedelta = timedelta(days=56)
    learn: timedelta | None = None
    anew: tuple[str, ...] = ()


@dataclass
class Plan:
    """What adopting would do, and what it was found from: events in [start, end) (ms), whole days."""

    version: VersionKey
    start: int
    end: int
    events: dict[str, int]
    entry: ModelEntry
    proposals: list[Proposal]
    promised: float
    learning: Learning | None = None
    baseline: bool = False
    variations: list[Variation] = field(default_factory=list)
    volume: Explained | None = None
    rehearsed: list[RuleRehearsed] = field(default_factory=list)
    days: dict[int, Profile] = field(default_factory=dict)
    sampled: int = 0

    @property
    def model(self) -> ModelKey:
        """The model."""
        return self.version.model

    @property
    def cells(self) -> CellSet:
        """The cells of all subjects, kept and proposed."""
        return cells_of(self.proposals)

    @property
    def fresh(self) -> list[str]:
        """The subjects whose cells are new, or take the place of others."""
        return [p.subject for p in self.proposals if p.state in (State.NEW, State.PROVISIONAL, State.ANEW)]

    @property
    def changes(self) -> bool:
        """Tell whether adopting would change anything."""
        return bool(self.fresh) or self.baseline or self.learning != self.entry.learning


@dataclass(frozen=True)
class Adopted:
    """What adopting has done."""

    baseline: Made | None
    learning: bool
    cells: tuple[str, ...]


def plan(context: Context, wish: Wish) -> Plan:
    """Find out what adopting a model would do; nothing is written.

    Raises RegistryError where there are no or too few events, LeaseHeldError while a run works on the model.
    """
    client, model, source = context.client, context.model, context.source
    check_free(client, lease_name(model))
    end = context.now_ms - milliseconds(context.config.job.settle)
    end -= end % DAY_MS
    start = end - milliseconds(wish.since)
    start -= start % DAY_MS
    index = ",".join(indices_of(client, model, start, end, pool=context.config.intake.pool, source=source))
    refresh(client, index.split(","))
    hours = {
        version: {hour: n for hour, n in counts.items() if start <= hour < end}
        for version, counts in all_hours(client, index.split(","), model, source).items()
    }
    hours = {version: counts for version, counts in hours.items() if counts}
    _require_enough(model, hours, start, end)
    version = _version(model, wish.version, hours)
    first = min(hour for counts in hours.values() for hour in counts)
    start = first - first % DAY_MS
    entry = load(client, model)

    context.progress(f"{model}: looking at the events of {(end - start) // DAY_MS} days")
    chosen = Chosen(index, model, source, start, end)
    seen = _look(context, chosen)
    known = ModelCells(held(entry.cells.cells, source), entry.cells.provisional) if entry.cells else None
    proposals = propose(seen, known, source, wish.anew)
    found = Plan(
        version,
        start,
        end,
        {v.version: sum(counts.values()) for v, counts in sorted(hours.items())},
        entry,
        proposals,
        context.config.job.false_alarms_per_month,
        sampled=seen.rows.size,
    )
    context.use(found.cells)
    _measure(context, found, index, hours)
    found.baseline = bool(found.fresh) or not _has_baseline(found)
    found.learning = _learning(found, wish.learn, context.now_ms)
    return found


def context_for(client: Elasticsearch, config: Config, model: ModelKey, now_ms: int) -> Context:
    """Make the context that a plan needs."""
    source = of_model(client, config.sources, model)
    return Context(client, config, model, now_ms, "adopt", ModelReport(model), source=source)


def _require_enough(model: ModelKey, hours: Mapping[VersionKey, Mapping[int, int]], start: int, end: int) -> None:
    total = sum(sum(counts.values()) for counts in hours.values())
    if total < MIN_VALUES:
        raise RegistryError(
            f"{model} has {total or 'no'} events from {iso(start)[:10]} up to {iso(end)[:10]} (UTC, whole days)"
            + (f", and {MIN_VALUES} are needed" if total else ""),
            remedy="give a longer --since, check the name and --environment, or wait for the first day to end",
        )


def _version(model: ModelKey, wanted: str | None, hours: Mapping[VersionKey, Mapping[int, int]]) -> VersionKey:
    totals = {version: sum(counts.values()) for version, counts in hours.items()}
    if wanted is None:
        return max(totals, key=lambda version: (totals[version], version))
    version = model.version(wanted)
    if version not in totals:
        others = ", ".join(sorted(other.version for other in totals))
        raise RegistryError(f"{model} has no events of version {wanted} then", remedy=f"versions are: {others}")
    return version


def _look(context: Context, chosen: Chosen) -> Seen:
    """Count what the events hold, and draw a sample of them."""
    client, model, source = context.client, context.model, context.source
    names = unknown_subjects(client, chosen.index, model, None, (chosen.start, chosen.end), source=source)
    counted = count_subjects(client, chosen, names)
    rows = sample(client, chosen.index, model, chosen.start, chosen.end, source=source)
    if not names or rows is None:
        raise RegistryError(f"no event of {model} carries a feature or an output", remedy="choose another --since")
    fields = {}
    for name in listed(counted):
        place = place_of(name, source)
        field_ = place.numbers if counted[name].numbers >= counted[name].texts and place.numbers else place.texts
        if field_ is not None:
            fields[name] = field_
    return Seen(rows, counted, count_values(client, chosen, fields))


def _measure(context: Context, found: Plan, index: str, hours: Mapping[VersionKey, Mapping[int, int]]) -> None:
    """Roll the past up in memory, week by week; measure how it varies, and rehearse the rules on it."""
    profiles: dict[ProfileKey, Profile] = {}
    variation = HourCounts(context.cells)
    whole = _hours_need_subjects(context)
    plan = context.plan if any(rule.on.segments for rule in context.rules) else {}
    slicing = Slicing.of(context, index.split(","))
    slicing.look(hours, plan)
    slices = slicing.slices(plan)
    for version, counts in sorted(hours.items()):
        for week in range(found.start, found.end, _WEEK):
            some = [hour for hour in counts if week <= hour < week + _WEEK]
            if not some:
                continue
            context.progress(f"{context.model}: counting the week of {iso(week)[:10]}, version {version.version}")
            rolled = roll_up(
                context.client, index, version, some, cells=context.cells, slices=slices, source=context.source
            )
            variation.add(rolled.profiles[EVERYTHING])
            for segment, hourly in rolled.profiles.items():
                for hour, profile in sorted(hourly.items()):
                    day = ProfileKey(version, segment, DAY, hour - hour % DAY_MS)
                    profiles[day] = profiles.get(day, Profile()) + profile
                    kept = profile if whole else replace(profile, subjects={}, joint=Profile().joint)
                    profiles[ProfileKey(version, segment, HOUR, hour)] = kept
    found.variations = list(variation.variations())
    found.volume = variation.volume(found.start, found.end)
    found.days = {
        key.start: profile
        for key, profile in profiles.items()
        if key.version == found.version and key.segment == EVERYTHING and key.granularity == DAY
    }
    for monitor in context.monitors:
        context.progress(f"{context.model}: rehearsing {', '.join(rule.id for rule in monitor.rules)}")
        found.rehearsed += _rehearse(context, found, monitor, profiles)


def _hours_need_subjects(context: Context) -> bool:
    return any(
        unit_for(monitor.length) == HOUR and subjects_of(rule, [*context.cells.subjects, JOINT_SUBJECT])
        for monitor in context.monitors
        for rule in monitor.rules
    )


def _rehearse(
    context: Context, found: Plan, monitor: Monitor, profiles: Mapping[ProfileKey, Profile]
) -> list[RuleRehearsed]:
    length, unit = milliseconds(monitor.length), unit_for(monitor.length)
    some = [(key, profile) for key, profile in profiles.items() if key.granularity == unit]
    start = found.start + -found.start % length
    timeline = Timeline(start, length, max(0, (found.end - start) // length))
    timeline.add(some)
    fixed = fixed_windows(monitor)
    if fixed is not None:
        fixed.add(some)  # as far as the past that was read holds them
    known = Known(context.model, context.cells, _baselines(found, timeline), fixed=fixed)
    allowed = context.config.job.false_alarms_per_month / len(context.monitors)
    return rehearse(monitor, known, timeline, allowed)


def _baselines(found: Plan, timeline: Timeline) -> dict[str, BaselineCounts]:
    """Give each version's baseline where its cells stay as they are, else the one that would be made."""
    total = sum((found.days[day] for day in sorted(found.days)), Profile())
    made = BaselineCounts("", total, found.days)
    baselines = {}
    for version in {version.version for version, _ in timeline.windows}:
        stored = found.entry.baseline_for(version)
        usable = stored is not None and not found.fresh
        baselines[version] = BaselineCounts(stored.id, stored.counts, stored.days) if stored and usable else made
    return baselines


def _has_baseline(found: Plan) -> bool:
    """Tell whether the version has a baseline in the cells that the model has."""
    stored = found.entry.baseline_for(found.version.version)
    known = found.entry.cells
    return (
        stored is not None
        and known is not None
        and known.cells.only(list(stored.counts.subjects)).hash == stored.cells_hash
    )


def _learning(found: Plan, learn: timedelta | None, now_ms: int) -> Learning | None:
    """Say the learning time: a new one where cells change, else what was set, or what is asked for."""
    known = found.entry.learning
    if learn is None and not found.fresh:
        return known
    span = milliseconds(DEFAULT_LEARN if learn is None else learn)
    if known is not None and not found.fresh:
        return Learning(known.since, known.since + span)
    return Learning(now_ms, now_ms + span) if span else known


def adopt(client: Elasticsearch, found: Plan, now_ms: int) -> Adopted:
    """Do what was planned: learning time, cells, baseline, in an order in which a run in between stays silent.

    Raises RegistryError where somebody else changed the cells meanwhile. Done again, or again after it was killed
    half-way, it comes to the same end.
    """
    learning = bool(
        found.learning
        and found.learning != found.entry.learning
        and save_learning(client, found.model, found.learning, now_ms)
    )
    fresh: Sequence[str] = found.fresh
    if fresh:
        anew = [p.subject for p in found.proposals if p.state is State.ANEW]
        save_cells(client, found.model, ModelCells(found.cells.only(fresh)), now_ms, anew=anew)
    made = None
    if found.baseline:
        made = from_hours(
            client, found.version, found.days, found.start, found.end, counted_in=found.cells, now_ms=now_ms
        )
    return Adopted(made, learning, tuple(fresh))
