"""Index names: the vectors for other languages, and that no text can leave its place in a name."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.contract.names import Index, dated, from_captures, monthly, part

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def by_hand(text: str) -> str:
    """Map character by character: an own writing of the rule."""
    lowered = (chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    return "".join(c if c in SAFE else "_" for c in lowered)


@pytest.mark.parametrize("vector", VECTORS["parts"], ids=lambda vector: ascii(vector["text"]))
def test_part_vectors(vector: dict[str, str]) -> None:
    assert part(vector["text"]) == vector["part"] == by_hand(vector["text"])


@pytest.mark.parametrize("vector", VECTORS["indices"], ids=lambda vector: ascii(vector["index"]))
def test_index_vectors(vector: dict[str, Any]) -> None:
    index = Index(vector["root"])
    assert monthly(index, vector["model"], vector["environment"], vector["timestamp_ms"]) == vector["index"]


@given(st.text())
def test_a_part_keeps_length_and_holds_only_safe_characters(text: str) -> None:
    made = part(text)
    assert len(made) == len(text)
    assert set(made) <= SAFE
    assert made == by_hand(text)
    assert part(made) == made


def test_what_is_made_from_captures_can_be_told_from_every_shipped_event() -> None:
    made = from_captures(monthly(Index.PREDICTIONS, "captures.x", "production", 1_795_428_000_000))
    assert made == "mpm-predictions-v1-captures.captures_x-production-2026.11"
    assert from_captures("mpm-ground-truth-v1-m-p-2026.11") == "mpm-ground-truth-v1-captures.m-p-2026.11"


def test_no_kind_matches_the_indices_of_another() -> None:
    at = 1_795_428_000_000
    for kind in Index:
        for name in (kind.value, dated(kind, at), monthly(kind, "m", "p", at)):
            owners = [other for other in Index if name == other.value or name.startswith(other.pattern.rstrip("*"))]
            assert owners == [kind]
