from pathlib import Path

import pytest

from mpm_elk.cluster.dev import boot
from mpm_elk.cluster.dev.state import Folder

BOOTSTRAP = """\
[2026-11-24T07:45:50,113][INFO ][o.e.n.Node               ] [n] version[9.5.3]
[2026-11-24T07:45:58,946][ERROR][o.e.b.Elasticsearch      ] [n] fatal exception while booting Elasticsearch\
java.lang.IllegalArgumentException: unknown setting [no.such] did you mean [x]?
\tat org.elasticsearch.server@9.5.3/org.elasticsearch.common.settings.AbstractScopedSettings.validate(A.java:1)
Caused by: java.lang.IllegalStateException: deeper

ERROR: Elasticsearch did not exit normally - check the logs at /x/n.log
ERROR: Elasticsearch died while starting up, with exit code 1
"""
HEAP = """\
java.lang.RuntimeException: starting java failed with [1]
output:
Error occurred during initialization of VM
Too small maximum heap
error:

\tat org.elasticsearch.server.cli.JvmOption.flagsFinal(JvmOption.java:125)
"""


def test_the_line_that_tells_most() -> None:
    assert "unknown setting [no.such]" in (boot.last_telling_line(BOOTSTRAP) or "")
    assert boot.last_telling_line(HEAP) == "Too small maximum heap"
    assert boot.last_telling_line("bash: no such file\n") == "bash: no such file"
    assert boot.last_telling_line("\n \n") is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:41234\n", "https://127.0.0.1:41234"),
        ("[::1]:9200\n127.0.0.1:9201\n", "https://127.0.0.1:9201"),
        ("", None),
    ],
)
def test_the_address_that_the_node_wrote(tmp_path: Path, text: str, address: str | None) -> None:
    folder = Folder(tmp_path)
    assert boot.address(folder) is None
    folder.logs.mkdir()
    (folder.logs / "http.ports").write_text(text)
    assert boot.address(folder) == address


def test_a_port_where_nobody_listens_does_not_answer(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    ca = tmp_path / "ca.crt"
    trustme.CA().cert_pem.write_to_path(ca)
    assert not boot.answers("https://127.0.0.1:1", ca, "x")
