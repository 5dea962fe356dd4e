"""Models and versions as they are named on the command line."""

from mpm_elk.contract.keys import ModelKey
from mpm_elk.contract.limits import ENVIRONMENT_MAX, MODEL_NAME_MAX, VERSION_MAX
from mpm_elk.errors import UsageError

DEFAULT_ENVIRONMENT = "production"


def model_key(name: str, environment: str) -> ModelKey:
    """Name a model, as an event could; raises UsageError for names that no event can carry."""
    for what, text, limit in (("name", name, MODEL_NAME_MAX), ("environment", environment, ENVIRONMENT_MAX)):
        _check_length(what, text, limit)
    return ModelKey(environment, name)


def check_version(version: str) -> str:
    """Give the version back; raises UsageError for one that no event can carry."""
    _check_length("version", version, VERSION_MAX)
    return version


def _check_length(what: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        message = f"the {what} must have 1 to {limit} characters"
        raise UsageError(message, remedy="give it as the events carry it")
