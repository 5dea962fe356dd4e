"""Packs: rules that are ready to use, one file each, chosen in `mpm.yml` by `extends: mpm/NAME`."""

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mpm_elk.config.rules import Rule
from mpm_elk.config.yaml_file import compose, construct

_PREFIX = "mpm/"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Pack:
    """Rules under a name, and what they are for; `text` is the file that holds them."""

    name: str
    description: str
    rules: tuple[Rule, ...]
    text: str


def names() -> list[str]:
    """List the packs that there are."""
    return sorted(f"{_PREFIX}{file.stem}" for file in _FOLDER.glob("*.yml"))


@cache
def pack(name: str) -> Pack:
    """Read a pack. Raises ValueError, with what might be meant, where there is none of that name."""
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"packs are {', '.join(names())}"
        msg = f"there is no pack {name!r}: {hint}"
        raise ValueError(msg)
    file = _FOLDER / f"{name.removeprefix(_PREFIX)}.yml"
    content = construct(compose(file), file, {})
    rules = tuple(Rule.model_validate(rule) for rule in content["rules"])
    return Pack(name, content["description"], rules, file.read_text(encoding="utf-8"))
