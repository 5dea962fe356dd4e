"""The examples in docs/notebook.md run, one after another, as a reader runs them."""

import re
from pathlib import Path
from typing import Any

import pytest

from mpm_elk import Comparison

PAGE = Path(__file__).parents[2] / "docs" / "notebook.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_examples_run_and_find_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLES) == 3
    names: dict[str, Any] = {}
    found: list[Comparison] = []
    for example in EXAMPLES:
        exec(compile(example, PAGE.name, "exec"), names)  # noqa: S102 — it is our own page
        found.append(names["result"])
    out = capsys.readouterr().out
    assert "2,000 rows against 20,000: 1 alert" in out
    assert "critical: feature-drift: features.income" in out
    assert [result.status for result in found[:2]] == ["warning", "critical"]
    assert {document["mpm"]["reference"]["kind"] for document in found[2].documents} == {"rolling 28d", "rolling 7d"}
