"""Which packs of rules hold beside the own ones: the `extends` part of `mpm.yml`."""

from typing import Annotated, Self

from pydantic import BeforeValidator, field_validator, model_validator

from mpm_elk.config.packs import pack
from mpm_elk.config.parts import Strict, Texts
from mpm_elk.config.rules import Rule


class Extension(Strict):
    """A pack of rules, for some models, without some of its rules."""

    pack: str
    models: Texts = ("*",)
    without: Texts = ()

    @field_validator("pack")
    @classmethod
    def _known(cls, name: str) -> str:
        return pack(name).name

    @model_validator(mode="after")
    def _check(self) -> Self:
        ids = [rule.id for rule in pack(self.pack).rules]
        if strange := [name for name in self.without if name not in ids]:
            msg = f"{self.pack} has no rule {strange[0]!r}: its rules are {', '.join(ids)}"
            raise ValueError(msg)
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that it brings."""
        some = (rule for rule in pack(self.pack).rules if rule.id not in self.without)
        return tuple(rule.model_copy(update={"models": self.models}) for rule in some)


def _extensions(value: object) -> object:
    """Take a pack's name for an extension by it, and one for a list of one."""
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple({"pack": item} if isinstance(item, str) else item for item in items)


Extensions = Annotated[tuple[Extension, ...], BeforeValidator(_extensions)]
"""One pack or several, each by its name or with more to say."""
