"""KQL, as far as our dashboards use it: to Elasticsearch's query language, and to the fields that it names. Pure.

field: value    field: "two words"    field: *    field: (a or b)    field >= 3    not x    x and (y or z)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpm_elk.errors import InputError

Clause = dict[str, Any]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[()]|<=|>=|<|>|:|[^\s():<>"]+)')
_BOUNDS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_WORDS = ("and", "or", "not")


def to_query(text: str) -> Clause:
    """Turn KQL into a query. Raises InputError for what is not understood."""
    parser = _Parser(text)
    return parser.whole() if parser.tokens else {"match_all": {}}


def fields(text: str) -> list[str]:
    """List the fields that a query names. Raises InputError."""
    parser = _Parser(text)
    if parser.tokens:
        parser.whole()
    return parser.named


@dataclass
class _Parser:
    text: str
    at: int = 0
    named: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = list(self._split())

    def _split(self) -> Iterator[str]:
        position = 0
        while position < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, position)
            if found is None:
                raise self._wrong()
            yield found[1]
            position = found.end()

    def whole(self) -> Clause:
        made = self._any()
        if self.at != len(self.tokens):
            raise self._wrong()
        return made

    def _any(self) -> Clause:
        return self._joined("or", self._all, "should")

    def _all(self) -> Clause:
        return self._joined("and", self._one, "filter")

    def _joined(self, joint: str, part: Any, occurs: str) -> Clause:
        parts = [part()]
        while self._peek().lower() == joint:
            self.at += 1
            parts.append(part())
        if len(parts) == 1:
            only: Clause = parts[0]
            return only
        return {"bool": {occurs: parts} | ({"minimum_should_match": 1} if occurs == "should" else {})}

    def _one(self) -> Clause:
        word = self._next()
        if word.lower() == "not":
            return {"bool": {"must_not": self._one()}}
        if word == "(":
            made = self._any()
            self._expect(")")
            return made
        name = _plain(word)
        self.named.append(name)
        operator = self._next()
        if operator in _BOUNDS:
            return {"range": {name: {_BOUNDS[operator]: _plain(self._next())}}}
        if operator != ":":
            raise self._wrong()
        if self._peek() != "(":
            return self._value(name)
        self.at += 1
        values = [self._value(name)]
        while self._peek().lower() == "or":
            self.at += 1
            values.append(self._value(name))
        self._expect(")")
        return {"bool": {"should": values, "minimum_should_match": 1}}

    def _value(self, name: str) -> Clause:
        word = self._next()
        if word == "*":
            return {"exists": {"field": name}}
        if word in (")", ":") or word.lower() in _WORDS or ("*" in word and not word.startswith('"')):
            raise self._wrong()
        return {"match_phrase" if word.startswith('"') else "match": {name: _plain(word)}}

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _next(self) -> str:
        word = self._peek()
        if not word:
            raise self._wrong()
        self.at += 1
        return word

    def _expect(self, wanted: str) -> None:
        if self._next() != wanted:
            raise self._wrong()

    def _wrong(self) -> InputError:
        return InputError(f"the query {self.text!r} is not understood", remedy="see kuery.py for what is")


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
