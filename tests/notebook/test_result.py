"""How a comparison is shown: as plain text, and as HTML that needs nothing else."""

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import mpm_elk
from mpm_elk.notebook.html import page
from mpm_elk.notebook.result import Alert
from tests.notebook.test_compare import DRIFT, NOW, REFERENCE

START = "2026-10-01T00:00:00.000Z"
RESULT = mpm_elk.compare(REFERENCE, NOW, time="at", exclude=["region"])


class Checker(HTMLParser):
    """Checks that tags close in order, and collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(result: mpm_elk.Comparison) -> Checker:
    checker = Checker()
    checker.feed(result._repr_html_())
    checker.close()
    assert checker.open == []
    return checker


def test_the_text_is_plain_and_names_what_stands_out() -> None:
    text = str(RESULT)
    assert text.splitlines()[0].startswith("1,200 rows against 12,000, 3 windows: 1 alert")
    assert re.search(r"^‼ critical +income ", text, re.MULTILINE)
    assert "feature-drift: drift.psi_adjusted is" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert str(RESULT.alerts[0]).startswith("critical: feature-drift: features.income: drift.psi_adjusted is")


def test_no_decision_is_not_no_alert() -> None:
    undecided = mpm_elk.compare(REFERENCE, NOW, features=["income"])
    assert str(undecided).startswith("1,200 rows against 12,000: no decision")
    assert "? no decision" in str(undecided)


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    page = checked(RESULT)
    assert {tag for tag, _ in page.seen} >= {"div", "style", "table", "svg", "rect", "title"}
    assert not any(tag in ("script", "link", "img", "iframe") for tag, _ in page.seen)
    assert not any({"src", "href", "onclick"} & attributes.keys() for _, attributes in page.seen)
    assert "http" not in RESULT._repr_html_()
    assert "prefers-color-scheme:dark" in page.text
    for line in RESULT.lines:
        assert line.sentence in page.text


def test_alerts_stand_before_the_subjects() -> None:
    shown = checked(RESULT)
    [alert] = RESULT.alerts
    assert shown.text.index(alert.reason) < shown.text.index(RESULT.lines[0].sentence)
    for said in ("‼ critical", "feature-drift", "2026-10-11", "active"):
        assert said in shown.text[shown.text.index("why, in the worst window") :]
    quiet = mpm_elk.compare(REFERENCE, REFERENCE, exclude=["at", "region"], rules=[DRIFT])
    assert "why, in the worst window" not in checked(quiet).text


def test_many_alerts_are_cut_and_the_active_ones_come_first() -> None:
    old = Alert(
        "a", "features.x", "region=<EU>", "warning", "old", 1, active=False, start=START, end="2026-10-02T05:30:00.000Z"
    )
    now = replace(old, reason="now", severity="critical", active=True, end=None)
    text = page("heading", (), (), [*(replace(old, reason=f"old {at}") for at in range(20)), now])
    assert text.index("now") < text.index("old 0")
    assert "2026-10-02 05:30" in text
    assert "x (region=&lt;EU&gt;)" in text
    assert text.count("old ") == 14
    assert "and 6 more" in text


def test_bars_are_as_high_as_their_shares() -> None:
    page = RESULT._repr_html_()
    income = next(line for line in RESULT.lines if line.subject == "features.income")
    svg = re.search(r"<svg role='img' aria-label='distributions of income'.*?</svg>", page)
    assert svg is not None
    heights = [float(height) for height in re.findall(r"class='mpm-now'[^>]*height='([\d.]+)'", svg[0])]
    largest = max(max(cell.reference, cell.window) for cell in income.cells)
    assert heights == [pytest.approx(30 * cell.window / largest, abs=0.051) for cell in income.cells]
    assert svg[0].count("mpm-mark") == 1


def test_names_cannot_break_the_page() -> None:
    nasty = "<script>'\"&"
    renamed = REFERENCE.assign(purpose=nasty).rename(columns={"income": nasty})
    result = mpm_elk.compare(renamed, renamed.head(500), exclude=["at", "region"], rules=[DRIFT])
    page = checked(result)
    assert nasty in page.text
    assert "script" not in {tag for tag, _ in page.seen}


def test_without_pandas_the_frame_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    records = RESULT.to_frame()
    assert isinstance(records, list)
    assert records == RESULT.records()
    assert {"subject", "status", "finding", "p_adjusted", "drift.psi", "start"} <= records[0].keys()
