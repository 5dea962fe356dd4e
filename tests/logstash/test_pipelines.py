"""The pipelines are what Logstash 9 accepts, and keep to the rules that let nothing get lost."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.logstash import checks
from tests.logstash.checks import CHECKS, TABLE, Bundle, variables

ROOT = Path(__file__).parents[2]
LOGSTASH = ROOT / "logstash"
DOCS = ROOT / "docs" / "logstash.md"

Check = Callable[[Bundle], Iterator[str]]

INTAKE = """
input {
  http {
    id => "mpm_http"
    port => "${MPM_HTTP_PORT:8080}"
    password => "${MPM_HTTP_PASSWORD:}"
    ssl_enabled => "${MPM_HTTP_TLS:false}"
    codec => plain { ecs_compatibility => disabled }
  }
  tcp { id => "mpm_tcp" port => 5000 codec => line { charset => "ISO-8859-1" } }
}
filter {
  ruby {
    id => "mpm_receive"
    path => "${MPM_HOME:/usr/share/logstash/mpm}/ruby/receive.rb"
  }
}
output {
  if [@metadata][mpm][kind] == "prediction" {
    pipeline { id => "mpm_to_predictions" send_to => ["mpm_predictions"] }
  }
}
"""
PREDICTIONS = """
input { pipeline { id => "mpm_from_intake" address => "mpm_predictions" } }
output {
  elasticsearch {
    id => "mpm_store_predictions"
    hosts => "${MPM_ES_HOSTS}"
    api_key => "${MPM_ES_API_KEY}"
    ssl_enabled => true
    action => "create"
    index => "%{[@metadata][mpm][index]}"
    document_id => "%{[@metadata][mpm][id]}"
    manage_template => false
    ilm_enabled => false
    data_stream => false
  }
}
"""
LETTERS = """
input {
  dead_letter_queue { id => "mpm_letters" path => "${MPM_DLQ:/var/dlq}" pipeline_id => "predictions" }
}
output { pipeline { id => "mpm_letters_on" send_to => ["mpm_quarantine"] } }
"""
QUARANTINE = PREDICTIONS.replace("predictions", "quarantine").replace("from_intake", "from_letters")

GOOD = Bundle(
    files={
        "pipelines/intake/http.conf": INTAKE,
        "pipelines/predictions.conf": PREDICTIONS,
        "pipelines/letters.conf": LETTERS,
        "pipelines/quarantine.conf": QUARANTINE,
    },
    pipelines=[
        {"pipeline.id": "intake", "path.config": "${MPM_HOME:/usr}/pipelines/intake/{receive,${MPM_INPUTS:http}}.conf"},
        {"pipeline.id": "predictions", "path.config": "/usr/pipelines/predictions.conf"},
        {"pipeline.id": "letters", "path.config": "/usr/pipelines/letters.conf"},
        {"pipeline.id": "quarantine", "path.config": "/usr/pipelines/quarantine.conf"},
    ],
    settings={"queue.type": "persisted", "dead_letter_queue.enable": True, "log.format": "json"},
    others=frozenset({"ruby/receive.rb"}),
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load(LOGSTASH)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_pipelines_keep_the_rules(bundle: Bundle, check: Check) -> None:
    assert bundle.files
    assert list(check(bundle)) == []


def test_every_variable_is_documented(bundle: Bundle) -> None:
    named = set(re.findall(r"\b[A-Z][A-Z0-9_]{3,}\b", DOCS.read_text()))
    assert variables(bundle).keys() - named == set()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_bundle_that_keeps_the_rules(check: Check) -> None:
    assert list(check(GOOD)) == []


def changed(old: str, new: str) -> Bundle:
    """Replace a text in all files; it must be in one."""
    assert any(old in text for text in GOOD.files.values())
    return replace(GOOD, files={name: text.replace(old, new) for name, text in GOOD.files.items()})


def reset(**changes: Any) -> Bundle:
    """Change the first pipeline of pipelines.yml."""
    first, *others = GOOD.pipelines
    return replace(
        GOOD, pipelines=[{**first, **{key.replace("__", "."): value for key, value in changes.items()}}, *others]
    )


@pytest.mark.parametrize(
    ("check", "broken", "fault"),
    [
        (checks.syntax, changed("action =>", "action ="), "predictions.conf: line 9, column 12"),
        (checks.ids, changed('id => "mpm_http"', ""), "http has the id None"),
        (checks.ids, changed('"mpm_receive"', '"receive"'), "the id 'receive', which is none"),
        (
            checks.ids,
            changed('"mpm_receive"', '"mpm_http"'),
            "the id mpm_http stands at pipelines/intake/http.conf:3 too",
        ),
        (checks.known_settings, changed("ssl_enabled => true", "ssl => true"), "removed: Set 'ssl_enabled' instead"),
        (
            checks.known_settings,
            changed("ssl_enabled => true", 'cacert => "x"'),
            "`cacert` of elasticsearch was removed",
        ),
        (checks.known_settings, changed("port =>", "verify_mode => none port =>"), "`verify_mode` of http was removed"),
        (
            checks.known_settings,
            changed("port =>", "tls_min_version => 1 port =>"),
            "`tls_min_version` of http was removed",
        ),
        (checks.known_settings, changed("hosts =>", "host =>"), "`host` of elasticsearch is no setting"),
        (checks.known_settings, changed("charset =>", "encoding =>"), "`encoding` of line is no setting"),
        (checks.known_settings, changed("codec => plain {", "codec => plan {"), "no codec plugin plan"),
        (checks.known_settings, changed("http {", "htp {"), "no input plugin htp"),
        (checks.known_settings, changed("port =>", "port => 1 port =>"), "`port` of http is set twice"),
        (checks.known_settings, changed("port =>", "response_code => 418 port =>"), "is 418, and must be one of"),
        (checks.known_settings, changed('path => "${MPM_DLQ:/var/dlq}"', ""), "dead_letter_queue needs `path`"),
        (checks.addresses, changed('send_to => ["mpm_predictions"]', 'send_to => ["x"]'), "`x` is sent to, and has 0"),
        (
            checks.addresses,
            changed('send_to => ["mpm_predictions"]', 'send_to => ["x"]'),
            "nothing is sent to `mpm_pred",
        ),
        (checks.addresses, changed('"mpm_quarantine"', '"mpm_predictions"'), "`mpm_predictions` is sent to, and has 2"),
        (
            checks.addresses,
            changed(
                "output {\n  elasticsearch {",
                'output { pipeline { send_to => ["back"] } elasticsearch {',
            ),
            "`back` is sent to, and has 0 addresses",
        ),
        (
            checks.addresses,
            changed("input {\n  http {", 'input { pipeline { address => "mpm_quarantine" } http {'),
            "`mpm_quarantine` is sent to, and has 2 addresses",
        ),
        (
            checks.addresses,
            changed(
                'input { pipeline { id => "mpm_from_letters"',
                'output { pipeline { send_to => "back" } } input { pipeline { address => "back" } '
                'pipeline { id => "mpm_from_letters"',
            ),
            "the pipelines send in a circle: quarantine → quarantine",
        ),
        (checks.pipelines, reset(pipeline__id="predictions"), "the id predictions is there twice"),
        (checks.pipelines, reset(path__config="/usr/pipelines/none.conf"), "intake: no file is at"),
        (
            checks.pipelines,
            reset(path__config="/usr/pipelines/none.conf"),
            "pipelines/intake/http.conf: no pipeline has",
        ),
        (checks.pipelines, reset(pipeline__worker=1), "intake: `pipeline.worker` cannot be set"),
        (checks.pipelines, reset(queue__type="memory"), "intake: the queue is not persisted"),
        (checks.pipelines, replace(GOOD, settings={"dead_letter_queue.enable": True}), "quarantine: the queue is not"),
        (checks.pipelines, replace(GOOD, settings={**GOOD.settings, "que": 1}), "logstash.yml: `que` is no setting"),
        (checks.dead_letters, replace(GOOD, settings={}), "predictions: what Elasticsearch refuses is lost"),
        (
            checks.dead_letters,
            changed('pipeline_id => "predictions"', 'pipeline_id => "intake"'),
            "predictions: nobody reads its dead letters",
        ),
        (
            checks.dead_letters,
            changed('pipeline_id => "predictions"', 'pipeline_id => "intake"'),
            "letters.conf:3: reads the dead letters of `intake`, which writes nothing",
        ),
        (checks.scripts, replace(GOOD, others=frozenset()), "/usr/share/logstash/mpm/ruby/receive.rb is not there"),
        (checks.scripts, changed("path =>", "code =>"), "the file None is not there"),
        (checks.secrets, changed('"${MPM_ES_API_KEY}"', '"id:key"'), "`api_key` of elasticsearch must be a variable"),
        (checks.secrets, changed("${MPM_ES_API_KEY}", "${MPM_ES_API_KEY:a:b}"), "`api_key` of elasticsearch must be"),
        (checks.secrets, changed("${MPM_HTTP_PASSWORD:}", "changeme"), "`password` of http must be a variable"),
        (checks.secrets, changed("${MPM_ES_HOSTS}", "https://u:p@h:9200"), "`hosts` of elasticsearch holds a password"),
        (
            checks.secrets,
            replace(GOOD, settings={"api.auth.basic.password": "x"}),
            "logstash.yml: `api.auth.basic.password` must be a variable",
        ),
        (
            checks.routing,
            changed("[@metadata][mpm][kind]", "[mpm][kind]"),
            "asks for [mpm][kind], which anybody may set",
        ),
        (checks.routing, changed("%{[@metadata][mpm][index]}", "mpm-%{[mpm][model][name]}"), "`index` must come from"),
        (checks.routing, changed("%{[@metadata][mpm][id]}", "x"), "`document_id` must come from [@metadata]"),
        (checks.outputs, changed('"create"', '"index"'), "`action` must be create"),
        (checks.outputs, changed("manage_template => false", ""), "`manage_template` must be false"),
        (checks.outputs, changed("data_stream => false", "data_stream => auto"), "`data_stream` must be false"),
        (checks.outputs, changed("ilm_enabled => false", ""), "`ilm_enabled` must be false"),
        (
            checks.outputs,
            changed("action =>", "ssl_verification_mode => none action =>"),
            "certificates are not checked",
        ),
        (checks.outputs, changed("elasticsearch {", "stdout { } elasticsearch {"), "an output stdout is not meant"),
        (
            checks.inputs,
            changed("ISO-8859-1", "UTF-8"),
            "the codec of tcp must be plain or line, of charset ISO-8859-1",
        ),
        (checks.inputs, changed("codec => line {", "codec => json_lines {"), "the codec of tcp must be plain or line"),
        (checks.inputs, changed('codec => line { charset => "ISO-8859-1" }', ""), "the codec of tcp must be plain"),
        (
            checks.inputs,
            changed("ecs_compatibility => disabled", 'charset => "UTF-8"'),
            "of http must be plain or line, of",
        ),
        (checks.inputs, changed("codec => plain {", "codec => json {"), "the codec of http must be plain or line"),
    ],
)
def test_each_fault_is_found(check: Check, broken: Bundle, fault: str) -> None:
    found = list(check(broken))
    assert any(fault in sentence for sentence in found), found


def test_variables_are_found_with_and_without_a_default() -> None:
    found = variables(changed("${MPM_HTTP_PORT:8080}", "${MPM_HTTP_PORT}"))
    assert found["MPM_HTTP_PORT"] is False
    assert found["MPM_HTTP_PASSWORD"] is True
    assert found["MPM_INPUTS"] is True
    assert found["MPM_ES_HOSTS"] is False


def test_the_table_of_settings_knows_what_was_removed() -> None:
    removed = {name: set(plugin.get("removed", ())) for name, plugin in TABLE["plugins"].items()}
    assert removed["output/elasticsearch"] >= {
        "cacert",
        "ssl",
        "ssl_certificate_verification",
        "keystore",
        "truststore",
    }
    assert removed["input/http"] >= {"ssl", "verify_mode", "cipher_suites", "tls_min_version", "tls_max_version"}
    assert removed["input/tcp"] >= {"ssl_enable", "ssl_cert", "ssl_verify"}
    assert removed["input/beats"] >= {"ssl", "ssl_verify_mode", "cipher_suites"}
