"""KServe's payloads: V1 and the Open Inference Protocol, in all the shapes that clients use."""

from typing import Any

import pytest

from tests.intake.platforms.made import failure, features, made, mapping

ROWS = [[41, 2, 310.5], [29, 0, 87.0]]
BY_NAME = [{"age": 41, "late": 2, "income": 310.5}, {"age": 29, "late": 0, "income": 87.0}]
V1 = {"predictions": [0.8312, 0.1177]}
FLAT = [value for row in ROWS for value in row]


def tensor(name: str, shape: list[int], data: list[Any], datatype: str = "FP64", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data, **more}


REQUESTS: dict[str, Any] = {
    "V1 arrays": {"instances": ROWS},
    "V1 objects": {"instances": BY_NAME},
    "V1 objects in another order": {"instances": [dict(reversed(row.items())) for row in BY_NAME]},
    "V2 flat": {"inputs": [tensor("x", [2, 3], FLAT)]},
    "V2 nested": {"inputs": [tensor("x", [2, 3], ROWS)]},
    "V2 of three dimensions": {"inputs": [tensor("x", [2, 3, 1], FLAT)]},
    "V2 column a tensor": {
        "inputs": [tensor(name, [2], [row[name] for row in BY_NAME]) for name in ("income", "age", "late")]
    },
    "V2 column a tensor [n,1]": {
        "inputs": [tensor(name, [2, 1], [[row[name]] for row in BY_NAME]) for name in ("age", "late", "income")]
    },
    "V2 columns by other names, in order": {
        "inputs": [tensor(f"f{at}", [2], [row[at] for row in ROWS]) for at in range(3)]
    },
    "TF Serving columns": {"inputs": {"age": [41, 29], "late": [[2], [0]], "income": [310.5, 87.0]}},
    "a bare list": ROWS,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_form_of_a_request_gives_the_same_features(name: str) -> None:
    assert features(REQUESTS[name]) == BY_NAME


RESPONSES: dict[str, Any] = {
    "V1": V1,
    "V1 arrays": {"predictions": [[0.8312], [0.1177]]},
    "V1 objects": {"predictions": [{"score": 0.8312}, {"score": 0.1177}]},
    "V2": {"model_name": "m", "outputs": [tensor("score", [2], [0.8312, 0.1177], "FP32")]},
    "V2 nested": {"outputs": [tensor("score", [2, 1], [[0.8312], [0.1177]])]},
    "V2 with a label beside": {
        "outputs": [tensor("label", [2], ["deny", "grant"], "BYTES"), tensor("score", [2], [0.8312, 0.1177])]
    },
}


@pytest.mark.parametrize("name", RESPONSES)
def test_every_form_of_a_response_gives_the_same_scores(name: str) -> None:
    by_name = name in ("V1 objects", "V2 with a label beside")
    terms = mapping(output={"score": "score" if by_name else 0})
    assert [one["prediction"]["score"] for one in made({"instances": ROWS}, RESPONSES[name], terms)] == [0.8312, 0.1177]


def test_one_row_has_the_id_of_the_call_and_several_are_numbered() -> None:
    assert [one["prediction"]["id"] for one in made({"instances": ROWS}, V1)] == ["c:0", "c:1"]
    assert [one["prediction"]["id"] for one in made({"instances": ROWS[:1]}, {"predictions": [1]})] == ["c"]


def test_scalars_are_rows_of_one_column() -> None:
    assert features({"instances": [1, 2]}, mapping(features=["x"])) == [{"x": 1}, {"x": 2}]


def test_texts_and_booleans_stay_what_they_are() -> None:
    request = {
        "inputs": [
            tensor("zone", [2], ["harbour", "inland"], "BYTES"),
            tensor("owner", [2], [1, 0], "BOOL"),
            tensor("code", [2], [3, 4], "INT64"),
        ]
    }
    terms = mapping(features=["zone", "owner", "code"], texts=["code"])
    assert features(request, terms) == [
        {"zone": "harbour", "owner": True, "code": "3"},
        {"zone": "inland", "owner": False, "code": "4"},
    ]


def test_names_can_be_mapped_and_columns_skipped() -> None:
    renamed = mapping(features={"x:0": "age", "x:1": None, "x:2": "income"})
    assert features(REQUESTS["V2 flat"], renamed) == [{"age": 41, "income": 310.5}, {"age": 29, "income": 87.0}]
    assert features({"instances": ROWS}, mapping(features=["age", "_", None])) == [{"age": 41}, {"age": 29}]
    assert features({"instances": BY_NAME}, mapping(features=None)) == BY_NAME


def test_a_feature_that_an_object_lacks_is_missing() -> None:
    assert features({"instances": [{"age": 1}, {"late": 2}]}) == [{"age": 1, "late": None}, {"age": None, "late": 2}]


def test_what_the_output_means() -> None:
    response = {"outputs": [tensor("p", [2, 2], [0.2, 0.8, 0.9, 0.1]), tensor("y", [2], [1.0, 0.0])]}
    terms = mapping(
        output={"probabilities": {"grant": "p:0", "deny": "p:1"}, "score": 1, "label": "y", "threshold": 0.4}
    )
    assert [one["prediction"] for one in made({"instances": ROWS}, response, terms)] == [
        {"id": "c:0", "score": 0.8, "label": 1, "probabilities": {"grant": 0.2, "deny": 0.8}, "threshold": 0.4},
        {"id": "c:1", "score": 0.1, "label": 0, "probabilities": {"grant": 0.9, "deny": 0.1}, "threshold": 0.4},
    ]
    listed = mapping(output={"probabilities": ["grant", "deny"]})
    [first, _] = made({"instances": ROWS}, {"predictions": [[0.2, 0.8], [0.9, 0.1]]}, listed)
    assert first["prediction"]["probabilities"] == {"grant": 0.2, "deny": 0.8}


def test_the_version_is_the_mapping_s_or_the_response_s() -> None:
    response = {"model_version": 7, "outputs": [tensor("score", [2], [0.5, 0.5])]}
    assert made({"instances": ROWS}, response)[0]["model"] == {"name": "credit-risk", "version": "3"}
    assert made({"instances": ROWS}, response, mapping(version=None))[0]["model"]["version"] == "7"
    assert failure({"instances": ROWS}, V1, mapping(version=None)).startswith("no_version")


def test_ids_and_segments_are_columns() -> None:
    request = {"instances": [{"loan": "l-1", "zone": "a", "age": 1}, {"loan": 417, "zone": None, "age": 2}]}
    terms = mapping(features=["age"], prediction_id="loan", segment=["zone"])
    first, second = made(request, V1, terms)
    assert (first["prediction"]["id"], second["prediction"]["id"]) == ("l-1", 417)
    assert (first["segment"], second["segment"]) == ({"zone": "a"}, {})
    by_position = mapping(features=["_", "late", "income"], prediction_id=0, segment={"band": "late"})
    first, second = made({"instances": ROWS}, V1, by_position)
    assert (first["prediction"]["id"], first["segment"]) == (41, {"band": 2})
    answered = {"outputs": [tensor("score", [2], [0.5, 0.5]), tensor("key", [2], ["a", "b"], "BYTES")]}
    found = made({"instances": ROWS}, answered, mapping(prediction_id="key"))
    assert [one["prediction"]["id"] for one in found] == ["a", "b"]


FAILURES: list[tuple[str, Any, Any, dict[str, Any]]] = [
    ("row_counts: the request holds 2 rows and the response 1", {"instances": ROWS}, {"predictions": [0.5]}, {}),
    ("not_json: the request is not JSON: '<html>'", b"<html>", V1, {}),
    ("not_text: the response is not text in UTF-8", {"instances": ROWS}, b"\xff\xfe", {}),
    ("not_json: the response is not JSON", {"instances": ROWS}, b"[" * 100_000, {}),
    ("unknown_payload: the response has none of the forms that are known: an object with error",
     {"instances": ROWS}, {"error": "x"}, {}),
    ("unknown_payload: the request has none of the forms that are known: 7", 7, V1, {}),
    ("unlike_rows", {"instances": [[1, 2], [1]]}, V1, {}),
    ("unlike_rows", {"instances": [[1, 2], 3]}, V1, {}),
    ("unlike_rows", {"inputs": [tensor("a", [2], [1, 2]), tensor("b", [1], [1])]}, V1, {}),
    ("unlike_rows", {"inputs": {"a": [1, 2], "b": [1]}}, V1, {}),
    ("bad_tensor: tensor `x` of the request: its shape [2, 3] is not that of 5 values",
     {"inputs": [tensor("x", [2, 3], FLAT[:5])]}, V1, {}),
    ("bad_tensor", {"inputs": [{"name": "x", "shape": "2", "data": FLAT}]}, V1, {}),
    ("bad_tensor", {"inputs": [{"name": "x", "shape": [2], "data": None}]}, V1, {}),
    ("binary_tensors", {"inputs": [{"name": "x", "shape": [2, 3], "parameters": {"binary_data_size": 48}}]}, V1, {}),
    ("binary_tensors", b'{"inputs":[{"name":"x","parameters":{"binary_data_size":2}}]}\xff\x00', V1, {}),
    ("binary_tensors", b'{"inputs":[{"name":"x","parameters":{"binary_data_size":2}}]}ab', V1, {}),
    ("no_rows", {"instances": []}, {"predictions": []}, {}),
    ("column_count: the request has 3 columns, and the mapping names 2", {"instances": ROWS}, V1,
     {"features": ["a", "b"]}),
    ("column_count", {"instances": ROWS}, V1, {"output": {"probabilities": ["a", "b"]}}),
    ("no_names", {"instances": ROWS}, V1, {"features": {"x": "age"}}),
    ("no_names", {"instances": ROWS}, V1, {"features": None}),
    ("no_column", {"instances": BY_NAME}, V1, {"features": ["other"]}),
    ("no_column", {"instances": BY_NAME}, V1, {"segment": {"zone": 0}}),
    ("no_column", {"instances": ROWS}, V1, {"output": {"score": 1}}),
    ("no_column", {"instances": ROWS}, V1, {"output": {"score": "score"}}),
    ("no_column", {"instances": ROWS}, V1, {"prediction_id": "loan"}),
    ("bad_id: row 0", {"instances": [[0.5, 1, 1]]}, {"predictions": [1]}, {"prediction_id": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "request_body", "response", "change"), FAILURES)
def test_what_cannot_be_read_says_why(said: str, request_body: Any, response: Any, change: dict[str, Any]) -> None:
    assert failure(request_body, response, mapping(**change)).startswith(said)
