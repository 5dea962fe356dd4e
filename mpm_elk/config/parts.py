"""What the parts of the configuration are made of."""

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator


class Strict(BaseModel):
    """A part of the configuration: unknown keys are errors."""

    # What was given is never in an error: it may be a password.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Credentials(Strict):
    """As whom to speak to a server."""

    username: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        if self.api_key and (self.username or self.password):
            msg = "give `api_key` or `username` and `password`, not both"
            raise ValueError(msg)
        if (self.username is None) != (self.password is None):
            msg = "`username` and `password` go together"
            raise ValueError(msg)
        return self


def as_tuple(value: object) -> object:
    """Take one text for a list of one."""
    return (value,) if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
"""One text, or a list of them."""
