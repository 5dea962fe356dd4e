"""Logstash's pipeline language: a parser into a small typed tree.

The grammar follows the one in Logstash 9's sources (`lscl_grammar.treetop`), with `config.support_escapes` off, as it
is by default: what stands between the quotes is the text. Two things are refused here that Logstash's grammar lets
pass: a plugin named `if`, and a word that runs into a number inside a hash (`{ aa => 1bb => 2 }`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import LarkError, UnexpectedInput, VisitError

_GRAMMAR = r"""
start: section*
section: SECTION "{" _body "}"
_body: (plugin | branch)*

plugin: name "{" attributes "}"
attributes: attribute*
attribute: name "=>" _value
name: BAREWORD | INTEGER | OTHER_NAME | STRING
_value: plugin | bareword | string | number | array | hash
bareword: BAREWORD
string: STRING
number: INTEGER | DECIMAL
array: "[" [_value ("," _value)*] "]"
hash: "{" entry* "}"
entry: (number | bareword | string) "=>" _value

branch: if_ else_if* else_?
if_: _IF condition "{" block "}"
else_if: _ELSE_IF condition "{" block "}"
else_: _ELSE "{" block "}"
block: _body

condition: _expression (BOOLEAN _expression)*
_expression: "(" condition ")" | negation | comparison | _rvalue
negation: "!" "(" condition ")" | "!" selector
comparison: _rvalue (COMPARE | IN | NOT_IN) _rvalue | _rvalue MATCH (string | regexp)
_rvalue: string | number | selector | list | call | regexp
list: "[" [_value ("," _value)*] "]"
call: BAREWORD "(" [_rvalue ("," _rvalue)*] ")"
selector: SELECTOR
regexp: REGEXP

SECTION: "input" | "filter" | "output"
_IF.5: /if(?![A-Za-z0-9_-])/
_ELSE_IF.6: /else([ \t\r\n]|\#[^\r\n]*\r?\n)*if(?![A-Za-z0-9_-])/
_ELSE.5: /else(?![A-Za-z0-9_-])/
BAREWORD.3: /[A-Za-z_][A-Za-z0-9_]+(?![A-Za-z0-9_-])/
INTEGER.3: /-?[0-9]+(?![A-Za-z0-9_.-])/
DECIMAL.3: /-?[0-9]+\.[0-9]*/
OTHER_NAME.1: /[A-Za-z0-9_-]+/
STRING: /"([\\]["]|[^"\\]|[\\](?!"))*"/ | /'([\\][']|[^'\\]|[\\](?!'))*'/
REGEXP: /\/([\\]\/|[^\/\\]|[\\](?!\/))*\//
SELECTOR.4: /(\[[^\]\[,]+\])+/
BOOLEAN.4: /(and|or|xor|nand)(?![A-Za-z0-9_])/
COMPARE: "==" | "!=" | "<=" | ">=" | "<" | ">"
MATCH: "=~" | "!~"
IN.4: /in(?![A-Za-z0-9_])/
NOT_IN.4: /not ([ \t\r\n]|\#[^\r\n]*\r?\n)*in(?![A-Za-z0-9_])/

%ignore /[ \t\r\n]+/
%ignore /\#[^\r\n]*(\r?\n|\Z)/
"""


class ConfigError(ValueError):
    """A text that Logstash would refuse."""


@dataclass(frozen=True)
class Plugin:
    """A plugin with its settings, in the order of the file; a codec may be a value of another plugin."""

    name: str
    settings: tuple[tuple[str, Value], ...]
    line: int

    def get(self, setting: str) -> Value | None:
        """Give the value of a setting, None where it is not set."""
        return next((value for name, value in self.settings if name == setting), None)

    def require(self, setting: str) -> Value:
        """Give the value of a setting that must be there."""
        value = self.get(setting)
        if value is None:
            message = f"line {self.line}: {self.name} has no `{setting}`"
            raise ConfigError(message)
        return value


Value: TypeAlias = "str | int | float | Plugin | list[Value] | dict[str | int | float, Value]"


@dataclass(frozen=True)
class Selector:
    """A field reference: `[@metadata][mpm][kind]` is `("@metadata", "mpm", "kind")`."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Regexp:
    """A regular expression without its slashes."""

    pattern: str


@dataclass(frozen=True)
class Call:
    """A method call in a condition."""

    method: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True)
class Comparison:
    """Two operands and what stands between them: `==`, `in`, `not in`, `=~`, …"""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True)
class Negation:
    """`!` before a selector or a condition in parentheses."""

    of: Selector | Condition


Operand: TypeAlias = "str | int | float | Selector | Regexp | Call | list[Value]"
Expression: TypeAlias = "Operand | Comparison | Negation | Condition"


