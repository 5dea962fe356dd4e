"""Read a file of tests of rules, and check it against the rules that it is about."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mpm_elk.config.load import Placed, load_as, nearest
from mpm_elk.config.rule_tests import Change, Expected, ExpectedNotification, ModelOfTests, RuleTest, RuleTests
from mpm_elk.config.rules import Rule
from mpm_elk.errors import ConfigError, UsageError


def load_rule_tests(file: Path, rules: Sequence[Rule]) -> Placed[RuleTests]:
    """Read tests. Raises ConfigError with file and line, also for rules, features and times that are not there."""
    placed = load_as(file, RuleTests)
    tests = placed.value
    problems = [
        (placed.place("tests", at, *loc), text, remedy)
        for at, test in enumerate(tests.tests)
        for loc, text, remedy in [*_changes(test, tests.model), *_expected(test, tests.model, rules)]
    ]
    if problems:
        raise ConfigError(
            "\n".join(f"{place}: {text}" for place, text, _ in problems),
            remedy="; ".join(dict.fromkeys(remedy for *_, remedy in problems)),
        )
    return placed


def only(files: Sequence[Placed[RuleTests]], names: Sequence[str]) -> "list[Wanted]":
    """Choose the tests whose name holds one of some texts; without any, all. Raises UsageError where there is none."""
    some = [
        (placed, at)
        for placed in files
        for at, test in enumerate(placed.value.tests)
        if not names or any(name.lower() in test.name.lower() for name in names)
    ]
    if not some:
        known = [test.name for placed in files for test in placed.value.tests]
        raise UsageError(f"no test is called like {', '.join(names)}", remedy=f"tests are: {'; '.join(known)}")
    return some


Wanted = tuple[Placed[RuleTests], int]
"""A test: its file, and its number there."""

Problem = tuple[tuple[int | str, ...], str, str]


def _changes(test: RuleTest, model: ModelOfTests) -> Iterator[Problem]:
    for at, change in enumerate(test.changes):
        loc = ("changes", at)
        if change.from_ >= test.span:
            yield (
                (*loc, "from"),
                "the change begins when the test is over",
                "give an earlier `from`, or a longer `span`",
            )
        if change.feature is None:
            continue
        name = model.subject(change.feature)
        if name is None:
            yield (*loc, "feature"), f"the model has no {change.feature!r}", nearest(change.feature, _short(model))
            continue
        yield from (((*loc, key), text, "leave it out") for key, text in _unfit(change, model, name))


def _unfit(change: Change, model: ModelOfTests, name: str) -> Iterator[tuple[str, str]]:
    numeric = model.subjects[name].numeric
    for key in ("shift", "scale", "unit") if not numeric else ("unseen",):
        if getattr(change, key) is not None:
            yield key, f"{change.feature} is {'a number' if numeric else 'a category'}: `{key}` is not for it"
    if change.becomes is not None and change.becomes.numeric != numeric:
        yield "becomes", f"{change.feature} is {'a number' if numeric else 'a category'}, and cannot become the other"
    if change.wrong_type is not None and not name.startswith("features."):
        yield "wrong_type", "outputs have no values of the wrong type"


def _expected(test: RuleTest, model: ModelOfTests, rules: Sequence[Rule]) -> Iterator[Problem]:
    known = {rule.id: rule for rule in rules}
    parts: list[tuple[str, Sequence[Expected | ExpectedNotification]]]
    parts = [("expect", test.expect), ("notifications", test.notifications)]
    for part, entries in parts:
        for at, entry in enumerate(entries):
            loc = (part, at)
            if entry.rule not in known:
                yield (*loc, "rule"), f"there is no rule {entry.rule!r}", nearest(entry.rule, list(known))
            elif not known[entry.rule].matches(model.name):
                text = f"rule {entry.rule} does not look at the model {model.name}"
                yield (*loc, "rule"), text, f"it looks at {', '.join(known[entry.rule].models)}"
            if entry.subject not in (None, "model") and model.subject(str(entry.subject)) is None:
                text = f"the model has no subject {entry.subject!r}"
                yield (*loc, "subject"), text, nearest(str(entry.subject), [*_short(model), "model"])
            for key in ("at", "by", "after", "start"):
                when = getattr(entry, key, None)
                if when is not None and when > test.span:
                    yield (*loc, key), f"`{key}` is after the end of the test", "give a longer `span`"


def _short(model: ModelOfTests) -> list[str]:
    return [name.split(".", 1)[1] for name in model.subjects]
