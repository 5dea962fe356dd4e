from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The Compose file, as YAML reads it."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="session")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    """Its services."""
    found: dict[str, Any] = compose["services"]
    return found
