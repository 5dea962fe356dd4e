import json
import stat
from pathlib import Path

import yaml

from mpm_elk.cluster.dev import users
from mpm_elk.contract.roles import ROLES


def test_passwords_are_random_private_and_stay(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    made = users.passwords(path)
    assert set(made) == {"admin", "shipper", "job", "reader", "responder", "setup"}
    assert len(set(made.values())) == len(made)
    assert min(map(len, made.values())) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert users.passwords(path) == made
    assert users.passwords(tmp_path / "other.json") != made
    assert sorted(found.name for found in tmp_path.iterdir()) == ["other.json", "passwords.json"]


def test_a_user_that_is_new_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    made = users.passwords(path)
    path.write_text(json.dumps({user: made[user] for user in ("admin", "job")}))
    again = users.passwords(path)
    assert (again["admin"], again["job"]) == (made["admin"], made["job"])
    assert again["reader"] != made["reader"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_hash_is_what_elasticsearch_expects() -> None:
    # From `openssl kdf -keylen 32 -kdfopt digest:SHA512 -kdfopt pass:secret
    # -kdfopt hexsalt:000102…1f -kdfopt iter:10000 PBKDF2`.
    assert users.hashed("secret", bytes(range(32))) == (
        "{PBKDF2}10000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$PcxzfTZkOTIdi6MhFDS/G3GjH5zQD160GQGbVthKlfk="
    )


def test_the_files_of_the_realm_hold_no_password() -> None:
    text = users.users_file({"admin": "very-secret-word"})
    assert text.startswith("admin:{PBKDF2}10000$")
    assert "very-secret-word" not in text
    assert users.users_file({"admin": "very-secret-word"}) != text, "the salt must be random"


def test_every_user_has_a_role_that_exists() -> None:
    given = dict(line.split(":")[::-1] for line in users.users_roles_file().splitlines())
    assert given.pop("admin") == "superuser"
    assert set(given.values()) <= set(ROLES)


def test_roles_are_blocks_that_begin_at_the_line_start() -> None:
    text = users.roles_file(ROLES)
    assert yaml.safe_load(text) == ROLES
    heads = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert heads == [f"{name}:" for name in ROLES]
