"""NannyML: UnivariateDriftCalculator with its defaults: Jensen–Shannon, mean ± 3 standard deviations of the chunks."""

from typing import Any

import nannyml


class Adapter:
    """The calculator; a window is one chunk, or, where its size is not given, NannyML's ten chunks."""

    def learn(self, rows: Any, window_rows: int | None) -> None:
        """Fit to the reference, in chunks as large as a window."""
        self._calculator = nannyml.UnivariateDriftCalculator(column_names=[*rows.columns], chunk_size=window_rows)
        self._calculator.fit(rows)

    def alarms(self, rows: Any, columns: list[str] | None) -> dict[str, list[str]]:  # noqa: ARG002 — it is fast
        """Name the columns that alarm in any chunk."""
        frame = self._calculator.calculate(rows).filter(period="analysis").to_df()
        found = [key[0] for key in frame.columns if key[-1] == "alert" and frame[key].any()]
        return {"NannyML": sorted(set(found))}
