"""Messages through a real Apprise to a receiver on this machine."""

import json

import pytest

from mpm_elk.alerts.send import send
from mpm_elk.config.notifications import Channel
from mpm_elk.errors import ConfigError
from tests.receiver import Receiver

MESSAGE = {"title": "t", "body": "line one\nline two", "type": "failure"}


def channel(url: str) -> Channel:
    return Channel.model_validate({"id": "hook", "url": url})


def test_a_webhook_gets_the_words_and_the_key() -> None:
    with Receiver() as receiver:
        assert send(channel(f"{receiver.url}?format=text"), MESSAGE, "key-1") is None
        assert send(channel(receiver.url), MESSAGE, "key-2") is None
    first, second = (json.loads(body) for body in receiver.bodies)
    assert (first["title"], first["message"], first["type"]) == ("t", MESSAGE["body"], "failure")
    assert (first["dedup_key"], second["dedup_key"]) == ("key-1", "key-2")


def test_a_refusal_is_told_without_the_address() -> None:
    with Receiver(fail=1) as receiver:
        assert send(channel(receiver.url + "secret-path"), MESSAGE, "k") == "json did not take it"
        assert send(channel(receiver.url), MESSAGE, "k") is None


def test_a_url_that_apprise_does_not_know_is_told_without_its_secret() -> None:
    with pytest.raises(ConfigError, match=r"does not know such a URL \(nonsense://…\)") as failed:
        send(channel("nonsense://hidden"), MESSAGE, "k")
    assert "hidden" not in str(failed.value)
