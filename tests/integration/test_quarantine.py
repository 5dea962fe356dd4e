"""The quarantine on a real Elasticsearch: filled as the shipper, mended as the admin."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from elasticsearch import Elasticsearch

from mpm_elk.cli import cli
from mpm_elk.config.model import ElasticsearchSettings
from mpm_elk.contract.names import Index
from mpm_elk.errors import InputError, PermissionDeniedError
from mpm_elk.intake import repair
from mpm_elk.intake.limits import Limits
from mpm_elk.intake.lines import Line
from mpm_elk.intake.quarantine import Item, find, groups, quarantine_id
from mpm_elk.intake.repair import RepairReport, discard, retry_all, retry_some
from mpm_elk.intake.ship import Source, ship
from mpm_elk.timespan import to_ms

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("empty")]

SettingsFor = Callable[[str], ElasticsearchSettings]
ClientFor = Callable[[str], Elasticsearch]

NOW = datetime.now(tz=UTC).replace(microsecond=0)
NOW_MS = to_ms(NOW)
LIMITS = Limits()


@pytest.fixture
def admin(client_for: ClientFor) -> Elasticsearch:
    """Who mends, by the role that setup installs; not the user of tests who may do everything."""
    return client_for("setup")


@pytest.fixture
def model() -> str:
    return f"m{uuid4().hex}"


def event(model: str, identity: str, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "@timestamp": NOW.isoformat(),
        "mpm": {"model": {"name": model, "version": "1"}, "prediction": {"id": identity, "score": 0.5}},
    }
    return document | changes


Fill = Callable[..., list[str]]


@pytest.fixture
def fill(client_for: ClientFor, admin_client: Elasticsearch, tmp_path: Path) -> Fill:
    """Ship lines that belong into quarantine; gives the ids of their documents."""

    def filled(*documents: Any) -> list[str]:
        raws = [d if isinstance(d, bytes) else json.dumps(d).encode() for d in documents]
        file = tmp_path / "log"
        file.write_bytes(b"\n".join(raws))
        report = ship(client_for("shipper"), [Source.of(file)], limits=LIMITS, resume=False)
        assert report.quarantined == len(raws)
        admin_client.indices.refresh(index=Index.QUARANTINE.pattern)
        return [quarantine_id(Line(1, 0, raw.strip())) for raw in raws]

    return filled


def count(admin: Elasticsearch, model: str) -> int:
    pattern = f"{Index.PREDICTIONS.value}-{model}-*"
    admin.indices.refresh(index=pattern)
    return int(admin.count(index=pattern)["count"])


def the(admin: Elasticsearch, identity: str) -> Item:
    (item,) = find(admin, [identity])
    return item


def test_groups(admin: Elasticsearch, fill: Fill, model: str) -> None:
    assert groups(admin) == []
    fill(b'{"a"', b'{"b"', event(model, "1", **{"@timestamp": "1971-01-01"}))
    found = groups(admin)
    assert [(group.reason_code, group.count, group.state) for group in found] == [
        ("invalid_json", 2, "open"),
        ("timestamp_too_old", 1, "open"),
    ]
    assert found[1].example["line"] == 3
    assert found[1].example["reason"].startswith("`@timestamp` is 1971")
    assert [group.count for group in groups(admin, reason="timestamp_too_old")] == [1]
    assert groups(admin, state="retried") == []


def test_retry_after_the_rules_were_mended(admin: Elasticsearch, fill: Fill, model: str) -> None:
    old = event(model, "1", **{"@timestamp": "1971-01-01T00:00:00Z"})
    identity, other = fill(old, b'{"a"')
    assert retry_all(admin, reason="timestamp_too_old", limits=LIMITS, now_ms=NOW_MS).bad == 1
    assert the(admin, identity).about["attempts"] == 1

    backfill = LIMITS.for_backfill()
    report = retry_all(admin, reason="timestamp_too_old", limits=backfill, now_ms=NOW_MS)
    assert (report.stored, report.bad) == (1, 0)
    about = the(admin, identity).about
    assert (about["state"], about["attempts"]) == ("retried", 2)
    assert admin.get(index=about["stored_as"]["index"], id=about["stored_as"]["id"])["found"]
    assert the(admin, other).about["state"] == "open"

    assert retry_all(admin, reason="timestamp_too_old", limits=backfill, now_ms=NOW_MS) == RepairReport()
    assert retry_some(admin, [identity], limits=backfill, now_ms=NOW_MS) == RepairReport(skipped=1)
    assert count(admin, model) == 1


def test_what_is_still_bad_stays_open_with_todays_reason(admin: Elasticsearch, fill: Fill, model: str) -> None:
    wrong = event(model, "1", **{"@timestamp": "1971-01-01T00:00:00Z", "host": {"name": {"a": 1}}})
    (identity,) = fill(wrong)
    report = retry_some(admin, [identity], limits=LIMITS.for_backfill(), now_ms=NOW_MS)
    assert report.still_bad == {"refused_by_elasticsearch": 1}
    item = the(admin, identity)
    assert (item.about["state"], item.about["reason_code"]) == ("open", "refused_by_elasticsearch")
    assert "host.name" in item.document["error"]["message"]


def test_retry_with_a_mended_event(admin: Elasticsearch, fill: Fill, model: str) -> None:
    bad = b'{"mpm": {"model":'
    (identity,) = fill(bad)
    mended = json.dumps(event(model, "1")).encode()
    assert retry_some(admin, [identity], limits=LIMITS, now_ms=NOW_MS, mended=mended).stored == 1
    item = the(admin, identity)
    assert item.raw == bad
    assert item.about["mended"] == mended.decode()
    with pytest.raises(InputError, match="one document"):
        retry_some(admin, [identity, "x"], limits=LIMITS, now_ms=NOW_MS, mended=mended)


def test_an_event_that_is_stored_already_is_done(
    admin: Elasticsearch, client_for: ClientFor, fill: Fill, model: str, tmp_path: Path
) -> None:
    old = event(model, "1", **{"@timestamp": "1971-01-01T00:00:00Z"})
    (identity,) = fill(old)
    again = tmp_path / "again"
    again.write_text(json.dumps(old))
    backfill = LIMITS.for_backfill()
    assert ship(client_for("shipper"), [Source.of(again)], limits=backfill, resume=False).created == 1
    report = retry_some(admin, [identity], limits=backfill, now_ms=NOW_MS)
    assert (report.stored, report.duplicates) == (0, 1)
    assert the(admin, identity).about["state"] == "retried"


def test_of_two_who_change_a_document_the_second_changes_nothing(
    admin: Elasticsearch, fill: Fill, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identity,) = fill(event(model, "1", **{"@timestamp": "1971-01-01T00:00:00Z"}))

    def find_then_somebody_discards(client: Elasticsearch, ids: list[str]) -> list[Item]:
        items = find(client, ids)
        monkeypatch.setattr(repair, "find", find)
        assert discard(client, ids, because="a test", now_ms=NOW_MS).discarded == 1
        return items

    monkeypatch.setattr(repair, "find", find_then_somebody_discards)
    report = retry_some(admin, [identity], limits=LIMITS, now_ms=NOW_MS)
    assert report == RepairReport(skipped=1)
    assert the(admin, identity).about["state"] == "discarded"


def test_many_are_retried_in_bounded_batches(
    admin: Elasticsearch, fill: Fill, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "_BATCH_ITEMS", 7)
    fill(*(event(model, str(i), **{"@timestamp": "1971-01-01T00:00:00Z"}) for i in range(30)))
    assert retry_all(admin, reason=None, limits=LIMITS.for_backfill(), now_ms=NOW_MS).stored == 30
    assert count(admin, model) == 30
    assert groups(admin) == []


def test_a_line_that_is_no_utf8_comes_back_as_it_was(admin: Elasticsearch, fill: Fill) -> None:
    raw = b'{"a": "\xff"}'
    (identity,) = fill(raw)
    assert the(admin, identity).raw == raw
    assert retry_some(admin, [identity], limits=LIMITS, now_ms=NOW_MS).still_bad == {"invalid_utf8": 1}


def test_a_line_beyond_what_is_held_is_kept_in_part(admin: Elasticsearch, fill: Fill) -> None:
    raw = b'{"a": "' + b"x" * (9 << 20) + b'"}'
    (identity,) = fill(raw)
    about = the(admin, identity).about
    assert (about["bytes"], about["truncated"], about["reason_code"]) == (len(raw), True, "line_too_long")
    assert retry_some(admin, [identity], limits=Limits(max_line_bytes=32 << 20), now_ms=NOW_MS).bad == 1


def test_discard(admin: Elasticsearch, fill: Fill) -> None:
    (identity,) = fill(b'{"a"')
    assert discard(admin, [identity], because="a load test", now_ms=NOW_MS).discarded == 1
    assert discard(admin, [identity], because="again", now_ms=NOW_MS).skipped == 1
    assert the(admin, identity).about["because"] == "a load test"
    with pytest.raises(InputError, match="holds no document unknown"):
        discard(admin, ["unknown"], because="x", now_ms=NOW_MS)


def test_a_shipper_may_neither_read_nor_change_it(client_for: ClientFor, fill: Fill) -> None:
    (identity,) = fill(b'{"a"')
    with pytest.raises(PermissionDeniedError):
        find(client_for("shipper"), [identity])


def test_the_command(settings_for: SettingsFor, fill: Fill, model: str) -> None:
    settings = settings_for("setup")
    assert settings.username
    assert settings.password
    run = CliRunner(
        env={
            **os.environ,
            "MPM_ES_URL": settings.hosts[0],
            "MPM_ES_USERNAME": settings.username,
            "MPM_ES_PASSWORD": settings.password.get_secret_value(),
            "MPM_ES_CA_CERTS": str(settings.ca_certs or ""),
        }
    )
    old, broken, other = fill(event(model, "1", **{"@timestamp": "1971-01-01T00:00:00Z"}), b'{"a"', b'{"b"')

    listed = run.invoke(cli, ["quarantine", "list"])
    assert listed.exit_code == 0, listed.output
    assert "2  invalid_json (open)" in listed.stdout
    as_json = json.loads(run.invoke(cli, ["quarantine", "list", "--reason", "invalid_json", "--json"]).stdout)
    assert [group["count"] for group in as_json] == [2]
    shown = run.invoke(cli, ["quarantine", "show", broken])
    assert '{"a"' in shown.stdout
    assert "invalid_json" in shown.stdout

    assert run.invoke(cli, ["quarantine", "retry", old]).exit_code == 1
    retried = run.invoke(cli, ["quarantine", "retry", "--backfill", "--reason", "timestamp_too_old"])
    assert (retried.exit_code, retried.stdout) == (0, "1 stored\n")
    mended = json.dumps(event(model, "2"), indent=2)
    retried = run.invoke(cli, ["quarantine", "retry", broken, "--file", "-", "--json"], input=mended)
    assert json.loads(retried.stdout)["stored"] == 1
    discarded = run.invoke(cli, ["quarantine", "discard", other, "--because", "a test"])
    assert discarded.stdout == "1 discarded\n"
    assert run.invoke(cli, ["quarantine", "list"]).stdout == "nothing open is in quarantine\n"
    assert len(json.loads(run.invoke(cli, ["quarantine", "list", "--state", "all", "--json"]).stdout)) == 3
