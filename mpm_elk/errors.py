"""The errors that mpm-elk raises: each says what happened and what to do about it."""


class MpmError(Exception):
    """Something that a user can act on.

    `message` says what happened, `remedy` what to do. The command line prints both without a traceback
    and exits with `exit_code`.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message


class ConfigError(MpmError):
    """The configuration is wrong: which file and line, and what would be right."""

    exit_code = 2


class UsageError(MpmError):
    """A command was called with arguments that cannot be right."""

    exit_code = 2


class InputError(MpmError):
    """A file that the user named cannot be read as what it should be."""


class RegistryError(MpmError):
    """The registry does not hold what was asked for, or holds something that contradicts it."""


class DevClusterError(MpmError):
    """The development cluster cannot be fetched, started or stopped."""


class ClusterError(MpmError):
    """Elasticsearch could not be used."""


class ClusterUnreachableError(ClusterError):
    """No node answered."""


class AuthenticationError(ClusterError):
    """The cluster does not accept the credentials."""


class CertificateError(ClusterError):
    """The cluster's certificate is not trusted."""


class PermissionDeniedError(ClusterError):
    """The user lacks a privilege."""


class PartialResultError(ClusterError):
    """A search answered for some shards only, which is no answer."""


class ChangedError(ClusterError):
    """Somebody else changed a document between reading and writing it."""


class KibanaError(MpmError):
    """Kibana could not be used, or did not take what it was given."""


class LeaseHeldError(MpmError):
    """Another run works on this model now."""

    exit_code = 75


class LeaseLostError(MpmError):
    """This run stalled past its lease, and another run has taken over."""
