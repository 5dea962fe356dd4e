"""What an unfinished run has done, and whether it still holds."""

import hashlib
import json

from mpm_elk.cluster.state import CatchUp
from mpm_elk.job.context import Context
from mpm_elk.profiles.store import count_profiles


def counted_in(context: Context) -> str:
    """Hash what decides how an event is counted: the cells, the choice of events, what is counted in segments."""
    marks = context.source.marks({name: cells.hash for name, cells in context.cells.subjects.items()})
    text = json.dumps([marks, context.plan], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def still_good(context: Context, done: CatchUp | None, reread: str | None) -> CatchUp | None:
    """Give what an unfinished run did, as long as its profiles are there, and are counted as this run would.

    What did not change is read where there is a reason (`reread`); a run that had none did not.
    """
    if done is None or (reread not in (None, "audit") and done.reread is None):
        return None
    if done.counted != counted_in(context) or context.hours_from < done.hours_from:
        return None
    stored = count_profiles(context.client, context.model, done.hours_from)
    return done if all(stored.get(index, 0) >= number for index, number in done.profiles.items()) else None
