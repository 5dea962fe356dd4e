"""whylogs: drift scores of two profiles with the default algorithms (KS, χ²) and thresholds; `DRIFT` alarms."""

from typing import Any

import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


class Adapter:
    """Profiles, compared."""

    def learn(self, rows: Any, window_rows: int | None) -> None:  # noqa: ARG002 — it has no chunks
        """Profile the reference."""
        self._reference = whylogs.log(rows).view()

    def alarms(self, rows: Any, columns: list[str] | None) -> dict[str, list[str]]:  # noqa: ARG002 — profiles are whole
        """Profile the window and compare."""
        window = whylogs.log(rows).view()
        scores = calculate_drift_scores(target_view=window, reference_view=self._reference, with_thresholds=True)
        return {"whylogs": [name for name, score in scores.items() if score and score["drift_category"] == "DRIFT"]}
