"""Find a JDK that runs Elasticsearch, or fetch one."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mpm_elk.cluster.dev import places
from mpm_elk.cluster.dev.errors import EmbeddedUnavailableError

# Elasticsearch's entitlements need the first, its vector search the second. Trimmed Java runtimes lack them.
NEEDED_MODULES = frozenset({"jdk.jlink", "jdk.incubator.vector"})
_USUAL_PLACES = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
    "~/.asdf/installs/java/*",
)
# Eclipse Temurin.
_FETCHED = ("adoptium", "21")


@dataclass(frozen=True)
class Java:
    """What one Java installation is."""

    home: Path
    major: int
    modules: frozenset[str]

    def problem(self, oldest: int) -> str | None:
        """Say why it does not run Elasticsearch; None when it does."""
        if self.major < oldest:
            return f"is Java {self.major}, {oldest} is needed"
        if lacking := sorted(NEEDED_MODULES - self.modules):
            return f"lacks the module {' and '.join(lacking)}: it is no full JDK"
        return None


def find(oldest: int, *, user: places.RunAs | None, say: Callable[[str], None]) -> Path:
    """Find the home of a JDK of at least major version `oldest`, fetching one by `cjdk` when there is none.

    ES_JAVA_HOME is taken at its word: when it is set and does not fit, that is an error. Else: JAVA_HOME, `java` on the
    PATH, and the usual places. Raises EmbeddedUnavailableError with what was found and why it does not fit.
    """
    if named := os.environ.get("ES_JAVA_HOME"):
        return _named(Path(named), oldest, user)
    rejected: list[str] = []
    for home in candidates():
        reason = _unfit(home, oldest, user)
        if reason is None:
            return home
        rejected.append(f"{home} {reason}")
    say(f"no fitting JDK found, fetching {_FETCHED[0]} {_FETCHED[1]}")
    return _fetch(oldest, user, rejected)


def _named(home: Path, oldest: int, user: places.RunAs | None) -> Path:
    reason = _unfit(home, oldest, user) if (home / "bin" / "java").is_file() else "has no bin/java"
    if reason is not None:
        raise EmbeddedUnavailableError(
            f"ES_JAVA_HOME={home} {reason}", remedy=f"let it name a full JDK of version {oldest} or later, or unset it"
        )
    return home


def candidates() -> Iterator[Path]:
    """List the homes of Java installations, the wanted ones first, each once."""
    seen: set[Path] = set()
    for home in _places():
        real = home.resolve()
        if real not in seen and (home / "bin" / "java").is_file():
            seen.add(real)
            yield home


def _places() -> Iterator[Path]:
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    if found := shutil.which("java"):
        yield Path(found).resolve().parent.parent
    for pattern in _USUAL_PLACES:
        expanded = Path(pattern).expanduser()
        anchor = Path(expanded.anchor)
        # Newer versions mostly sort last.
        yield from sorted(anchor.glob(str(expanded.relative_to(anchor))), reverse=True)


def probe(home: Path, user: places.RunAs | None = None) -> Java:
    """Ask a Java installation what it is, as the user that will run it.

    Raises OSError, ValueError or subprocess.TimeoutExpired when it cannot say.
    """
    version = _run(home, user, "-version")
    return Java(home, parse_major(version), parse_modules(_run(home, user, "--list-modules")))


def parse_major(text: str) -> int:
    """Read the major version from what `java -version` prints: `21.0.4` is 21, `1.8.0_392` is 8."""
    match = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if match is None:
        msg = f"no Java version in {text.strip()[:200]!r}"
        raise ValueError(msg)
    major = int(match[1])
    return int(match[2]) if major == 1 and match[2] else major


def parse_modules(text: str) -> frozenset[str]:
    """Read the names from what `java --list-modules` prints, one `name@version` a line."""
    return frozenset(line.partition("@")[0].strip() for line in text.splitlines() if line.strip())


def _unfit(home: Path, oldest: int, user: places.RunAs | None) -> str | None:
    try:
        return probe(home, user).problem(oldest)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"does not run ({error})"


def _run(home: Path, user: places.RunAs | None, option: str) -> str:
    answer = subprocess.run(  # noqa: S603 — the user's own Java
        [home / "bin" / "java", option],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=30,
        cwd="/",
        # Without JAVA_TOOL_OPTIONS and the like, which print lines of their own.
        env={"PATH": os.defpath, "LC_ALL": "C"},
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if answer.returncode != 0:
        msg = f"`java {option}` ended with {answer.returncode}: {answer.stdout.strip()[:200]}"
        raise ValueError(msg)
    return answer.stdout


def _fetch(oldest: int, user: places.RunAs | None, rejected: list[str]) -> Path:
    import cjdk  # noqa: PLC0415 — only where it is needed

    vendor, version = _FETCHED
    cache = places.cache_dir() / "jdk"
    places.make_root(cache)
    try:
        home = Path(cjdk.java_home(vendor=vendor, version=version, cache_dir=cache, progress=False))
    except cjdk.CjdkError as error:
        found = "; ".join(rejected) or "no Java at all"
        raise EmbeddedUnavailableError(
            f"no JDK here runs Elasticsearch ({found}), and none could be fetched: {error}",
            remedy=f"install a full JDK of version {oldest} or later, and let ES_JAVA_HOME name it",
        ) from error
    if reason := _unfit(home, oldest, user):
        raise EmbeddedUnavailableError(
            f"the fetched JDK {home} {reason}", remedy=f"delete {cache}, or let ES_JAVA_HOME name another JDK"
        )
    return home
