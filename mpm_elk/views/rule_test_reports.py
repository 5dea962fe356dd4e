"""What tests of rules came to: for a terminal, as JSON, and as JUnit's XML."""

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from mpm_elk.alerts.trial.check import Failure
from mpm_elk.alerts.trial.suite import Coverage, Tried


def draw(tried: Sequence[Tried], covered: Coverage | None) -> RenderableType:
    """Draw one line a test; below one that failed, what was expected, what came, and the numbers."""
    parts: list[RenderableType] = []
    for one in tried:
        mark, style = ("ok  ", "green") if one.passed else ("FAIL", "bold red")
        place = "" if one.passed else f"  {one.place}"
        parts.append(Text.assemble((mark, style), f"  {one.result.test.name}", (place, "dim")))
        if one.error:
            parts.append(Padding(Text(one.error), (0, 0, 0, 6)))
        parts += [Padding(Text(_said(failure)), (0, 0, 0, 6)) for failure in one.result.failures]
    failed = sum(not one.passed for one in tried)
    parts += [Text(), Text(f"{_number(len(tried), 'test')}, {failed} failed, {sum(o.seconds for o in tried):.1f} s")]
    if covered is not None:
        parts += [Text(sentence) for sentence in _covered(covered)]
    return Group(*parts)


def _said(failure: Failure) -> str:
    lines = [f"expected  {failure.expected}", f"came      {failure.came}"]
    lines += [f"{'numbers ' if not at else '        '}  {number}" for at, number in enumerate(failure.numbers)]
    return "\n".join(lines)


def _covered(covered: Coverage) -> list[str]:
    parts = {"makes fire": covered.never_fire, "shows quiet": covered.never_quiet}
    if not covered.never_fire and not covered.never_quiet:
        return [f"all {_number(covered.rules, 'rule')} are shown to fire and to stay quiet"]
    return [f"no test {what}: {', '.join(names)}" for what, names in parts.items() if names]


def _number(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def to_document(tried: Sequence[Tried], covered: Coverage | None) -> dict[str, Any]:
    """Write it as JSON."""
    document: dict[str, Any] = {
        "passed": sum(one.passed for one in tried),
        "failed": sum(not one.passed for one in tried),
        "tests": [
            {
                "name": one.result.test.name,
                "place": one.place,
                "passed": one.passed,
                "seconds": round(one.seconds, 3),
                "error": one.error or None,
                "failures": [vars(failure) for failure in one.result.failures],
            }
            for one in tried
        ],
    }
    if covered is not None:
        document["coverage"] = vars(covered)
    return document


def to_junit(tried: Sequence[Tried]) -> str:
    """Write it as JUnit's XML, a suite a file."""
    root = ElementTree.Element("testsuites", name="mpm-elk rules test")
    for file in dict.fromkeys(one.file for one in tried):
        some = [one for one in tried if one.file == file]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=file,
            tests=str(len(some)),
            failures=str(sum(not one.result.passed for one in some)),
            errors=str(sum(bool(one.error) for one in some)),
            time=f"{sum(one.seconds for one in some):.3f}",
        )
        for one in some:
            path, _, line = one.place.rpartition(":")
            about: dict[str, Any] = {"name": one.result.test.name, "classname": file, "file": path, "line": line}
            case = ElementTree.SubElement(suite, "testcase", time=f"{one.seconds:.3f}", **about)
            for failure in one.result.failures:
                entry = ElementTree.SubElement(case, "failure", message=f"{failure.expected}: {failure.came}")
                entry.text = f"{failure.place}\n{_said(failure)}"
            if one.error:
                ElementTree.SubElement(case, "error", message=one.error)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
