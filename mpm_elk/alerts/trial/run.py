"""Run the job in virtual time: deliver what has arrived, judge what is due, follow the alerts, decide whom to tell.

There is a run each hour of a test, `job.settle` after it, as cron would start it. Windows that late events change are
judged again, with all that come after them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpm_elk.alerts.decide import HELD, SUPPRESSED, Happened, Past, decide
from mpm_elk.alerts.documents import event_document, to_document
from mpm_elk.alerts.episodes import WITHDRAWN, Episode, Point, Series, Transition
from mpm_elk.alerts.life import Life, State, follow
from mpm_elk.alerts.notifications import has_room
from mpm_elk.alerts.silences import Silences, standing
from mpm_elk.alerts.trial.traffic import Arrival, Traffic
from mpm_elk.config import Config, Rule
from mpm_elk.profiles.timeline import Timeline
from mpm_elk.rules.judge import Judge
from mpm_elk.rules.judgement import Alarms, BaselineCounts, Known, Monitor, monitors
from mpm_elk.timespan import HOUR_MS, milliseconds

SENT, DELAYED = "sent", "delayed"


@dataclass(frozen=True)
class Standing:
    """How a series stands at a run, at `at` (ms), and the episode that it is about."""

    at: int
    state: State
    episode: Episode | None = None


@dataclass(frozen=True)
class Told:
    """What became of one transition on one channel, at the run at `at` (ms)."""

    at: int
    channel: str
    series: Series
    action: str
    outcome: str
    why: str = ""


@dataclass
class Lived:
    """What a test came to: how every series stood run by run, its windows at the end, and what was told."""

    begin: int
    end: int
    standings: dict[Series, list[Standing]] = field(default_factory=lambda: defaultdict(list))
    happened: list[tuple[int, Episode, Transition]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    points: dict[Series, list[Point]] = field(default_factory=dict)


@dataclass
class _Watch:
    """One monitor's windows and alerts in virtual time."""

    monitor: Monitor
    known: Known
    allowed: float
    timeline: Timeline
    first: int
    """The first window to judge: what lies before is ordinary by definition."""
    judged: int = 0
    alarms: Alarms = field(default_factory=Alarms)
    points: dict[Series, dict[int, list[Point]]] = field(default_factory=lambda: defaultdict(dict))

    def deliver(self, arrivals: Sequence[Arrival]) -> None:
        """Add what has arrived; windows that it changes are to be judged again."""
        self.timeline.add((arrival.key, arrival.profile) for arrival in arrivals)
        changed = min((self.timeline.at(arrival.key.start) for arrival in arrivals), default=self.judged)
        self.judged = max(self.first, min(self.judged, changed))

    def judge(self, until: int) -> None:
        """Judge the windows that end at or before `until` (ms)."""
        judge = Judge(self.monitor, self.known, self.timeline, self.alarms, self.allowed)
        while self.judged < self.timeline.size and self.timeline.time(self.judged)[1] <= until:
            start, _ = self.timeline.time(self.judged)
            judgements = judge.judge(self.judged)
            self.alarms.note(start, judgements)
            for windows in self.points.values():
                windows.pop(start, None)
            for judgement in judgements:
                key = judgement.key
                for evaluation in judgement.evaluations:
                    series = Series(self.known.model, evaluation.rule, key.subject, key.segment)
                    point = Point(start, judgement.end, evaluation, key.version.version, ("", f"{start}"))
                    self.points[series].setdefault(start, []).append(point)
            self.judged += 1

    def series(self) -> list[tuple[Series, list[Point]]]:
        """Give all points of each series."""
        return [(series, [p for some in windows.values() for p in some]) for series, windows in self.points.items()]


