"""The `notifications` part of the configuration; a channel's URL is a secret."""

from pathlib import Path

import pytest

from mpm_elk.config import load
from mpm_elk.errors import ConfigError

GOOD = """
notifications:
  channels:
    - {id: team, url: "${TEAM_URL}", tell: opened}
    - {id: pager, url: "json://pager.example.org/?token=hidden", at_least: critical, at_most: 3 per 30m}
  default: team
"""


def config(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mpm.yml"
    file.write_text(text)
    return file


def test_it_is_read_and_the_urls_stay_hidden(tmp_path: Path) -> None:
    found = load(config(tmp_path, GOOD), {"TEAM_URL": "slack://a/b/c"}).notifications
    team, pager = found.channels
    assert (team.tell, team.at_least, str(team.at_most)) == (("opened",), "warning", "10 per 1h")
    assert (str(pager.at_most), found.default) == ("3 per 30m", ("team",))
    assert team.url.get_secret_value() == "slack://a/b/c"
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("3 per 30m", "often", "is no rate: write a number and a time span, such as 10 per 1h"),
        ("default: team", "default: [tem]", "there is no channel 'tem'; channels are: team, pager"),
        ("id: pager", "id: team", "two channels are called 'team'"),
        ("at_least: critical", "at_last: critical", "did you mean `at_least`?"),
        ("tell: opened", "tell: [opend]", "tell.0"),
    ],
)
def test_mistakes_are_told_without_the_secret(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as failed:
        load(config(tmp_path, GOOD.replace(old, new)), {"TEAM_URL": "slack://a/b/c"})
    assert said in str(failed.value)
    assert "hidden" not in str(failed.value)
