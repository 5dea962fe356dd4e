"""The house: rooms import one way, the pure rooms do no I/O, and one room talks to Elasticsearch.

Where the code is not there yet, the exception is listed by name. A list that names too much fails too, so it shrinks.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mpm_elk"

# From the ground up: a room may import from itself and from what stands before it.
ROOMS = [
    "errors",
    "timespan",
    "contract",
    "config",
    "cluster",
    "intake",
    "profiles",
    "registry",
    "metrics",
    "rules",
    "alerts",
    "job",
    "views",
    "notebook",
    "demo",
    "cli",
]
PURE = ("metrics", "rules")

# What a pure module may not import, nor may what it imports.
IO_LIBRARIES = {
    *("elastic_transport", "elasticsearch", "http", "httpx", "requests", "socket", "ssl", "urllib", "urllib3"),
    *("asyncio", "multiprocessing", "signal", "subprocess", "threading"),
    *("click", "logging", "rich", "sys", "yaml"),
    *("getpass", "io", "os", "shutil", "sqlite3", "tempfile"),
}
# Not even these in the pure rooms themselves: files, the clock, chance.
IMPURE = {"pathlib", "random", "secrets", "time", "uuid"}
IMPURE_CALLS = {"open", "print", "input", "now", "utcnow", "today", "default_rng"}

KNOWN_IO = {
    ("mpm_elk.profiles.timeline", "mpm_elk.profiles.store"): "takes the profile's key from the file that stores it",
    ("mpm_elk.rules.documents", "mpm_elk.cluster.fenced"): "takes the shape of a document to write",
    ("mpm_elk.rules.documents", "mpm_elk.profiles.store"): "takes the hash of a document's content",
}
KNOWN_TALKERS = {
    "mpm_elk.demo.cluster",
    "mpm_elk.intake.quarantine",
    "mpm_elk.intake.ship",
    "mpm_elk.job.run",
    "mpm_elk.registry.store",
    "mpm_elk.registry.traffic",
}
KNOWN_IMPORTERS = {"mpm_elk.registry.store"}  # ConflictError


def name_of(file: Path) -> str:
    """Give a file's module name."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def room(module: str) -> str:
    """Give the room that a module stands in."""
    return module.split(".")[1]


def modules_in(*rooms: str) -> list[str]:
    """List the modules of some rooms."""
    return [module for module in FILES if module != "mpm_elk" and room(module) in rooms]


@cache
def tree(module: str) -> ast.Module:
    """Parse a module."""
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """List what a module imports, wherever in it: modules of ours by their full names, others as they are written."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in FILES else str(node.module)


def is_ours(module: str) -> bool:
    """Tell whether a module is of this package and stands in a room."""
    return module.startswith("mpm_elk.")


def test_every_room_is_in_the_list() -> None:
    assert {room(module) for module in FILES if module != "mpm_elk"} <= set(ROOMS)


@pytest.mark.parametrize("here", ROOMS)
def test_imports_point_one_way(here: str) -> None:
    above = ROOMS[ROOMS.index(here) + 1 :]
    wrong = [
        f"{module} imports {target}"
        for module in modules_in(here)
        for target in imported(module)
        if is_ours(target) and room(target) in above
    ]
    assert wrong == []


def direct_io(module: str) -> set[str]:
    """List the I/O libraries that a module imports itself."""
    return {target.split(".")[0] for target in imported(module)} & IO_LIBRARIES


@cache
def touches_io(module: str) -> bool:
    """Tell whether a module, or what it imports, imports an I/O library; known exceptions are not followed."""
    ours = (target for target in imported(module) if is_ours(target) and (module, target) not in KNOWN_IO)
    # A package's own file is the way to its modules, not what they need.
    return bool(direct_io(module)) or any(touches_io(target) for target in ours if not is_package(target))


def is_package(module: str) -> bool:
    """Tell whether a module is a folder."""
    return FILES[module].name == "__init__.py"


def test_pure_rooms_reach_no_io() -> None:
    wrong = [
        f"{module} reaches I/O{' by ' + target if target else ''}"
        for module in modules_in(*PURE)
        for target in ["", *imported(module)]
        if (direct_io(module) if not target else is_ours(target) and not is_package(target) and touches_io(target))
        and (module, target) not in KNOWN_IO
    ]
    assert wrong == []


@pytest.mark.parametrize("edge", KNOWN_IO, ids=" → ".join)
def test_known_io_is_still_there(edge: tuple[str, str]) -> None:
    module, target = edge
    assert module in FILES, "take it off the list KNOWN_IO"
    assert target in set(imported(module)), "take it off the list KNOWN_IO"
    assert touches_io(target), "take it off the list KNOWN_IO"


def test_pure_rooms_read_no_file_clock_or_chance() -> None:
    wrong = []
    for module in modules_in(*PURE):
        wrong += [f"{module} imports {t}" for t in imported(module) if t.split(".")[0] in IMPURE]
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and called(node) in IMPURE_CALLS:
                wrong.append(f"{module}:{node.lineno} calls {called(node)}")
    assert wrong == []


def called(call: ast.Call) -> str:
    """Give the last part of the name that is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def outside_cluster() -> list[str]:
    """List the modules that should leave Elasticsearch to `cluster/`."""
    return modules_in(*(name for name in ROOMS if name != "cluster"))


def names_from_client(module: str) -> set[str]:
    """List what a module takes from the client library."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in (
            "elasticsearch",
            "elastic_transport",
        ):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] in ("elasticsearch", "elastic_transport")}
    return found


def test_only_cluster_takes_more_than_a_type_from_the_client_library() -> None:
    assert {module for module in outside_cluster() if names_from_client(module) - {"Elasticsearch"}} == KNOWN_IMPORTERS


def test_the_client_class_is_an_annotation_outside_cluster() -> None:
    wrong = []
    for module in outside_cluster():
        annotations = {id(part) for node in ast.walk(tree(module)) for part in annotation_parts(node)}
        wrong += [
            f"{module}:{node.lineno}"
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Name) and node.id == "Elasticsearch" and id(node) not in annotations
        ]
    assert wrong == []


def annotation_parts(node: ast.AST) -> Iterator[ast.AST]:
    """List the nodes of a node's annotations."""
    for field in ("annotation", "returns"):
        annotation = getattr(node, field, None)
        if isinstance(annotation, ast.AST):
            yield from ast.walk(annotation)


def test_only_cluster_talks_to_elasticsearch() -> None:
    assert {module for module in outside_cluster() if talks(module)} == KNOWN_TALKERS


def talks(module: str) -> bool:
    """Tell whether a module calls a method of something called `client`, or of what such a method gave."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_client(node.func.value)
        for node in ast.walk(tree(module))
    )


def is_client(node: ast.expr) -> bool:
    """Tell whether an expression is `client` or `x.client`, also by a name such as `client.indices`."""
    if isinstance(node, ast.Name):
        return node.id == "client"
    return isinstance(node, ast.Attribute) and (node.attr == "client" or is_client(node.value))


def test_a_run_loads_no_library_that_is_large_and_hardly_used() -> None:
    # scipy.stats alone takes 47 MB of the 150 that a run may take; what is needed of it is in `metrics/`.
    program = "import sys, mpm_elk.job; print({'scipy.stats', 'pandas', 'rich'} & {*sys.modules} or 'none')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("none", "")
