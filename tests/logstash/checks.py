"""What a folder of Logstash pipelines must keep to: each check gives the faults that it finds, as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from tests.logstash import lscl
from tests.logstash.lscl import Plugin, Section

TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("settings.yml").read_text())

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.]*)(?::([^}]*))?\}")
_SECRETS = re.compile(
    r"password|api_key|cloud_auth|.*_(password|passphrase|secret|token|jaas_config)|.*access_key(_id)?"
)
_ID = re.compile(r"mpm_[a-z0-9_]+")
_FIELD = re.compile(r"%\{([^}]*)\}")
_NO_READING = frozenset({"pipeline", "dead_letter_queue", "beats"})
"""Inputs that read no text of their own: a beat has decoded its lines before it sends them."""


@dataclass(frozen=True)
class Bundle:
    """The files of the folder `logstash/`: text by path below the folder, and the two YAML files as they were read."""

    files: Mapping[str, str]
    pipelines: list[dict[str, Any]]
    settings: Mapping[str, Any]
    others: frozenset[str] = frozenset()

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Read the folder."""
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return cls(
            files={name: (folder / name).read_text() for name in sorted(names) if name.endswith(".conf")},
            pipelines=yaml.safe_load((folder / "pipelines.yml").read_text()),
            settings=yaml.safe_load((folder / "logstash.yml").read_text()),
            others=frozenset(names),
        )

    @cached_property
    def sections(self) -> dict[str, tuple[Section, ...]]:
        """The parsed files."""
        return {name: lscl.parse(text) for name, text in self.files.items()}

    def plugins(self, files: list[str] | None = None) -> Iterator[tuple[str, str, Plugin]]:
        """Give each plugin with its file and the kind of its section."""
        for name in self.files if files is None else files:
            for section in self.sections[name]:
                for plugin in lscl.plugins(section.body):
                    yield name, section.kind, plugin

    def files_of(self, pipeline: Mapping[str, Any], *, default: bool) -> list[str]:
        """Give the files of a pipeline: with the variables' defaults, or with whatever the variables may hold."""
        pattern = VARIABLE.sub(lambda match: (match[2] or "") if default else "*", str(pipeline["path.config"]))
        return [
            name
            for choice in _alternatives(_below(pattern, "pipelines"))
            for name in self.files
            if fnmatch(name, choice)
        ]

    def setting(self, pipeline: Mapping[str, Any], name: str) -> Any:
        """Give a setting of a pipeline: its own, else the process's."""
        return pipeline.get(name, self.settings.get(name))


def _below(path: str, folder: str) -> str:
    """Cut off what stands before a folder of the bundle."""
    head, found, tail = path.partition(f"{folder}/")
    return found + tail if found else head


def _alternatives(pattern: str) -> list[str]:
    """Write out `{a,b}`, as a shell does."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    return ["".join(choice) for choice in product(*(p.split(",") if i % 2 else [p] for i, p in enumerate(parts)))]


def syntax(bundle: Bundle) -> Iterator[str]:
    """Parse each file."""
    for name, text in bundle.files.items():
        try:
            lscl.parse(text)
        except lscl.ConfigError as error:
            yield f"{name}: {error}"


def ids(bundle: Bundle) -> Iterator[str]:
    """Ask for one id a plugin, unique over all pipelines."""
    seen: dict[str, str] = {}
    for name, _, plugin in bundle.plugins():
        place, identity = f"{name}:{plugin.line}", plugin.get("id")
        if not isinstance(identity, str) or not _ID.fullmatch(identity):
            yield f"{place}: {plugin.name} has the id {identity!r}, which is none of the form `mpm_words`"
        elif identity in seen:
            yield f"{place}: the id {identity} stands at {seen[identity]} too"
        else:
            seen[identity] = place


def known_settings(bundle: Bundle) -> Iterator[str]:
    """Compare each setting with those that the plugin has in Logstash 9."""
    for name, kind, plugin in bundle.plugins():
        yield from _of_plugin(f"{name}:{plugin.line}", kind, plugin)


def _of_plugin(place: str, kind: str, plugin: Plugin) -> Iterator[str]:
    own, common = TABLE["plugins"].get(f"{kind}/{plugin.name}"), TABLE["common"][kind]
    if own is None:
        yield f"{place}: no {kind} plugin {plugin.name} is in settings.yml"
        return
    known = {*own["settings"], *common["settings"]}
    removed = {**common.get("removed", {}), **own.get("removed", {})}
    names = [setting for setting, _ in plugin.settings]
    for setting, value in plugin.settings:
        if setting not in known:
            advice = f"was removed: {removed[setting]}" if setting in removed else "is no setting"
            yield f"{place}: `{setting}` of {plugin.name} {advice}"
        if names.count(setting) > 1:
            yield f"{place}: `{setting}` of {plugin.name} is set twice"
        choices = own.get("choices", {}).get(setting)
        for one in value if isinstance(value, list) else [value]:
            if choices and one not in choices and not (isinstance(one, str) and VARIABLE.search(one)):
                yield f"{place}: `{setting}` of {plugin.name} is {one!r}, and must be one of {choices}"
        if setting == "codec":
            codec = value if isinstance(value, Plugin) else Plugin(str(value), (), plugin.line)
            yield from _of_plugin(place, "codec", codec)
    for setting in own.get("required", ()):
        if setting not in names:
            yield f"{place}: {plugin.name} needs `{setting}`"


def addresses(bundle: Bundle) -> Iterator[str]:
    """Ask for exactly one address a target, a sender a pipeline's address, and no cycle."""
    heard: dict[str, list[str]] = {}
    sends: dict[str, set[str]] = {}
    for pipeline in bundle.pipelines:
        identity = str(pipeline["pipeline.id"])
        for _, kind, plugin in bundle.plugins(bundle.files_of(pipeline, default=False)):
            if plugin.name == "pipeline" and kind == "input":
                heard.setdefault(str(plugin.require("address")), []).append(identity)
            sends.setdefault(identity, set()).update(_targets(plugin))
    wanted = set().union(*sends.values()) if sends else set()
    for address in sorted(wanted):
        if len(heard.get(address, ())) != 1:
            yield f"`{address}` is sent to, and has {len(heard.get(address, ()))} addresses"
    for address in sorted(heard.keys() - wanted):
        yield f"nothing is sent to `{address}`"
    graph = {identity: {heard[a][0] for a in targets if a in heard} for identity, targets in sends.items()}
    if cycle := _cycle(graph):
        yield f"the pipelines send in a circle: {' → '.join(cycle)}"


