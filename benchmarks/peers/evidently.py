"""Evidently: DataDriftPreset with its defaults. A feature alarms where its ValueDrift crosses the threshold."""

from typing import Any

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

_DISTANCE = "distance"


class Adapter:
    """The preset, on all columns or some."""

    def learn(self, rows: Any, window_rows: int | None) -> None:  # noqa: ARG002 — it has no chunks
        """Keep the reference."""
        numeric = [*rows.select_dtypes("number").columns]
        self._definition = DataDefinition(
            numerical_columns=numeric, categorical_columns=[name for name in rows.columns if name not in numeric]
        )
        self._reference = Dataset.from_pandas(rows, data_definition=self._definition)

    def alarms(self, rows: Any, columns: list[str] | None) -> dict[str, list[str]]:
        """Run the report. For more than 1,000 rows it takes distances, which alarm at or above their threshold."""
        window = Dataset.from_pandas(rows, data_definition=self._definition)
        found = Report([DataDriftPreset(columns=columns)]).run(window, self._reference).dict()
        drifted = []
        for metric in found["metrics"]:
            config = metric["config"]
            if "column" in config:
                if _DISTANCE not in config["method"]:
                    raise ValueError(config["method"])
                if metric["value"] >= config["threshold"]:
                    drifted.append(config["column"])
        return {"Evidently": drifted}
