"""What the job remembers survives being written, and what an older one wrote can be read."""

import json

from mpm_elk.cluster.changes import ReadPosition
from mpm_elk.cluster.state import CatchUp, ModelState

POSITIONS = {"mpm-predictions-v1-m-production-2026.11": ReadPosition("uuid", {0: 5, 1: 7})}


def test_a_state_is_read_as_it_was_written() -> None:
    far = CatchUp(POSITIONS, "hash", 5, 4, 3, "audit", {"i": 2}, {"1d rolling 28d": 9}, (1, 2), new=True)
    for catch_up in (None, far):
        state = ModelState(
            POSITIONS, {"i": 3}, {"features.x": "h"}, {"1d rolling 28d": (1, 2)}, 4, 5,
            {"1d rolling 28d": ((0, 1), (2, 3))}, {"1d rolling 28d": 7}, catch_up,
        )  # fmt: skip
        assert ModelState.from_document(json.loads(json.dumps(state.to_document()))) == state


def test_an_older_state_knows_less() -> None:
    old = {"read": {}, "profiles": {"i": 1}, "cells": {}, "judged": {"1d baseline": [1, 2]}, "days_until": 3}
    assert ModelState.from_document(old) == ModelState(profiles={"i": 1}, judged={"1d baseline": (1, 2)}, days_until=3)
