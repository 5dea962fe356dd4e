"""How many searches to send at once, and how large they may be: learnt from how the cluster takes them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

AT_ONCE_MAX = 6
ANSWERS_MAX = 50_000
"""Buckets of all answers that are held at once: some 15 MB."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_SLOWLY = 4
_ROOM = 0.9
_SMALLEST = 2
_QUEUE = 8


@dataclass
class Pace:
    """How many searches run at once, `at_once`, and how many buckets one may have, `buckets`.

    A cluster that is busy refuses searches (429): then half as many are sent, after a pause that doubles with each
    refusal. After four rounds that went well there is one more again. So it ends near what the cluster can take,
    whatever else runs there.
    """

    at_once: int = 2
    buckets: int = 60_000
    pause: float = 0.0
    refusals: int = 0
    _well: int = 0

    def batch(self, weights: Sequence[int]) -> int:
        """Say how many of the waiting searches to send together; `weights` are the buckets of their answers.

        Of small ones several wait at the node for each that runs, which saves round trips; of none that is too busy.
        """
        number, total = 0, 0
        for weight in weights[: self.at_once * (1 if self.refusals else _QUEUE)]:
            total += weight
            if number and total > ANSWERS_MAX:
                break
            number += 1
        return number

    def accepted(self) -> None:
        """Note that a batch was answered: no more pause, and slowly more at once."""
        self.pause, self.refusals = 0.0, 0
        self._well += 1
        if self._well >= _SLOWLY and self.at_once < AT_ONCE_MAX:
            self.at_once, self._well = self.at_once + 1, 0

    def refused(self) -> float:
        """Note that the cluster was too busy: fewer at once; gives how long to wait (s)."""
        self.at_once, self._well = max(1, self.at_once // 2), 0
        self.pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self.pause))
        self.refusals += 1
        return self.pause

    def too_large(self, limit: int | None) -> bool:
        """Note that a search had too many buckets, and the cluster's limit where it told; false if it cannot be less.

        A little room is left below the limit: a shard may meet more buckets than the answer holds.
        """
        before = self.buckets
        self.buckets = max(_SMALLEST, min(before, int(limit * _ROOM) if limit else before // 2))
        return self.buckets < before
