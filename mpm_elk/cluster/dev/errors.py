"""The one error of the development cluster that its callers tell from others."""

from mpm_elk.errors import DevClusterError


class EmbeddedUnavailableError(DevClusterError):
    """What the embedded node needs cannot be had here: the distribution or a JDK. Docker may do instead."""
