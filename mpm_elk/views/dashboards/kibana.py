"""Kibana's API for saved objects, as far as it is needed: import and export."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from mpm_elk import __version__
from mpm_elk.config.kibana import KibanaSettings
from mpm_elk.errors import KibanaError
from mpm_elk.views.dashboards.saved import FILE

_TRIES = urllib3.Retry(
    total=4, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=None, raise_on_status=False
)


@dataclass(frozen=True)
class Refused:
    """One object that Kibana did not take, and why."""

    kind: str
    id: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}: {self.reason}"


@dataclass(frozen=True)
class Imported:
    """How many objects Kibana took."""

    url: str
    space: str
    objects: int


class Kibana:
    """One space of a Kibana. Certificates are always checked; what was imported before is overwritten."""

    def __init__(self, settings: KibanaSettings) -> None:
        self._settings = settings
        if settings.ca_certs and not settings.ca_certs.is_file():
            raise KibanaError(f"the CA file {settings.ca_certs} does not exist", remedy="check `ca_certs`")
        self._pool = urllib3.PoolManager(
            timeout=settings.request_timeout.total_seconds(),
            retries=_TRIES,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(settings.ca_certs) if settings.ca_certs else None,
        )

    def install(self, text: str) -> Imported:
        """Import saved objects. Raises KibanaError that names each object that was refused."""
        fields = {"file": (FILE, text.encode(), "application/ndjson")}
        answer = _as_json(self._call("_import?overwrite=true", fields=fields))
        refused = [_refused(error) for error in answer.get("errors", ())]
        if refused or not answer.get("success"):
            listed = "\n  ".join(map(str, refused)) or "it does not say why"
            raise KibanaError(
                f"Kibana did not take {len(refused) or 'some'} of the objects:\n  {listed}", remedy=_remedy(refused)
            )
        return Imported(self._settings.url, self._settings.space or "default", int(answer["successCount"]))

    def export(self, objects: Sequence[tuple[str, str]]) -> str:
        """Read objects (type, id), and all that they refer to, as lines of JSON."""
        wanted = [{"type": kind, "id": identity} for kind, identity in objects]
        body = {"objects": wanted, "includeReferencesDeep": True, "excludeExportDetails": True}
        return self._call("_export", body=json.dumps(body).encode()).decode()

    def _call(self, path: str, *, fields: Mapping[str, Any] | None = None, body: bytes | None = None) -> bytes:
        space = f"/s/{self._settings.space}" if self._settings.space else ""
        url = f"{self._settings.url.rstrip('/')}{space}/api/saved_objects/{path}"
        headers = {"kbn-xsrf": "true", "user-agent": f"mpm-elk/{__version__}", **self._credentials()}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            if fields is not None:
                answer = self._pool.request("POST", url, fields=fields, headers=headers)
            else:
                answer = self._pool.request("POST", url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._settings.url, error) from error
        if answer.status >= 400:
            raise _failed(answer.status, answer.data, self._settings)
        return answer.data

    def _credentials(self) -> dict[str, str]:
        settings = self._settings
        if settings.api_key:
            return {"authorization": f"ApiKey {settings.api_key.get_secret_value()}"}
        if settings.username and settings.password:
            pair = f"{settings.username}:{settings.password.get_secret_value()}"
            return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        return {}


def _as_json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise KibanaError("this is no Kibana: its answer is no JSON object", remedy="check the URL, and its base path")
    return found


def _refused(error: Mapping[str, Any]) -> Refused:
    """Say an object's error in words."""
    about = error.get("error", {})
    kind = about.get("type", "unknown")
    if kind == "missing_references":
        lacking = ", ".join(f"{each['type']} {each['id']}" for each in about.get("references", ()))
        reason = f"it refers to {lacking}, which is not there"
    elif kind in ("conflict", "ambiguous_conflict"):
        reason = "another object has its id"
    elif kind == "unsupported_type":
        reason = "this Kibana knows no such type"
    else:
        reason = str(about.get("message") or kind)
    return Refused(str(error.get("type")), str(error.get("id")), reason)


def _remedy(refused: Sequence[Refused]) -> str:
    if any("more recent version" in each.reason for each in refused):
        return "this Kibana is older than 8.19, for which the objects are written"
    return "`mpm-elk dashboards check` looks at what is shipped"


def _unreachable(url: str, error: Exception) -> KibanaError:
    cause = getattr(error, "reason", None) or error
    if "certificate" in str(cause).lower():
        return KibanaError(f"Kibana's certificate is not trusted: {cause}", remedy="set `ca_certs` to its CA")
    return KibanaError(f"no Kibana answers at {url}: {cause}", remedy="check the URL, and that Kibana runs")


def _failed(status: int, content: bytes, settings: KibanaSettings) -> KibanaError:
    try:
        said = str(json.loads(content).get("message", ""))
    except (ValueError, AttributeError):
        said = content[:200].decode(errors="replace")
    match status:
        case 401:
            return KibanaError("Kibana refuses the credentials", remedy="check user and password, or the API key")
        case 403:
            return KibanaError(
                f"the user may not do this: {said}",
                remedy="give the user the privilege `Saved Objects Management: All` in this space",
            )
        case 404:
            where = f"the space {settings.space} or " if settings.space else ""
            return KibanaError(
                f"{where}the API is not there: {said}", remedy="check the URL, its base path, and the space"
            )
        case 413:
            return KibanaError(
                "Kibana takes no file of this size", remedy="raise `savedObjects.maxImportPayloadBytes` in kibana.yml"
            )
    return KibanaError(f"Kibana answered {status}: {said}")
