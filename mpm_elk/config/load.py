"""Read `mpm.yml`, one file or a folder of files, and say precisely what is wrong with it."""

import difflib
import os
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mpm_elk.config.model import Config
from mpm_elk.errors import ConfigError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}")
_LISTS = ("captures", "models", "mute", "rules", "sources")
_TEXT, _NULL, _MERGE = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "null", "merge"))


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration at `path`, a file or a folder whose `*.yml` files are read in order of name.

    `${VAR}` and `${VAR:default}` are read from `environment`. Lists of several files are joined; any other key stands
    in one file only. Raises ConfigError with file, line and what would be right.
    """
    merged: dict[str, Any] = {}
    owner: dict[str, Path] = {}
    for file in _files(path):
        node = _compose(file)
        data = _construct(node, file, environment)
        _validate(data, node, file)
        for key, value in data.items():
            if key in _LISTS and value is not None:
                merged.setdefault(key, []).extend(value)
            elif key in owner:
                raise ConfigError(
                    f"{file}: `{key}` also stands in {owner[key]}",
                    remedy=f"keep `{key}` in one of the two files",
                )
            else:
                merged[key] = value
            owner[key] = file
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_say(error.errors()[0]['msg'])}", remedy="mend the configuration") from None


def rule_places(path: Path) -> dict[str, str]:
    """Tell where each rule stands, as `file:line`, by its id. The configuration at `path` must be one that loads."""
    places: dict[str, str] = {}
    for file in _files(path):
        for key, rules in _compose(file).value:
            if key.value == "rules" and isinstance(rules, yaml.SequenceNode):
                for rule in rules.value:
                    name = next((value.value for at, value in rule.value if at.value == "id"), None)
                    if name is not None:
                        places[name] = f"{file}:{rule.start_mark.line + 1}"
    return places


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix in (".yml", ".yaml"))
        if not files:
            raise ConfigError(f"{path}: no *.yml file in this folder", remedy="name a file, or put mpm.yml there")
        return files
    return [path]


def _compose(file: Path) -> yaml.MappingNode:
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


def _construct(node: yaml.MappingNode, file: Path, environment: Mapping[str, str]) -> dict[str, Any]:
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


def _validate(data: dict[str, Any], node: yaml.MappingNode, file: Path) -> None:
    try:
        Config.model_validate(data)
    except ValidationError as error:
        lines = [_explain(e["type"], e["loc"], e["msg"], node, file) for e in error.errors(include_input=False)]
        raise ConfigError(
            "\n".join(line for line, _ in lines), remedy="; ".join(dict.fromkeys(r for _, r in lines))
        ) from None


def _explain(
    kind: str, loc: tuple[int | str, ...], message: str, node: yaml.MappingNode, file: Path
) -> tuple[str, str]:
    """Say one validation error as `file:line: what`, and the remedy."""
    line = _line(node, loc)
    where = ".".join(str(part) for part in loc) or "the file"
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1])
        close = difflib.get_close_matches(str(loc[-1]), known, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else f"known keys here: {', '.join(known)}"
        return f"{file}:{line}: unknown key `{where}`", remedy
    if kind == "missing":
        return f"{file}:{line}: `{where}` is missing", f"add `{loc[-1]}`"
    return f"{file}:{line}: `{where}`: {_say(message)}", "mend this line"


def _say(message: str) -> str:
    return message.removeprefix("Value error, ")


def _line(node: yaml.Node, loc: tuple[int | str, ...]) -> int:
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


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """List the keys that the model knows at `loc`."""
    model: type[BaseModel] = Config
    for step in loc:
        if isinstance(step, int):
            continue
        for name, field in model.model_fields.items():
            if step in (name, field.alias):
                model = _model_in(field.annotation) or model
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Find the model inside an annotation such as `tuple[Rule, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        if found := _model_in(argument):
            return found
    return None
