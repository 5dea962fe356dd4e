"""The same scripts inside a real Logstash: what the stand-in for its events leaves open."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.logstash.jruby.process import written

_RUN = Path(__file__).with_suffix(".rb")
_SECONDS = 180


def run(
    home: Path, folder: Path, cases: Sequence[Mapping[str, Any]], *, params: Mapping[str, str], now_ms: int
) -> dict[str, Any]:
    """Start the Logstash at `home` once, in `folder`: what its events are like, and what becomes of the cases.

    Raises RuntimeError with what Ruby says was wrong.
    """
    settings, request, answer = folder / "settings", folder / "request.json", folder / "answer.json"
    settings.mkdir()
    for name in ("jvm.options", "log4j2.properties"):
        (settings / name).write_bytes((home / "config" / name).read_bytes())
    (settings / "logstash.yml").write_text("allow_superuser: true\napi.enabled: false\n")
    request.write_text(json.dumps({"cases": written(cases), "params": params, "now_ms": now_ms}))
    pipeline = f"""
        input {{ generator {{ count => 1 }} }}
        filter {{ ruby {{ init => 'load "{_RUN}"' code => "event.cancel" }} }}
        output {{ file {{ path => "{folder}/events" }} }}
    """
    command: list[str | Path] = [home / "bin" / "logstash", "-e", pipeline]
    for option, path in (("settings", settings), ("data", folder / "data"), ("logs", folder / "logs")):
        command += [f"--path.{option}", path]
    ended = subprocess.run(
        command,
        env={**os.environ, "REQUEST": str(request), "ANSWER": str(answer)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if not answer.exists():
        message = f"Logstash ended with {ended.returncode} and gave no answer:\n{ended.stdout[-3000:]}{ended.stderr}"
        raise RuntimeError(message)
    found: dict[str, Any] = json.loads(answer.read_text())
    if "error" in found:
        raise RuntimeError(found["error"])
    content: dict[str, Any] = found["answer"]
    return content
