"""Where Kibana is: the `kibana` part of `mpm.yml`."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from mpm_elk.timespan import Span


class KibanaSettings(BaseModel):
    """Where Kibana is, and as whom to speak to it; without credentials, as to Elasticsearch."""

    # What was given is never in an error: it may be a password.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: str = Field(pattern=r"^https?://[^/]")
    space: str | None = Field(default=None, pattern=r"^[a-z0-9_-]+$")
    username: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None
    ca_certs: Path | None = None
    request_timeout: Span = timedelta(seconds=60)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "@" in self.url:
            msg = "write user and password as `username` and `password`, not into the URL, where logs would show them"
            raise ValueError(msg)
        if self.api_key and (self.username or self.password):
            msg = "give `api_key` or `username` and `password`, not both"
            raise ValueError(msg)
        if (self.username is None) != (self.password is None):
            msg = "`username` and `password` go together"
            raise ValueError(msg)
        return self

    @property
    def has_credentials(self) -> bool:
        """Tell whether it says as whom to speak."""
        return self.api_key is not None or self.username is not None