def _targets(plugin: Plugin) -> set[str]:
    targets = plugin.get("send_to")
    return set() if targets is None else {str(t) for t in (targets if isinstance(targets, list) else [targets])}


def _cycle(graph: Mapping[str, set[str]]) -> list[str] | None:
    def walk(path: list[str]) -> list[str] | None:
        for after in sorted(graph.get(path[-1], ())):
            found = [*path[path.index(after) :], after] if after in path else walk([*path, after])
            if found:
                return found
        return None

    return next((found for start in sorted(graph) if (found := walk([start]))), None)


def pipelines(bundle: Bundle) -> Iterator[str]:
    """Look at pipelines.yml: ids, files, settings, queues that survive; and at the names in logstash.yml."""
    names = [str(pipeline.get("pipeline.id")) for pipeline in bundle.pipelines]
    yield from (
        f"pipelines.yml: the id {name} is there twice" for name in sorted({n for n in names if names.count(n) > 1})
    )
    owned: set[str] = set()
    for pipeline in bundle.pipelines:
        name = pipeline.get("pipeline.id")
        yield from (
            f"pipelines.yml: {name}: `{key}` cannot be set for one pipeline"
            for key in pipeline.keys() - set(TABLE["pipelines.yml"])
        )
        files = bundle.files_of(pipeline, default=True)
        if not files:
            yield f"pipelines.yml: {name}: no file is at {pipeline.get('path.config')}"
        owned.update(bundle.files_of(pipeline, default=False))
        if bundle.setting(pipeline, "queue.type") != "persisted":
            yield f"pipelines.yml: {name}: the queue is not persisted"
    yield from (f"{name}: no pipeline has this file" for name in sorted(bundle.files.keys() - owned))
    known = set(TABLE["logstash.yml"])
    yield from (
        f"logstash.yml: `{key}` is no setting"
        for key in bundle.settings
        if key not in known and not key.startswith("xpack.")
    )


def dead_letters(bundle: Bundle) -> Iterator[str]:
    """Ask that what Elasticsearch refuses is kept, and read back: but for the last pipeline, where it ends up."""
    heard: dict[str, str] = {}
    stores: set[str] = set()
    read: dict[str, str] = {}
    last: set[str] = set()
    for pipeline in bundle.pipelines:
        identity = str(pipeline["pipeline.id"])
        found = list(bundle.plugins(bundle.files_of(pipeline, default=True)))
        if any(kind == "output" and plugin.name == "elasticsearch" for _, kind, plugin in found):
            stores.add(identity)
            if bundle.setting(pipeline, "dead_letter_queue.enable") is not True:
                yield f"pipelines.yml: {identity}: what Elasticsearch refuses is lost: the dead-letter queue is off"
        heard |= {str(p.get("address")): identity for _, kind, p in found if (kind, p.name) == ("input", "pipeline")}
        letters = {
            str(p.get("pipeline_id")): f"{name}:{p.line}" for name, _, p in found if p.name == "dead_letter_queue"
        }
        read |= letters
        if letters:
            last |= {target for _, _, plugin in found for target in _targets(plugin)}
    ends = {heard.get(target) for target in last}
    for identity in sorted(stores - read.keys() - ends):
        yield f"pipelines.yml: {identity}: nobody reads its dead letters"
    for identity in sorted(read.keys() - stores):
        yield f"{read[identity]}: reads the dead letters of `{identity}`, which writes nothing to Elasticsearch"


