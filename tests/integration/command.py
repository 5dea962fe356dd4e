"""The command line as cron calls it: another process, with the rights of one user."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mpm_elk.config.model import ElasticsearchSettings

MPM_ELK = Path(sys.executable).with_name("mpm-elk")


@dataclass(frozen=True)
class Command:
    """`mpm-elk` with one `mpm.yml`, in a folder of its own."""

    settings: ElasticsearchSettings
    folder: Path
    changes: Mapping[str, str] = field(default_factory=dict)

    def write(self, configuration: str) -> "Command":
        """Write the configuration."""
        (self.folder / "mpm.yml").write_text(configuration)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """The connection as environment variables, and nothing else of ours."""
        settings = self.settings
        secret = settings.password.get_secret_value() if settings.password else ""
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        ours = {
            "MPM_ES_URL": settings.hosts[0],
            "MPM_ES_USERNAME": settings.username or "",
            "MPM_ES_PASSWORD": secret,
            "MPM_ES_API_KEY": key,
            "MPM_ES_CA_CERTS": str(settings.ca_certs or ""),
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("MPM_")}
        return {name: value for name, value in {**others, **ours, **self.changes}.items() if value}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [str(MPM_ELK), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
