"""The rules that hold: those of `mpm.yml` and of the packs that it extends, or the default ones where it has none."""

from mpm_elk.config import Config
from mpm_elk.config.packs import pack
from mpm_elk.config.rules import Rule

DEFAULT_RULES = pack("mpm/default").rules


def rules_of(config: Config) -> tuple[Rule, ...]:
    """List the rules that hold, those of packs first. A rule of `mpm.yml` takes the place of a pack's with its id."""
    if config.rules is None and not config.extends:
        return DEFAULT_RULES
    rules = {rule.id: rule for extension in config.extends for rule in extension.rules}
    return tuple((rules | {rule.id: rule for rule in config.rules or ()}).values())
