"""Read `mpm.yml`, one file or a folder of files, and say precisely what is wrong with it."""

import difflib
import os
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mpm_elk.config.model import Config
from mpm_elk.config.yaml_file import compose, construct, line_of
from mpm_elk.errors import ConfigError

_LISTS = ("captures", "models", "mute", "rules", "sources")


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration at `path`, a file or a folder whose `*.yml` files are read in order of name.

    `${VAR}` and `${VAR:default}` are read from `environment`. Lists of several files are joined; any other key stands
    in one file only. Raises ConfigError with file, line and what would be right.
    """
    merged: dict[str, Any] = {}
    owner: dict[str, Path] = {}
    for file in _files(path):
        node = compose(file)
        data = construct(node, file, environment)
        _validate(data, node, file, Config)
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


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Placed(Generic[Model]):
    """What a file holds, and where in it."""

    value: Model
    file: Path
    node: yaml.MappingNode

    def place(self, *loc: int | str) -> str:
        """Tell where a part stands, as `file:line`."""
        return f"{self.file}:{line_of(self.node, loc)}"


def load_as(file: Path, model: type[Model], environment: Mapping[str, str] = os.environ) -> Placed[Model]:
    """Read a file of another kind than `mpm.yml` with the same care: raises ConfigError with file and line."""
    node = compose(file)
    return Placed(_validate(construct(node, file, environment), node, file, model), file, node)


def rule_places(path: Path) -> dict[str, str]:
    """Tell where each rule stands, as `file:line`, by its id. The configuration at `path` must be one that loads."""
    places: dict[str, str] = {}
    for file in _files(path):
        for key, rules in compose(file).value:
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


def _validate(data: dict[str, Any], node: yaml.MappingNode, file: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [_explain(e, node, file, model) for e in error.errors(include_input=False)]
        raise ConfigError(
            "\n".join(line for line, _ in lines), remedy="; ".join(dict.fromkeys(r for _, r in lines))
        ) from None


def _explain(error: ErrorDetails, node: yaml.MappingNode, file: Path, model: type[BaseModel]) -> tuple[str, str]:
    """Say one validation error as `file:line: what`, and the remedy."""
    kind, loc, message = error["type"], error["loc"], error["msg"]
    line = line_of(node, loc)
    where = ".".join(str(part) for part in loc) or "the file"
    if kind == "extra_forbidden":
        known = _keys_at(loc[:-1], model)
        close = difflib.get_close_matches(str(loc[-1]), known, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else f"known keys here: {', '.join(known)}"
        return f"{file}:{line}: unknown key `{where}`", remedy
    if kind == "missing":
        return f"{file}:{line}: `{where}` is missing", f"add `{loc[-1]}`"
    return f"{file}:{line}: `{where}`: {_say(message)}", "mend this line"


def nearest(word: str, known: Sequence[str]) -> str:
    """Ask whether another word was meant, or list the known ones."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"


def _say(message: str) -> str:
    return message.removeprefix("Value error, ")


def _keys_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """List the keys that the model knows at `loc`."""
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
