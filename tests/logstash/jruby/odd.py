"""Odd events: near to right ones, wrong in ways that languages could see differently. Seeded, so that they repeat."""

import json
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.logstash.jruby.odd_values import ESCAPED, NAMES, NUMBERS, TEXTS, TIMES, WRONG_JSON


@dataclass(frozen=True)
class Body:
    """What comes in over HTTP."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    path: str | None = None


def bodies(chance: random.Random, count: int) -> Iterator[Body]:
    """Make odd bodies, such that Logstash's http input loses no byte of them."""
    return (_as_bytes(body) for body in _bodies(chance, count))


def _as_bytes(one: Body) -> Body:
    """Name a charset of bytes where the body is no UTF-8."""
    try:
        one.body.decode()
    except UnicodeDecodeError:
        kind = next((text for name, text in one.headers.items() if name.lower() == "content-type"), "application/json")
        others = {name: text for name, text in one.headers.items() if name.lower() != "content-type"}
        return Body(one.body, {**others, "Content-Type": f"{kind}; charset=ISO-8859-1"}, one.path)
    return one


def _bodies(chance: random.Random, count: int) -> Iterator[Body]:
    makers = (prediction, prediction, prediction, prediction, ground_truth, structured, record, sagemaker)
    for _ in range(count):
        kind = chance.random()
        if kind < 0.08:
            yield binary(chance)
            continue
        text = chance.choice(makers)(chance)
        if kind < 0.2:
            text = damaged(chance, text)
        if kind > 0.9:
            text = several(chance, [text, *(chance.choice(makers)(chance) for _ in range(chance.randrange(4)))])
        body = text.encode("utf-8", "surrogatepass")
        if chance.random() < 0.03:
            place = chance.randrange(len(body) + 1)
            bad = chance.choice(
                (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82")
            )
            body = body[:place] + bad + body[place:]
        yield Body(
            body, path=chance.choice((None, "/", "s3/risk/AllTraffic/2026/11/23/10/a.jsonl", "é/é/2026/11/23/10/x"))
        )


def value(chance: random.Random, depth: int = 0) -> str:
    """Write any JSON value, and rarely what is none."""
    kind = chance.random()
    if kind < 0.3:
        return chance.choice(NUMBERS)
    if kind < 0.36:
        return repr(chance.uniform(-1, 1) * 10.0 ** chance.randint(-320, 308))
    if kind < 0.6:
        return text(chance)
    if kind < 0.68:
        return chance.choice(ESCAPED)
    if kind < 0.8:
        return chance.choice(("true", "false", "null"))
    if kind < 0.805:
        return chance.choice(WRONG_JSON)
    if depth > 3:
        return chance.choice(("[]", "{}"))
    if kind < 0.88:
        return "[" + ",".join(value(chance, depth + 1) for _ in range(chance.randrange(4))) + "]"
    if kind < 0.89:
        levels = chance.choice((14, 15, 16, 17, 19, 20, 21, 40))
        opens, closes = chance.choice((("[", "]"), ('{"d":', "}")))
        return opens * levels + chance.choice(("1", "[]", '"["')) + closes * levels
    return obj({name(chance): value(chance, depth + 1) for _ in range(chance.randrange(4))})


def text(chance: random.Random) -> str:
    return json.dumps(chance.choice(TEXTS), ensure_ascii=chance.random() < 0.5)


def key(chance: random.Random) -> str:
    """Write what names something: mostly a short text."""
    return chance.choice(('"credit-risk"', '"M"', "7")) if chance.random() < 0.8 else text(chance)


def name(chance: random.Random) -> str:
    return chance.choice(NAMES) if chance.random() < 0.8 else text(chance)


def obj(members: dict[str, str] | list[tuple[str, str]]) -> str:
    pairs = members.items() if isinstance(members, dict) else members
    return "{" + ",".join(f"{key}:{item}" for key, item in pairs) + "}"


def fields(chance: random.Random, right: dict[str, Callable[[], str]], *, wrong: float) -> str:
    """Write an object: each field is right, left out, or anything; other fields and double ones come in."""
    pairs = []
    for key, write in right.items():
        kind = chance.random()
        if kind < wrong / 3:
            continue
        pairs.append((f'"{key}"', value(chance) if kind < wrong else write()))
    while chance.random() < wrong * 2:
        pairs.append((name(chance), value(chance)))
    if pairs and chance.random() < wrong / 3:
        pairs.append((chance.choice(pairs)[0], value(chance)))
    if chance.random() < 0.3:
        chance.shuffle(pairs)
    return obj(pairs)


def some(chance: random.Random, write: Callable[[random.Random], str], most: int) -> str:
    return obj([(name(chance), write(chance)) for _ in range(chance.randrange(most))])


def event(chance: random.Random, mpm: dict[str, Callable[[], str]]) -> str:
    wrong = chance.choice((0, 0.05, 0.15))
    right: dict[str, Callable[[], str]] = {
        "@timestamp": lambda: chance.choice(TIMES) if chance.random() < 0.3 else TIMES[0],
        "mpm": lambda: fields(chance, mpm, wrong=wrong),
        "service": lambda: fields(chance, {"environment": lambda: key(chance), "name": lambda: '"api"'}, wrong=wrong),
        "event": lambda: fields(
            chance,
            {
                "outcome": lambda: chance.choice(('"failure"', '"success"', '"unknown"')),
                "duration": lambda: chance.choice(("1", "9223372036854775807")),
            },
            wrong=wrong,
        ),
    }
    if chance.random() < 0.1:
        right["tags"] = lambda: chance.choice(
            ('"a"', "[]", '["a","b"]', '["a",1]', '{"a":"b"}', "1", '[["a"]]', '"\\ud800"')
        )
        right["@version"] = lambda: chance.choice(('"1"', "7", "{}"))
        right["@metadata"] = lambda: chance.choice(("{}", "5", '{"mpm":{"index":"x"}}'))
    return dotted(chance, fields(chance, right, wrong=wrong))


def dotted(chance: random.Random, written: str) -> str:
    """Write some roots with dots, as ECS loggers do."""
    if chance.random() < 0.15:
        written = written.replace('"mpm":{"model":{', '"mpm.model":{').replace(
            '"service":{"environment"', '"service.environment"', 1
        )
    if chance.random() < 0.1:
        written = written.replace('"model":{"name":', '"model.name":', 1)
    return written


def model(chance: random.Random) -> dict[str, Callable[[], str]]:
    def right() -> str:
        return obj({'"name"': key(chance), '"version"': key(chance)})

    return {"model": right}


def prediction(chance: random.Random) -> str:
    wrong = chance.choice((0, 0.05))
    said: dict[str, Callable[[], str]] = {
        "id": lambda: key(chance),
        "score": lambda: chance.choice(("0.5", chance.choice(NUMBERS))),
        "label": lambda: chance.choice(('"deny"', "true", "3")),
    }
    if chance.random() < 0.3:
        said["probabilities"] = lambda: some(chance, lambda c: c.choice(("0.5", c.choice(NUMBERS))), 3)
    parts: dict[str, Callable[[], str]] = {
        **model(chance),
        "prediction": lambda: fields(chance, said, wrong=wrong),
        "features": lambda: some(chance, value, 6),
        "request": lambda: obj({'"id"': key(chance)}),
        "query": lambda: obj({'"id"': '"q"', '"rank"': chance.choice(("1", value(chance)))}),
        "experiment": lambda: obj({'"id"': '"e"', '"arm"': chance.choice(("1", '"B"'))}),
        "segment": lambda: some(chance, lambda c: c.choice(('"EU"', "1", "true", "0.5", value(c))), 3),
        "attributions": lambda: obj({'"base_value"': "0.1", '"values"': some(chance, lambda c: c.choice(NUMBERS), 3)}),
    }
    kept = {key: write for key, write in parts.items() if key in ("model", "prediction") or chance.random() < 0.3}
    return event(chance, kept)


def ground_truth(chance: random.Random) -> str:
    parts: dict[str, Callable[[], str]] = {
        **model(chance),
        "prediction": lambda: obj({'"id"': key(chance)}),
        "request": lambda: obj({'"id"': key(chance)}),
        "ground_truth": lambda: obj(
            {
                '"value"': chance.choice((value(chance), chance.choice(NUMBERS))),
                '"source"': chance.choice(('"s"', text(chance))),
            }
        ),
    }
    return event(chance, {key: write for key, write in parts.items() if chance.random() < 0.85})


def attributes(chance: random.Random) -> dict[str, str]:
    prefix = chance.choice(("io.seldon.serving.", "org.kubeflow.serving.", "org.kubeflow.serving.", "com.example."))
    kind = chance.choice(
        ("inference.request", "inference.response", "feedback", "inference.drift", "inference.outlier", "x", "")
    )
    found = {
        "specversion": "1.0",
        "id": chance.choice(("c-1", "c-2", "é", "")),
        "type": prefix + kind,
        "time": chance.choice(("2026-11-23T10:00:00.214883021Z", "2026-11-23T10:00:00Z", "x", "")),
        "namespace": chance.choice(("lending", "")),
        "inferenceservicename": "credit-risk",
        "component": "predictor",
        "modelid": "classifier",
        "endpoint": chance.choice(("default", "")),
        "requestid": "r-1",
    }
    return {key: item for key, item in found.items() if key == "specversion" or chance.random() < 0.85}


def structured(chance: random.Random) -> str:
    pairs = [(json.dumps(key), json.dumps(item)) for key, item in attributes(chance).items()]
    if chance.random() < 0.6:
        pairs.append(
            (
                '"datacontenttype"',
                chance.choice(('"application/json"', '"text/plain; charset=utf-8"', '"a/b+json ;x"', value(chance))),
            )
        )
    if chance.random() < 0.8:
        pairs.append(
            (
                chance.choice(('"data"', '"data"', '"d\\u0061ta"')),
                chance.choice(('{ "a" : [1, 2.50e1] }', value(chance))),
            )
        )
    if chance.random() < 0.3:
        pairs.append(
            (
                '"data_base64"',
                chance.choice(
                    (
                        '"AQID"',
                        '"AQI="',
                        '"AQ=="',
                        '"AQJ="',
                        '"AR=="',
                        '"A==="',
                        '"AQ"',
                        '"====" ',
                        '""',
                        '"AQ==AQ=="',
                        '"_-__"',
                        '"AQ ID"',
                        value(chance),
                    )
                ),
            )
        )
    if chance.random() < 0.3:
        pairs.append((name(chance), value(chance)))
    chance.shuffle(pairs)
    space = chance.choice(("", " ", "\r\t "))
    return "{" + f",{space}".join(f"{space}{key}{space}:{space}{item}{space}" for key, item in pairs) + "}"


def record(chance: random.Random) -> str:
    right: dict[str, Callable[[], str]] = {
        "ReqType": lambda: json.dumps(
            chance.choice(("request", "response", "org.kubeflow.serving.inference.request", "x"))
        ),
        "Bytes": lambda: json.dumps(b64encode(chance.choice((b"{}", b"\xff", b""))).decode()),
        "InferenceService": lambda: '"credit-risk"',
        "Namespace": lambda: chance.choice(('"lending"', '""')),
        "Id": lambda: chance.choice(('"c-1"', "7", "1e16", value(chance))),
        "ContentType": lambda: chance.choice(('"application/json"', value(chance))),
        "SourceUri": lambda: chance.choice(
            ('"http://x/"', '{"Scheme":"http","Host":"x:80","Path":"/a"}', '""', '{"Host":1}')
        ),
    }
    return fields(chance, right, wrong=0.08)


def sagemaker(chance: random.Random) -> str:
    half = '{"observedContentType":"text/csv","mode":"INPUT","data":"1,2\\n","encoding":"CSV"}'
    about: dict[str, Callable[[], str]] = {
        "eventId": lambda: chance.choice(('"e-1"', '""', "7", "null")),
        "inferenceId": lambda: '"i-1"',
        "inferenceTime": lambda: chance.choice((TIMES[0], chance.choice(TIMES))),
    }
    right: dict[str, Callable[[], str]] = {
        "captureData": lambda: fields(
            chance, {"endpointInput": lambda: half, "endpointOutput": lambda: half}, wrong=0.1
        ),
        "groundTruthData": lambda: '{"data":"1","encoding":"CSV"}',
        "eventMetadata": lambda: fields(chance, about, wrong=0.1),
        "eventVersion": lambda: '"0"',
    }
    dropped = chance.choice(("captureData", "groundTruthData", "groundTruthData"))
    return fields(chance, {key: write for key, write in right.items() if key != dropped}, wrong=0.06)


def binary(chance: random.Random) -> Body:
    headers = {f"Ce-{key.capitalize()}": item for key, item in attributes(chance).items() if item}
    if chance.random() < 0.8:
        headers["Content-Type"] = chance.choice(("application/json", "text/csv; charset=utf-8"))
    if chance.random() < 0.2:
        headers["ce-metadata"] = '{"X-Tenant":["nörth"]}'
    return Body(
        chance.choice((b'{"instances":[[1]]}', b"", b" \n", b"\xff\x00", b"[1]\n[2]", b"x" * 20_001)), headers, "/"
    )


def damaged(chance: random.Random, written: str) -> str:
    """Cut, double, insert or replace something."""
    place = chance.randrange(len(written) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return written[:place]
    if kind == 1:
        return written[:place] + chance.choice(WRONG_JSON) + written[place:]
    if kind == 2:
        return written[:place] + written[place + 1 :]
    if kind == 3:
        return chance.choice(("GET / 200", "\ufeff", "1 ", '"mpm" ', "[", "[[", "x", "\v", "\x00")) + written
    return written + chance.choice((" trailing", "}", ",", "\x00", "\ufeff", "\v", "[]", "\r", "/"))


def several(chance: random.Random, texts: list[str]) -> str:
    """Put several events into one body."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(("\n", "\r\n", "\n\n \n")).join(texts)
    if kind == 1:
        return "[" + chance.choice((",", " ,\n", ", 5 ,", ",,")).join(texts) + chance.choice(("]", "", "] x", ",]"))
    if kind == 2:
        return "\n".join(
            chance.choice((one, "GET / 200", "", "[1,2]", "5", '"mpm"', f"[{one}]", f"[[{one}]]")) for one in texts
        )
    # One object over several lines.
    return chance.choice(texts).replace(",", ",\n", 3)
