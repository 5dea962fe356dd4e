"""The page about metrics is the registry's."""

from pathlib import Path

from mpm_elk.metrics.catalogue import REGISTRY
from mpm_elk.metrics.page import page

FILE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_not_stale() -> None:
    remedy = "write it again, as its first lines say"
    assert FILE.read_text(encoding="utf-8") == page(), remedy


def test_every_metric_and_what_stands_beside_it_is_there() -> None:
    lines = page().splitlines()
    for name, metric in REGISTRY.items():
        [row] = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert metric.meaning in row
        assert all(f"`_{ending}`" in row for ending in metric.beside)
        assert not metric.test or f"`{metric.test}`" in row
