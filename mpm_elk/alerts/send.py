"""Send a message through a channel, with Apprise."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from mpm_elk.config.notifications import Channel
from mpm_elk.errors import ConfigError

KEY_FIELD = "dedup_key"
_WEBHOOKS = ("json", "jsons", "form", "forms", "xml", "xmls")


def send(channel: Channel, message: Mapping[str, str], key: str) -> str | None:
    """Send a message; returns why it could not be sent, or None.

    Its key stands at the end of the text and, where the channel is a webhook, in the field `dedup_key`. Raises
    ConfigError where Apprise is not installed, or does not know the URL.
    """
    try:
        import apprise  # noqa: PLC0415 — an extra
    except ImportError:
        raise ConfigError(
            f"channel {channel.id}: notifications need Apprise", remedy="pip install 'mpm-elk[notifications]'"
        ) from None
    url = channel.url.get_secret_value()
    scheme = urlsplit(url).scheme.lower()
    if scheme in _WEBHOOKS:
        url += f"{'&' if '?' in url else '?'}:{KEY_FIELD}={quote(key)}"
    target = apprise.Apprise()
    if not target.add(url):
        raise ConfigError(
            f"channel {channel.id}: Apprise does not know such a URL ({scheme}://…)",
            remedy="write it as https://appriseit.com/services/ says for the service",
        )
    # What Apprise logs may hold the URL, and so a secret: it is not repeated here.
    if target.notify(title=message["title"], body=message["body"], notify_type=apprise.NotifyType(message["type"])):
        return None
    return f"{scheme} did not take it"
