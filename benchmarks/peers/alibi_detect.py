"""alibi-detect: TabularDrift with its defaults: KS and χ², p < 0.05 with Bonferroni's correction.

It takes no missing values: numbers are filled with the reference's median, categories get one more for it.
"""

from typing import Any

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift


class Adapter:
    """The detector, and the encoding that it needs."""

    def learn(self, rows: Any, window_rows: int | None) -> None:  # noqa: ARG002 — it has no chunks
        """Encode the reference and give it to the detector."""
        self._columns = [*rows.columns]
        numeric = {*rows.select_dtypes("number").columns}
        self._medians = {name: rows[name].median() for name in numeric}
        self._codes: dict[str, dict[str, int]] = {name: {} for name in self._columns if name not in numeric}
        categories = {at: None for at, name in enumerate(self._columns) if name not in numeric}
        self._detector = TabularDrift(self._encode(rows), p_val=0.05, categories_per_feature=categories)

    def alarms(self, rows: Any, columns: list[str] | None) -> dict[str, list[str]]:  # noqa: ARG002 — corrects over all
        """Name the features whose p is below the corrected level."""
        data = self._detector.predict(self._encode(rows), drift_type="batch")["data"]
        found = [name for name, p in zip(self._columns, data["p_val"], strict=True) if p < data["threshold"]]
        return {"alibi-detect": found}

    def _encode(self, rows: Any) -> Any:
        encoded = np.empty(rows.shape)
        for at, name in enumerate(self._columns):
            if name in self._medians:
                encoded[:, at] = rows[name].fillna(self._medians[name])
            else:
                codes = self._codes[name]
                texts = rows[name].fillna("(missing)")
                for text in pd.unique(texts):
                    codes.setdefault(text, len(codes))
                encoded[:, at] = texts.map(codes)
        return encoded
