"""What each model of the registry has, as far as a check of rules asks."""

from statistics import median

from elasticsearch import Elasticsearch

from mpm_elk.contract.keys import ModelKey
from mpm_elk.metrics.metric import JOINT, JOINT_SUBJECT
from mpm_elk.profiles.joint import paired
from mpm_elk.profiles.store import DAY, Wanted, read
from mpm_elk.registry.store import list_models, load
from mpm_elk.rules.check import KnownModel
from mpm_elk.timespan import DAY_MS

_DAYS = 28


def known_models(client: Elasticsearch, now: int) -> list[KnownModel]:
    """Read the registry, and how many events each model has on a usual day of the last 28 before `now` (ms)."""
    found = []
    for key in list_models(client):
        entry = load(client, key)
        cells = entry.cells.cells.subjects if entry.cells else {}
        versions = frozenset(entry.versions)
        based = frozenset(baseline.version.version for baseline in entry.baselines)
        kinds: dict[str, str] = {name: some.kind for name, some in cells.items()}
        if entry.cells and paired(entry.cells.cells):
            kinds[JOINT_SUBJECT] = JOINT
        found.append(KnownModel(key, kinds, versions, based, _events_a_day(client, key, now)))
    return found


def _events_a_day(client: Elasticsearch, key: ModelKey, now: int) -> float | None:
    """Give the median of the days that have events; None where none has."""
    end = now - now % DAY_MS
    days: dict[int, int] = {}
    for profile, counts in read(client, key, Wanted(DAY, end - _DAYS * DAY_MS, end, subjects=False, segments=False)):
        days[profile.start] = days.get(profile.start, 0) + counts.count
    return median(days.values()) if days else None
