"""How much kinder final data is: from documents that were revised."""

from typing import Any

from mpm_elk.job.lateness import Lateness, measured


def document(status: str, value: float | None, first: tuple[str, float | None] | None) -> dict[str, Any]:
    def evaluations(number: float | None) -> list[dict[str, Any]]:
        return [{"rule": "r", "metric": "drift.psi"} | ({} if number is None else {"value": number})]

    revision: dict[str, Any] = {"number": 2}
    if first is not None:
        revision["first_value"] = {"status": first[0], "evaluations": evaluations(first[1])}
    subject = {"name": f"features.x{value}"}
    return {"status": status, "evaluations": evaluations(value), "revision": revision, "subject": subject}


def test_changes_are_counted_and_the_largest_is_named() -> None:
    found = measured(
        200,
        [
            document("warning", 0.3, ("ok", 0.1)),
            document("ok", 0.1, ("critical", 0.6)),
            document("ok", None, ("insufficient_data", None)),
            document("ok", 0.2, ("ok", 0.21)),
            document("ok", 0.2, None),
        ],
    )
    assert (found.judged, found.changed, found.raised, found.calmed) == (200, 4, 1, 1)
    assert (found.largest, found.subject, found.metric) == (0.5, "features.x0.1", "drift.psi")
    assert found.sentence == (
        "events that came late changed 4 of 200 window values (2.0%) after they were first judged, the largest change "
        "is 0.5 (drift.psi of features.x0.1): 1 alarm only since, 1 no longer, and a backtest sees none of that"
    )


def test_nothing_judged_is_not_nothing_late() -> None:
    assert "is not known" in Lateness(0).sentence
    assert Lateness(1200).sentence.startswith("none of the 1,200 window values")
