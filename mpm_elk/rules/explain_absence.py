"""Say in English what a rule on what is not there looks for. Pure."""

from collections.abc import Iterator

from mpm_elk.config.model import Config
from mpm_elk.config.rules import Rule
from mpm_elk.config.schedules import DAYS, format_clock
from mpm_elk.timespan import format_span, in_words


def explain_absence(rule: Rule, config: Config) -> Iterator[str]:
    """Say what is missed, when, and how that is told; one sentence each."""
    models, settle = ", ".join(rule.models), format_span(config.job.settle)
    levels = [(name, at) for name, at in (("warning", rule.warning), ("critical", rule.critical)) if at is not None]
    if rule.absent == "events":
        yield f"It looks for events of the models {models}, of any version, also where a model's indices are gone."
        for name, at in levels:
            yield f"It is {name} where the last event was {in_words(at)} ago or more."
        yield f"That is looked at {settle} after the end of each hour. A model that never had an event is not missed."
    else:
        days = "every day" if set(rule.days) == set(DAYS) else f"on {', '.join(rule.days)}"
        by = f"{format_clock(rule.by or 0)} {rule.timezone}"
        yield f"It looks for a batch of the models {models} that is complete by {by}, {days}."
        for name, at in levels:
            yield f"It is {name} where there are fewer than {at:,.0f} events in the {format_span(rule.within)} before."
        yield (
            f"Events are counted in whole hours, of all versions; from that time on for a day it is looked at {settle} "
            "after the end of each hour, and what came later counts too."
        )
    if rule.active:
        yield f"Only hours in {rule.active} are looked at."