def live(traffic: Traffic, config: Config, rules: Sequence[Rule]) -> Lived:
    """Live through a test under these rules, which all look at its model."""
    total, days = traffic.baseline()
    versions = {traffic.model.version, *(c.version for c in traffic.test.changes if c.version is not None)}
    known = Known(traffic.key, traffic.cells, {v: BaselineCounts("baseline", total, days) for v in versions})
    groups = monitors(rules)
    allowed = config.job.false_alarms_per_month / max(1, len(groups))
    watches = []
    for monitor in groups:
        length = milliseconds(monitor.length)
        start = traffic.first - traffic.first % length
        timeline = Timeline(start, length, -(-(traffic.end - start) // length))
        watches.append(_Watch(monitor, known, allowed, timeline, timeline.at(traffic.begin)))
    waiting = sorted(traffic.arrivals(), key=lambda arrival: (arrival.at, arrival.key.start))
    keeper = _Keeper(config, {rule.id: rule for rule in rules}, Lived(traffic.begin, traffic.end))
    for hour in range(traffic.begin, traffic.end + 1, HOUR_MS):
        arrived = [arrival for arrival in waiting if arrival.at <= hour]
        waiting = waiting[len(arrived) :]
        for watch in watches:
            watch.deliver(arrived)
            watch.judge(hour)
        keeper.keep([entry for watch in watches for entry in watch.series()], hour)
    keeper.lived.points = {series: sorted(some, key=_start) for watch in watches for series, some in watch.series()}
    return keeper.lived


@dataclass
class _Keeper:
    """Keeps alerts and notifications from run to run, as documents would."""

    config: Config
    rules: dict[str, Rule]
    lived: Lived
    known: dict[str, Episode] = field(default_factory=dict)
    events: dict[str, tuple[Happened, Series]] = field(default_factory=dict)
    covered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    held: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    sent: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, entries: Sequence[tuple[Series, Sequence[Point]]], hour: int) -> None:
        """Follow every series up to a run at `hour` (ms), note what is new, and decide whom to tell."""
        now = hour + milliseconds(self.config.job.settle)
        found: dict[str, Episode] = {}
        for series, points in sorted(entries, key=lambda entry: entry[0]):
            life = follow(series, points, self.rules[series.rule], until=_judged_until(points, hour))
            found |= {episode.uuid: episode for episode in life.episodes}
            self.lived.standings[series].append(_standing(hour, life))
        for episode in found.values():
            for transition in episode.transitions:
                self._note(episode, transition, now, hour)
        for uuid, episode in self.known.items():
            if uuid not in found:
                self._note(episode, Transition(WITHDRAWN, episode.last), now, hour)
        self.known = found
        self._tell(now, hour)

    def _note(self, episode: Episode, transition: Transition, now: int, hour: int) -> None:
        document = event_document(episode, self.rules[episode.series.rule], transition, now, "test")
        if document.id not in self.events:
            self.events[document.id] = Happened(document.id, document.source), episode.series
            self.lived.happened.append((hour, episode, transition))

    def _tell(self, now: int, hour: int) -> None:
        settings = self.config.notifications
        documents = {
            uuid: document.source
            for uuid, episode in self.known.items()
            if (document := to_document(episode, self.rules[episode.series.rule], "test", None)) is not None
        }
        transitions = [happened for happened, _ in self.events.values()]
        channels = {channel.id: channel for channel in settings.channels}
        active = [standing(source) for source in documents.values() if source["mpm"]["alert"]["status"] == "active"]
        model = next((series.model.name for series in self.lived.standings), "")
        silences = Silences(model, now, self.config.mute, active)
        past = Past(self.covered, self.held)
        for decision in decide(transitions, past, documents, self.rules, settings, silences=silences):
            verdict, held = decision.verdict, self.held[decision.channel]
            if verdict.action == HELD:
                if all(held.get(happened.id) == verdict.why for happened in decision.transitions):
                    continue
                held.update({happened.id: verdict.why or "" for happened in decision.transitions})
            outcome = verdict.action if verdict.action in (HELD, SUPPRESSED) else SENT
            why = verdict.why or ""
            if outcome == SENT and not has_room(self.sent[decision.channel], channels[decision.channel], now):
                outcome, why = DELAYED, f"more than {channels[decision.channel].at_most}"
            if outcome == SENT:
                self.sent[decision.channel].append(now)
            for happened in decision.transitions:
                if outcome != HELD:
                    self.covered[decision.channel].add(happened.id)
                series = self.events[happened.id][1]
                self.lived.told.append(Told(hour, decision.channel, series, happened.action, outcome, why))


def _standing(hour: int, life: Life) -> Standing:
    episode = life.episodes[-1] if life.episodes else None
    return Standing(hour, life.state, None if life.state is State.PENDING else episode)


def _judged_until(points: Sequence[Point], hour: int) -> int:
    """Give the end (ms) of the last window of a series' length that is over."""
    length = points[0].length if points else HOUR_MS
    return hour - hour % length


def _start(point: Point) -> int:
    return point.start
