"""What is wrong with rules that inhibit one another. Pure."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from mpm_elk.config.rules import Rule
from mpm_elk.rules.problems import Problem, error


def check_inhibitions(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Find inhibitors that are no rules, and rules that inhibit themselves, by way of others too."""
    known = {rule.id: rule for rule in rules}
    for rule in rules:
        for name in rule.inhibited_by:
            if name not in known:
                alike = difflib.get_close_matches(name, known, n=1)
                remedy = f"did you mean {alike[0]}?" if alike else f"rules are: {', '.join(known)}"
                yield error(rule, f"it is inhibited by {name!r}, which is no rule", remedy)
        if (way := _way_back(rule.id, known)) is not None:
            text = "it inhibits itself" + (f": {' ← '.join(way)}" if len(way) > 2 else "")
            yield error(rule, text + ", so of its alerts nobody would be told", "take one `inhibited_by` out")


def _way_back(name: str, rules: Mapping[str, Rule]) -> list[str] | None:
    """Give the shortest chain of inhibitors that leads back to a rule."""
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for other in rules[way[-1]].inhibited_by:
            if other == name:
                return [*way, name]
            if other in rules and other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return None
