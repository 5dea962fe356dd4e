from collections.abc import Mapping

import pandas as pd
import pytest

from mpm_elk.demo.flights import load_flights
from mpm_elk.demo.model import DelayModel, train, training_rows


@pytest.fixture(scope="session")
def year() -> pd.DataFrame:
    """All flights of 2013."""
    return load_flights()


@pytest.fixture(scope="session")
def sample(year: pd.DataFrame) -> pd.DataFrame:
    """Every eighth flight with an outcome of January to March: enough to train on in a second."""
    return training_rows(year).iloc[::8]


@pytest.fixture(scope="session")
def models(sample: pd.DataFrame) -> Mapping[str, DelayModel]:
    """Both versions, trained on the sample."""
    return {version: train(sample, version) for version in ("1", "2")}
