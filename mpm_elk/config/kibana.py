"""Where Kibana is: the `kibana` part of `mpm.yml`."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mpm_elk.config.parts import Credentials
from mpm_elk.timespan import Span


class KibanaSettings(Credentials):
    """Where Kibana is, and as whom to speak to it; without credentials, as to Elasticsearch."""

    url: str = Field(pattern=r"^https?://[^/]")
    space: str | None = Field(default=None, pattern=r"^[a-z0-9_-]+$")
    ca_certs: Path | None = None
    request_timeout: Span = timedelta(seconds=60)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "@" in self.url:
            msg = "write user and password as `username` and `password`, not into the URL, where logs would show them"
            raise ValueError(msg)
        return self

    @property
    def has_credentials(self) -> bool:
        """Tell whether it says as whom to speak."""
        return self.api_key is not None or self.username is not None
