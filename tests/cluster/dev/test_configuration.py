import stat
from pathlib import Path

import pytest
import yaml

from mpm_elk.cluster.dev import configuration
from mpm_elk.cluster.dev.state import Folder

ROLES = {"mpm_job": {"cluster": ["monitor"], "indices": []}}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    pytest.importorskip("trustme")
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    (home / "config/jvm.options").write_text("-XX:+UseG1GC\n")
    made = Folder(tmp_path / "node")
    made.path.mkdir()
    configuration.write(made, home=home, roles=ROLES, user=None)
    return made


def test_secrets_are_private_and_only_in_their_files(folder: Folder) -> None:
    passwords = folder.passwords.read_text()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    for path in (folder.passwords, folder.config / "http.key", folder.config / "users"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    others = "".join(path.read_text() for path in folder.config.iterdir() if path.is_file())
    assert not any(password in others for password in yaml.safe_load(passwords).values())


def test_the_node_listens_on_this_machine_only_with_tls_and_passwords(folder: Folder) -> None:
    settings = yaml.safe_load((folder.config / "elasticsearch.yml").read_text())
    assert settings["network.host"] == "127.0.0.1"
    assert settings["xpack.security.enabled"] is True
    assert settings["xpack.security.http.ssl.enabled"] is True
    assert settings["path.data"] == str(folder.data)


def test_writing_again_keeps_certificates_and_passwords(folder: Folder, tmp_path: Path) -> None:
    before = [folder.ca_certs.read_bytes(), folder.passwords.read_bytes(), (folder.config / "http.key").read_bytes()]
    configuration.write(folder, home=tmp_path / "home", roles=ROLES, user=None)
    after = [folder.ca_certs.read_bytes(), folder.passwords.read_bytes(), (folder.config / "http.key").read_bytes()]
    assert before == after


def test_other_roles_are_told_from_the_same(folder: Folder) -> None:
    assert not configuration.update_roles(folder, ROLES)
    assert configuration.update_roles(folder, {**ROLES, "mpm_reader": {"cluster": []}})
    assert set(yaml.safe_load((folder.config / "roles.yml").read_text())) == {"mpm_job", "mpm_reader"}
