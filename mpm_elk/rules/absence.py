"""Judge what is not there: whether a batch was complete by its time. Pure.

That there are no events at all is a metric, the time since the last one, and judged as any other.
"""

from collections.abc import Sequence

from mpm_elk.config.rules import Rule
from mpm_elk.rules.evaluate import Evaluation, Severity
from mpm_elk.timespan import DAY_MS, iso, milliseconds


def batch(rule: Rule, counts: Sequence[tuple[int, int]], end: int, *, before: int = 0) -> Evaluation:
    """Judge, at the end (ms) of a window, the batch that was due last; `counts` are hours: (start, events) in order.

    `before` is when the last event before those hours was (ms), 0 where there was none. A model that had no event when
    the batch was due is not missed.

    For a day after its time a batch is looked at in each window, so that one that comes late ends its alert. It holds
    the events of the whole hours from `within` before its time on. After that there is nothing to say until the next.
    """
    due = _due(rule, end)
    if due is None:
        return Evaluation(rule.id, rule.metric, Severity.INSUFFICIENT, "no batch is due")
    if not before and not any(count and start < due for start, count in counts):
        return Evaluation(rule.id, rule.metric, Severity.INSUFFICIENT, "no event yet when the batch was due")
    since = due - milliseconds(rule.within)
    number = sum(count for start, count in counts if since <= start < end)
    name = f"the batch due at {iso(due)[:16]}Z"
    for severity, wanted in ((Severity.CRITICAL, rule.critical), (Severity.WARNING, rule.warning)):
        if wanted is not None and number < wanted:
            why = f"{name} has {number:,} events, fewer than {wanted:,.0f}"
            return Evaluation(
                rule.id, rule.metric, severity, why, float(number), threshold=wanted, sustains=True
            )  # fmt: skip
    return Evaluation(rule.id, rule.metric, Severity.OK, f"{name} has {number:,} events", float(number))


def _due(rule: Rule, end: int) -> int | None:
    due = rule.due(end)
    return due if due is not None and end - due < DAY_MS else None


def missed(rule: Rule, last: int, end: int) -> bool:
    """Tell whether a rule has something to say of a window that ends at `end`, long after the last event (ms each).

    A rule on events falls silent at twice its largest threshold: its alert is open by then, and stays so.
    """
    if rule.absent == "batch":
        return _due(rule, end) is not None
    return end - last <= 2000 * max(rule.warning or 0, rule.critical or 0)
