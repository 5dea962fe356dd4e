"""The vectors that other languages test against: Python gives the same, and so does a computation by hand."""

import hashlib
import itertools
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpm_elk.contract.ids import BUCKETS, bucket, canonical, digest, prediction_id

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))
KEY = ("environment", "model", "version", "prediction")


def by_hand(texts: list[str]) -> tuple[bytes, str]:
    form = bytearray()
    for text in texts:
        raw = bytes(text, "utf-8")
        form += str(len(raw)).encode("ascii") + b":" + raw + b","
    code = b64encode(hashlib.new("sha256", form).digest()).decode("ascii")
    return bytes(form), code.replace("+", "-").replace("/", "_").removesuffix("=")


@pytest.mark.parametrize("vector", VECTORS["digests"], ids=lambda vector: repr(vector["texts"]))
def test_digest_vectors(vector: dict[str, Any]) -> None:
    form, code = by_hand(vector["texts"])
    assert canonical(*vector["texts"]) == bytes.fromhex(vector["canonical"]) == form
    assert digest(*vector["texts"]) == vector["digest"] == code


@pytest.mark.parametrize("vector", VECTORS["predictions"], ids=lambda vector: vector["id"][:8])
def test_prediction_vectors(vector: dict[str, Any]) -> None:
    environment, model, version, prediction = (vector[name] for name in KEY)
    at = vector["timestamp_ms"]
    _, code = by_hand([environment, model, version, prediction, str(at)])
    assert prediction_id(environment, model, version, prediction, at) == vector["id"] == code
    first = hashlib.new("sha256", vector["prediction"].encode()).hexdigest()[:16]
    assert bucket(vector["prediction"]) == vector["bucket"] == int(first, 16) % BUCKETS


def test_no_two_vectors_share_an_id() -> None:
    ids = [vector["id"] for vector in VECTORS["predictions"]] + [vector["digest"] for vector in VECTORS["digests"]]
    assert len(set(ids)) == len(ids)


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_two_lists_never_share_a_form(first: list[str], second: list[str]) -> None:
    assert (canonical(*first) == canonical(*second)) == (first == second)


def test_shifting_a_border_between_texts_changes_the_form() -> None:
    text = "a,1:b,2:cd,"
    cuts = [(text[:i], text[i:]) for i in range(len(text) + 1)]
    assert all(canonical(*one) != canonical(*other) for one, other in itertools.combinations(cuts, 2))


def test_buckets_are_even() -> None:
    counts = [0] * BUCKETS
    for number in range(20 * BUCKETS):
        counts[bucket(f"id-{number}")] += 1
    # χ² with 999 degrees of freedom exceeds 1143 once in a thousand times.
    assert sum((count - 20) ** 2 / 20 for count in counts) < 1143
