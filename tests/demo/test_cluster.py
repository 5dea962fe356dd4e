from pathlib import Path

from mpm_elk.cluster.dev import Node
from mpm_elk.demo.cluster import how_to_look
from mpm_elk.demo.traffic import KEY

NODE = Node("https://127.0.0.1:9201", Path("ca.crt"), {"reader": "hidden-1", "admin": "hidden-2"}, name="demo")


def test_a_node_that_stays_up_is_shown_with_its_environment_and_how_to_end_it() -> None:
    lines = how_to_look(NODE, KEY, ours=True)
    assert "dev env --name demo --user reader" in lines[0]
    assert lines[-1].endswith("dev down --name demo")
    text = "\n".join(lines)
    assert "mpm-alerts-v1/_search" in text
    assert "mpm-metrics-v1-flight_delay-production-*/_search" in text


def test_of_a_cluster_that_is_not_ours_only_the_documents_are_shown() -> None:
    text = "\n".join(how_to_look(NODE, KEY, ours=False))
    assert "mpm-alerts-v1/_search" in text
    assert "dev down" not in text
    assert "dev env" not in text


def test_no_password_is_printed() -> None:
    assert "hidden" not in "\n".join(how_to_look(NODE, KEY, ours=True))
