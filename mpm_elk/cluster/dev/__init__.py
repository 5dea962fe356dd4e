"""A single Elasticsearch node for development, tests and the demo: fetched, started and stopped by Python alone."""

from mpm_elk.cluster.dev.lifecycle import DEFAULT_HEAP, DEFAULT_NAME, Status, cluster, down, running, status, up
from mpm_elk.cluster.dev.node import Node
from mpm_elk.cluster.dev.route import elasticsearch, from_environment
from mpm_elk.cluster.dev.state import names
from mpm_elk.cluster.dev.versions import DEFAULT_VERSION

__all__ = [
    "DEFAULT_HEAP",
    "DEFAULT_NAME",
    "DEFAULT_VERSION",
    "Node",
    "Status",
    "cluster",
    "down",
    "elasticsearch",
    "from_environment",
    "names",
    "running",
    "status",
    "up",
]