def scripts(bundle: Bundle) -> Iterator[str]:
    """Ask that each Ruby filter runs a file of the bundle."""
    for name, _, plugin in bundle.plugins():
        if plugin.name == "ruby":
            path = VARIABLE.sub(lambda match: match[2] or "", str(plugin.get("path")))
            if _below(path, "ruby") not in bundle.others:
                yield f"{name}:{plugin.line}: the file {path} is not there"


def secrets(bundle: Bundle) -> Iterator[str]:
    """Ask that secrets come from the environment or the keystore, and that no default stands beside them."""
    for name, _, plugin in bundle.plugins():
        for setting, value in plugin.settings:
            place = f"{name}:{plugin.line}"
            match = VARIABLE.fullmatch(str(value))
            if _SECRETS.fullmatch(setting) and not (match and not match[2]):
                yield f"{place}: `{setting}` of {plugin.name} must be a variable without a value beside it"
            if re.search(r"://[^/@\s]+:[^/@\s]+@", str(value)):
                yield f"{place}: `{setting}` of {plugin.name} holds a password in a URL"
    for key, value in bundle.settings.items():
        if "password" in key.split(".") and not VARIABLE.fullmatch(str(value)):
            yield f"logstash.yml: `{key}` must be a variable"


def routing(bundle: Bundle) -> Iterator[str]:
    """Ask that events are routed by `[@metadata]` alone, for everything else comes from outside."""
    for name, sections in bundle.sections.items():
        for section in sections:
            for field in lscl.selectors(section.body):
                if field.path[0] not in ("@metadata", "tags"):
                    yield f"{name}: a condition asks for [{']['.join(field.path)}], which anybody may set"
    for name, _, plugin in bundle.plugins():
        if plugin.name == "elasticsearch":
            for setting in ("index", "document_id"):
                fields = _FIELD.findall(str(plugin.get(setting)))
                if not fields or not all(field.startswith("[@metadata]") for field in fields):
                    yield f"{name}:{plugin.line}: `{setting}` must come from [@metadata]"


def outputs(bundle: Bundle) -> Iterator[str]:
    """Ask that the Elasticsearch outputs only add documents, make no templates, and check certificates."""
    wanted = {"action": "create", "manage_template": "false", "ilm_enabled": "false", "data_stream": "false"}
    for name, kind, plugin in bundle.plugins():
        place = f"{name}:{plugin.line}"
        if kind == "output" and plugin.name not in ("elasticsearch", "pipeline"):
            yield f"{place}: an output {plugin.name} is not meant to be here"
        if plugin.name == "elasticsearch":
            for setting, value in wanted.items():
                if plugin.get(setting) != value:
                    yield f"{place}: `{setting}` must be {value}"
        if plugin.get("ssl_verification_mode") == "none":
            yield f"{place}: certificates are not checked"


def inputs(bundle: Bundle) -> Iterator[str]:
    """Ask that every input hands on its text as it came, one character a byte.

    That takes the codecs `plain` and `line` with ISO-8859-1; but the http input has decoded the body, by its content
    type, before the codec sees it, and a charset there would do it a second time.
    """
    for name, kind, plugin in bundle.plugins():
        if kind != "input" or plugin.name in _NO_READING:
            continue
        codec, wanted = plugin.get("codec"), None if plugin.name == "http" else "ISO-8859-1"
        if not isinstance(codec, Plugin) or codec.name not in ("plain", "line") or codec.get("charset") != wanted:
            yield f"{name}:{plugin.line}: the codec of {plugin.name} must be plain or line, of charset {wanted}"


def variables(bundle: Bundle) -> dict[str, bool]:
    """Give the variables that the files use, and whether each has a default wherever it stands."""
    texts = [*bundle.files.values(), yaml.safe_dump(bundle.pipelines), yaml.safe_dump(dict(bundle.settings))]
    found: dict[str, bool] = {}
    for match in (match for text in texts for match in VARIABLE.finditer(text)):
        found[match[1]] = found.get(match[1], True) and match[2] is not None
    return found


CHECKS = (syntax, ids, known_settings, addresses, pipelines, dead_letters, scripts, secrets, routing, outputs, inputs)
