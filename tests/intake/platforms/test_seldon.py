"""Seldon's payloads: names, `ndarray` and `tensor`."""

from typing import Any

import pytest

from mpm_elk.intake.platforms import PLATFORMS
from tests.intake.platforms.made import SELDON, failure, features, made, mapping

NAMES = ["age", "late", "income"]
ROWS = [[41, 2, 310.5], [29, 0, 87.0]]
EXPECTED = [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def data(**fields: Any) -> dict[str, Any]:
    return {"data": fields, "meta": {"puid": "x"}}


@pytest.mark.parametrize(
    "request_body",
    [
        data(names=NAMES, ndarray=ROWS),
        data(ndarray=ROWS),
        data(names=[], ndarray=ROWS),
        data(names=["a", "b"], ndarray=ROWS),
        data(names=NAMES, tensor={"shape": [2, 3], "values": [value for row in ROWS for value in row]}),
        {"inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP64", "data": ROWS}]},
    ],
)
def test_every_form_of_a_request_gives_the_same_features(request_body: dict[str, Any]) -> None:
    assert features(request_body, platform=SELDON) == EXPECTED


def test_names_win_over_the_order() -> None:
    request = data(names=["income", "age", "late"], ndarray=[[310.5, 41, 2], [87.0, 29, 0]])
    assert features(request, platform=SELDON) == EXPECTED


def test_classes_are_columns_of_the_response() -> None:
    response = data(names=["t:0", "t:1"], ndarray=[[0.1688, 0.8312], [0.8823, 0.1177]])
    terms = mapping(output={"score": "t:1", "probabilities": ["grant", "deny"]})
    first, second = made(data(ndarray=ROWS), response, terms, SELDON)
    assert first["prediction"] == {"id": "c:0", "score": 0.8312, "probabilities": {"grant": 0.1688, "deny": 0.8312}}
    assert second["prediction"]["id"] == "c:1"


@pytest.mark.parametrize(
    "body", [{"strData": "x"}, {"data": {"tftensor": {}}}, {"binData": "eA=="}, {"jsonData": {"a": 1}}]
)
def test_other_forms_are_named(body: dict[str, Any]) -> None:
    assert failure(body, data(ndarray=[[1]]), platform=SELDON).startswith("unknown_payload: the request has none")


def test_a_tensor_whose_shape_is_wrong() -> None:
    assert failure(data(tensor={"shape": [2, 3], "values": [1]}), data(ndarray=[[1]]), platform=SELDON).startswith(
        "bad_tensor"
    )


def test_platforms_have_names_of_their_own_and_seldon_is_asked_before_kserve() -> None:
    assert [platform.name for platform in PLATFORMS] == ["seldon", "kserve", "sagemaker"]