@dataclass(frozen=True)
class Condition:
    """Expressions with `and`, `or`, `xor`, `nand` between them, as they stand."""

    expressions: tuple[Expression, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Branch:
    """`if`, any `else if`, and the `else`, whose condition is None."""

    cases: tuple[tuple[Condition | None, tuple[Node, ...]], ...]


Node: TypeAlias = "Plugin | Branch"


@dataclass(frozen=True)
class Section:
    """`input`, `filter` or `output`, and what it holds."""

    kind: str
    body: tuple[Node, ...]


def parse(text: str) -> tuple[Section, ...]:
    """Parse one configuration file; raises ConfigError with the line and column."""
    try:
        tree = _PARSER.parse(text)
        sections: tuple[Section, ...] = _Build(text).transform(tree)
    except UnexpectedInput as error:
        message = f"line {error.line}, column {error.column}: not what may stand here:\n{error.get_context(text)}"
        raise ConfigError(message) from error
    except VisitError as error:
        if isinstance(error.orig_exc, ConfigError):
            raise error.orig_exc from None
        raise
    except LarkError as error:
        raise ConfigError(str(error)) from error
    return sections


def plugins(nodes: Sequence[Node]) -> Iterator[Plugin]:
    """Give all plugins below some nodes, inside branches too; codecs are not among them."""
    for node in nodes:
        if isinstance(node, Plugin):
            yield node
        else:
            for _, body in node.cases:
                yield from plugins(body)


def selectors(nodes: Sequence[Node]) -> Iterator[Selector]:
    """Give every field that a condition below some nodes asks for."""
    for node in nodes:
        if isinstance(node, Branch):
            for condition, body in node.cases:
                if condition is not None:
                    yield from _fields(condition)
                yield from selectors(body)


def _fields(expression: Expression) -> Iterator[Selector]:
    match expression:
        case Selector():
            yield expression
        case Condition():
            for part in expression.expressions:
                yield from _fields(part)
        case Negation():
            yield from _fields(expression.of)
        case Comparison():
            yield from _fields(expression.left)
            yield from _fields(expression.right)
        case Call():
            for argument in expression.arguments:
                yield from _fields(argument)


_Pair: TypeAlias = "tuple[Any, Any]"


@v_args(inline=True)
class _Build(Transformer[Token, Any]):
    """Turn lark's tree into ours, and check what the grammar alone does not say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, *sections: Section) -> tuple[Section, ...]:
        return sections

    def section(self, kind: Token, *body: Node) -> Section:
        return Section(str(kind), body)

    @v_args(inline=False, meta=True)
    def plugin(self, meta: Any, children: Sequence[Any]) -> Plugin:
        name, settings = children
        if [key for key, _ in settings].count("codec") > 1:
            message = f"line {meta.line}: {name} has more than one codec"
            raise ConfigError(message)
        return Plugin(name, settings, meta.line)

    @v_args(inline=False, tree=True)
    def attributes(self, tree: Tree[Any]) -> tuple[_Pair, ...]:
        settings: Sequence[tuple[str, Value, int, int]] = tree.children  # type: ignore[assignment] # made below
        for _, _, line, end in settings[:-1]:
            if self._text[end] not in " \t\r\n":
                message = f"line {line}: white space is missing after a setting"
                raise ConfigError(message)
        return tuple((name, value) for name, value, _, _ in settings)

    @v_args(inline=False, meta=True)
    def attribute(self, meta: Any, children: Sequence[Any]) -> tuple[str, Value, int, int]:
        name, value = children
        return name, value, meta.end_line, meta.end_pos

    def name(self, token: Token) -> str:
        return _unquoted(token) if token.type == "STRING" else str(token)

    def bareword(self, token: Token) -> str:
        return str(token)

    def string(self, token: Token) -> str:
        return _unquoted(token)

    def number(self, token: Token) -> int | float:
        return int(token) if token.type == "INTEGER" else float(token)

    def array(self, *values: Value | None) -> Sequence[Value]:
        return [value for value in values if value is not None]

    list = array

    @v_args(inline=False, meta=True)
    def hash(self, meta: Any, entries: Sequence[_Pair]) -> dict[Any, Value]:
        keys = [key for key, _ in entries]
        if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
            message = f"line {meta.line}: a hash has a key twice: {', '.join(twice)}"
            raise ConfigError(message)
        return dict(entries)

    def entry(self, key: str | float, value: Value) -> _Pair:
        return key, value

    def branch(self, *cases: _Pair) -> Branch:
        return Branch(cases)

    def if_(self, condition: Condition, body: tuple[Node, ...]) -> _Pair:
        return condition, body

    else_if = if_

    def else_(self, body: tuple[Node, ...]) -> _Pair:
        return None, body

    def block(self, *body: Node) -> tuple[Node, ...]:
        return body

    def condition(self, *parts: Any) -> Condition:
        return Condition(parts[::2], tuple(str(operator) for operator in parts[1::2]))

    def negation(self, of: Selector | Condition) -> Negation:
        return Negation(of)

    def comparison(self, left: Operand, operator: Token, right: Operand) -> Comparison:
        return Comparison(left, "not in" if operator.type == "NOT_IN" else str(operator), right)

    def call(self, method: Token, *arguments: Operand | None) -> Call:
        return Call(str(method), tuple(argument for argument in arguments if argument is not None))

    def selector(self, token: Token) -> Selector:
        return Selector(tuple(token[1:-1].split("][")))

    def regexp(self, token: Token) -> Regexp:
        return Regexp(token[1:-1])


def _unquoted(token: Token) -> str:
    return str(token[1:-1])


_PARSER = Lark(_GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=False)
