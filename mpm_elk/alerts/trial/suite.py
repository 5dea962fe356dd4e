"""All tests of some files, and what of the rules they cover."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import process_time

from mpm_elk.alerts.trial.check import Failure, Result, check
from mpm_elk.alerts.trial.run import live
from mpm_elk.alerts.trial.traffic import Traffic
from mpm_elk.config import Config, Rule
from mpm_elk.config.load import Placed
from mpm_elk.config.load_rule_tests import Wanted
from mpm_elk.config.rule_tests import RuleTests
from mpm_elk.errors import MpmError


@dataclass(frozen=True)
class Tried:
    """One test of a file, where it stands, what it came to, and how long it took (s of this process)."""

    file: str
    place: str
    result: Result
    seconds: float
    error: str = ""

    @property
    def passed(self) -> bool:
        """Tell whether it ran, and all held."""
        return self.result.passed and not self.error


@dataclass(frozen=True)
class Coverage:
    """Rules that no test makes fire, and those that no test shows quiet."""

    rules: int
    never_fire: tuple[str, ...]
    never_quiet: tuple[str, ...]


def try_all(wanted: Sequence[Wanted], config: Config, rules: Sequence[Rule]) -> list[Tried]:
    """Run tests; one that cannot run does not stop the others."""
    return [_try(placed, at, config, rules) for placed, at in wanted]


def _try(placed: Placed[RuleTests], at: int, config: Config, rules: Sequence[Rule]) -> Tried:
    model, test = placed.value.model, placed.value.tests[at]
    began = process_time()
    error, result = "", Result(test)
    try:
        mine = [rule for rule in rules if rule.matches(model.name)]
        result = check(test, model, live(Traffic(model, test), config, mine), mine)
    except MpmError as found:
        error = str(found)
    failures = tuple(_placed(placed, at, failure) for failure in result.failures)
    seconds = process_time() - began
    return Tried(str(placed.file), placed.place("tests", at), replace(result, failures=failures), seconds, error)


def _placed(placed: Placed[RuleTests], at: int, failure: Failure) -> Failure:
    return replace(failure, place=placed.place("tests", at, failure.part, failure.at))


def coverage(tried: Sequence[Tried], rules: Sequence[Rule]) -> Coverage:
    """Say which rules are not shown to fire, or to stay quiet, by an expectation that held."""
    fired = {rule for one in tried for rule in one.result.fired}
    quiet = {rule for one in tried for rule in one.result.quiet}
    names = [rule.id for rule in rules]
    return Coverage(
        len(names),
        tuple(name for name in names if name not in fired),
        tuple(name for name in names if name not in quiet),
    )
