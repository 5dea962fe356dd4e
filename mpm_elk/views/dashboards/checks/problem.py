"""One thing that is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """Where it is (`dashboard/panel`, or `type id`), and what is wrong there."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
