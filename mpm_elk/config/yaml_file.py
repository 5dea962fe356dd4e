"""Read a YAML file so that what is wrong in it can be told by file and line."""

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mpm_elk.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")
_TEXT, _NULL, _MERGE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "merge"))


def compose(file: Path) -> yaml.MappingNode:
    """Read a file of keys. Raises ConfigError with file and line where it is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}", remedy="check the path and the file's rights") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or "not valid YAML"
        variable = "${" in "".join(text.splitlines()[line - 1 : line])
        remedy = 'inside { } and [ ], a variable needs quotes: "${VAR}"' if variable else "mend this line"
        raise ConfigError(f"{file}:{line}: not valid YAML: {problem}", remedy=remedy) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not valid YAML: {error}", remedy="mend the file") from None
    if node is None:
        return yaml.MappingNode("tag:yaml.org,2002:map", [])
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            f"{file}:1: the file must hold keys such as `elasticsearch:` and `rules:`", remedy="mend the file"
        )
    return node


def construct(node: yaml.MappingNode, file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Make Python values of the nodes, with variables read and duplicate keys refused."""
    for child in _walk(node, set()):
        if isinstance(child, yaml.MappingNode):
            _refuse_duplicates(child, file)
            for key, _ in child.value:
                # YAML 1.1 takes `on` for true; our keys are words.
                key.tag = key.tag if key.tag == _MERGE else _TEXT
        elif isinstance(child, yaml.ScalarNode) and "${" in child.value:
            child.value = _substitute(child, file, environment)
            # Always a text, so that a password of digits stays one; pydantic makes the numbers that settings need.
            # An empty variable is a key that was not given.
            child.tag = _TEXT if child.value else _NULL
    try:
        data = yaml.constructor.SafeConstructor().construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: {error.problem}", remedy="mend this line") from None
    return typing.cast("dict[str, Any]", data)


def _walk(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    """Give each node once, however many aliases name it."""
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(key, seen)
            yield from _walk(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _walk(item, seen)


def _refuse_duplicates(node: yaml.MappingNode, file: Path) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{file}:{line}: a key must be one word", remedy="mend this line")
        if key.value in seen:
            raise ConfigError(
                f"{file}:{line}: the key `{key.value}` also stands in line {seen[key.value]}",
                remedy="keep one of the two",
            )
        seen[key.value] = line


def _substitute(node: yaml.ScalarNode, file: Path, environment: Mapping[str, str]) -> str:
    def read(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        value = environment.get(name, default)
        if value is None:
            raise ConfigError(
                f"{file}:{node.start_mark.line + 1}: the environment variable {name} is not set",
                remedy=f"set {name}, or write a default: ${{{name}:default}}",
            )
        return value

    return _VARIABLE.sub(read, node.value)


def line_of(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
    """Find the line of the deepest node on the path `loc`."""
    line = node.start_mark.line + 1 if node.start_mark else 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == step), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
