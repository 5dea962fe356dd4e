import pytest

from benchmarks.tables import Share, markdown


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    low, high = Share(2, 10).interval()
    assert low == pytest.approx(0.0252, abs=1e-4)
    assert high == pytest.approx(0.5561, abs=1e-4)
    low, high = Share(0, 2_000).interval()
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 2_000))
    assert Share().interval() == (0.0, 1.0)


def test_shares_add_up_and_say_of_what() -> None:
    assert Share(1, 10) + Share(2, 30) == Share(3, 40)
    assert Share(1, 2_000).text() == "0.1 % (0.0–0.3; 2,000)"
    assert Share().text() == "–"


def test_a_table_is_markdown() -> None:
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
