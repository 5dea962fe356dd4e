"""Write the saved objects that are shipped, from what the dashboards' compiler prints: `make dashboards`.

    python kibana_dashboards/compile.py | python -m mpm_elk.views.dashboards.build [--check]

With `--check` nothing is written, and what is shipped must be what the sources give. Beside the objects it writes from
which sources they were made, so that stale ones are found without the compiler.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from mpm_elk.errors import MpmError
from mpm_elk.views.dashboards.data_views import our_objects
from mpm_elk.views.dashboards.finish import finish
from mpm_elk.views.dashboards.saved import FILE, Bundle, to_lines

SOURCES = Path(__file__).parents[3] / "kibana_dashboards"
TARGET = Path(__file__).parent / FILE
COMPANION = Path(__file__).with_name("mpm-elk.sources.json")

_COMPILED = ("*.yml", "compile.py", "requirements.txt")


def made(compiled: Iterable[str]) -> str:
    """Give the text of the saved objects; each line of `compiled` is a dashboard's source and what came of it."""
    lines = (json.loads(line) for line in compiled)
    dashboards = [finish(line["source"], line["compiled"]) for line in lines]
    return to_lines([*our_objects(), *sorted(dashboards, key=lambda saved: str(saved["id"]))])


def companion(text: str, sources: Path = SOURCES) -> str:
    """Say what the text was made from: the hash of each source, and its own."""
    files = sorted(file for pattern in _COMPILED for file in sources.glob(pattern))
    about = {
        "sources": {file.name: _hash(file.read_bytes()) for file in files},
        "objects": _hash(text.encode()),
    }
    return json.dumps(about, indent=2, sort_keys=True) + "\n"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stale(sources: Path = SOURCES, target: Path = TARGET, beside: Path = COMPANION) -> list[str]:
    """Say why the saved objects are not what their sources give; empty where they are."""
    text = target.read_text(encoding="utf-8")
    known, now = (json.loads(each) for each in (beside.read_text(encoding="utf-8"), companion(text, sources)))
    problems = [
        f"kibana_dashboards/{name} changed since the objects were made"
        for name in sorted({*known["sources"], *now["sources"]})
        if known["sources"].get(name) != now["sources"].get(name)
    ]
    if known["objects"] != now["objects"]:
        problems.append(f"{FILE} was changed by hand")
    wanted = our_objects()
    by_key = {(saved["type"], saved["id"]): saved for saved in Bundle.read(text).objects}
    problems += [
        f"{saved['type']} {saved['id']} is not what data_views.py says"
        for saved in wanted
        if by_key.get((saved["type"], saved["id"])) != saved
    ]
    return problems


def main() -> int:
    """Read the compiled dashboards from standard input and write; returns the exit code."""
    try:
        text = made(sys.stdin)
    except MpmError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if "--check" in sys.argv[1:]:
        problems = stale()
        if text != TARGET.read_text(encoding="utf-8"):
            problems.append(f"{FILE} is not what the sources give")
        sys.stderr.writelines(f"error: {problem}; run `make dashboards`\n" for problem in problems)
        return 1 if problems else 0
    TARGET.write_text(text, encoding="utf-8")
    COMPANION.write_text(companion(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
