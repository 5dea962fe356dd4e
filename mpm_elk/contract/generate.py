"""Write `index_templates/`: everything that is generated from the contract, as Elasticsearch and others take it.

`python -m mpm_elk.contract.generate` writes, with `--check` it exits 1 when a file is stale and names it.
"""

import argparse
import json
import sys
from pathlib import Path

from mpm_elk.contract.schemas import EVENTS, schema
from mpm_elk.contract.templates import Kind, managed

FOLDER = Path(__file__).parents[2] / "index_templates"

_SUBFOLDERS = {
    Kind.POLICY: "lifecycle_policies",
    Kind.COMPONENT: "component_templates",
    Kind.TEMPLATE: "index_templates",
    Kind.ROLE: "roles",
}


def files() -> dict[Path, str]:
    """Give each generated file's path below the folder, and its text."""
    bodies = {Path(_SUBFOLDERS[made.kind]) / f"{made.name}.json": made.body for made in managed()}
    bodies |= {Path("schemas") / f"{name}.schema.json": schema(event) for name, event in EVENTS.items()}
    return {path: json.dumps(body, indent=2, ensure_ascii=False) + "\n" for path, body in bodies.items()}


def stale(folder: Path = FOLDER) -> list[Path]:
    """List files that differ from what would be generated, are missing, or have no source any more."""
    wanted = files()
    present = {path.relative_to(folder) for path in folder.rglob("*.json")}
    differing = {
        path
        for path, text in wanted.items()
        if path not in present or (folder / path).read_text(encoding="utf-8") != text
    }
    return sorted(differing | (present - set(wanted)))


def write(folder: Path = FOLDER) -> list[Path]:
    """Write what is stale, remove what has no source any more, and list both."""
    wanted = files()
    changed = stale(folder)
    for path in changed:
        target = folder / path
        if path not in wanted:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[path], encoding="utf-8")
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mpm_elk.contract.generate", description="Write index_templates/.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file is stale")
    check: bool = parser.parse_args(arguments).check
    changed = stale() if check else write()
    for path in changed:
        sys.stdout.write(f"{'stale' if check else 'written'}: index_templates/{path}\n")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
